"""CMSC-DCCA: two modalities, and one combination of rows for both."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits, make_blobs
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._cmsc_dcca as module
from skdeepcluster import CMSCDCCAClustering
from tests.cluster._small import small as make_small
from tests.references import correlation, self_expression


def small(n_clusters=3, **changes):
    defaults = {"n_components": 2, "hidden_layer_sizes": (16,)}
    return make_small(CMSCDCCAClustering, n_clusters, **{**defaults, **changes})


@pytest.fixture
def objectives(monkeypatch):
    """The objectives of the last stage, each with what it had before its first step."""
    made = []

    class Watched(module._SelfExpression):
        def losses(self, batch):
            if self not in made:
                self.before = copy.deepcopy(self.model)
                self.first = self.coefficients.detach().clone()
                self.x = batch.x
                made.append(self)
            return super().losses(batch)

    monkeypatch.setattr(module, "_SelfExpression", Watched)
    return made


# -- loss --------------------------------------------------------------------------


@pytest.mark.parametrize("spaces", [[(0, 3), (3, 6)], [[0, 2, 4, 5], (0, 1)]])
def test_loss__against_numpy(spaces, blobs, objectives):
    weights = {
        "correlation_weight": 0.7,
        "self_expression_weight": 2.0,
        "coefficient_weight": 0.3,
    }
    clustering = small(spaces=spaces, max_epochs=1, **weights)
    history = clustering.fit(blobs[0]).history_
    assert [record["stage"] for record in history] == ["pretraining", "clustering"]
    (objective,) = objectives
    with torch.no_grad():
        x = objective.before.features(objective.x)
        z = objective.before.encode(x)
        s = objective.first
        z_hat = [s @ part for part in z]
        x_hat = objective.before.decode(z_hat)
    x, z, z_hat, x_hat, s = (
        [part.double().numpy() for part in parts] for parts in (x, z, z_hat, x_hat, [s])
    )

    def error(pairs):
        return sum(np.square(a - b).mean() for a, b in pairs)

    to_one = np.square(s[0].sum(axis=1) - 1).mean()
    shared = correlation.canonical_correlation(*z, 1e-3)
    expected = {
        "reconstruction": error(zip(x, x_hat, strict=True)),
        "correlation": -0.7 * shared / min(part.shape[1] for part in z),
        "self_expression": 2.0 * (error(zip(z, z_hat, strict=True)) + to_one),
        "coefficients": 0.3 * np.square(s[0]).sum(),
    }
    for name, value in expected.items():
        assert history[-1][name] == pytest.approx(value, rel=1e-4), name
    assert history[-1]["loss"] == pytest.approx(sum(expected.values()), rel=1e-4)


def test_coefficients__begin_at_the_best_and_stay_off_the_diagonal(blobs, objectives):
    weights = {"self_expression_weight": 2.0, "coefficient_weight": 0.3}
    small(max_epochs=3, **weights).fit(blobs[0])
    (objective,) = objectives
    with torch.no_grad():
        z = objective.before.embed(objective.x).double().numpy() / 2**0.5
    z = np.hstack([z, np.ones((60, 1))])
    expected = self_expression.best_coefficients(z, 60 * 0.3 / 2.0)
    np.testing.assert_allclose(objective.first, expected, rtol=1e-3, atol=1e-6)
    assert not torch.equal(objective.coefficients, objective.first)
    assert not objective.coefficients.diagonal().any()


def test_correlation_weight__makes_embeddings_correlated():
    rng = np.random.default_rng(0)
    common = rng.normal(size=(200, 2))
    X = np.hstack([common**3, rng.normal(size=(200, 2)), np.tanh(common)])
    found = []
    for weight in (0.0, 1.0):
        clustering = small(
            spaces=[(0, 4), (4, 6)],
            learning_rate=0.01,
            max_epochs=100,
            correlation_weight=weight,
        ).fit(X)
        z = clustering.transform(X).astype(np.float64)
        assert z.shape == (200, 4)
        found.append(correlation.canonical_correlation(z[:, :2], z[:, 2:], 1e-3))
    assert found[1] > found[0] + 0.3


# -- spaces ------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [1.0, 1000.0])
def test_each_space__has_one_scale(factor, blobs):
    X = blobs[0] * [1, 1, 1, factor, factor, factor]
    clustering = small().fit(X)
    x = torch.from_numpy((X - clustering.center_) / clustering.scale_).float()
    for part in clustering.model_.features(x):
        assert part.square().mean().item() == pytest.approx(1, rel=1e-4)


def test_spaces__in_different_forms_are_the_same(blobs):
    X = pd.DataFrame(blobs[0], columns=list("abcdef"))
    first = small().fit(X)
    for spaces in ([(0, 3), (3, 6)], (slice(0, 3), list("def"))):
        other = pickle.loads(pickle.dumps(small(spaces=spaces).fit(X)))
        np.testing.assert_array_equal(other.transform(X), first.transform(X))
        np.testing.assert_array_equal(other.labels_, first.labels_)


@pytest.mark.parametrize(
    ("n_features", "widths"), [(1, [1, 1]), (2, [1, 1]), (5, [2, 3])]
)
def test_no_spaces__are_halves_of_the_columns(n_features, widths, blobs):
    clustering = small().fit(blobs[0][:, :n_features])
    assert clustering.model_.widths == widths
    assert clustering.model_.columns.unique().tolist() == list(range(n_features))
    assert clustering.n_components_ == sum(min(2, width) for width in widths)


@pytest.mark.parametrize("spaces", [[], [(0, 6)], [(0, 2), (2, 4), (4, 6)]])
def test_other_than_two_spaces__raise(spaces, blobs):
    with pytest.raises(ValueError, match="spaces must name two modalities"):
        small(spaces=spaces).fit(blobs[0])


def test_warm_start__keeps_the_spaces(blobs):
    clustering = small(warm_start=True).fit(blobs[0])
    clustering.set_params(spaces=[[0, 1, 2], [3, 4, 5]]).fit(blobs[0])
    assert {record["stage"] for record in clustering.history_} == {"clustering"}
    for spaces in ([(0, 2), (2, 6)], [(3, 6), (0, 3)]):
        with pytest.raises(ValueError, match="warm_start=True goes on with the spaces"):
            clustering.set_params(spaces=spaces).fit(blobs[0])


# -- what it says ------------------------------------------------------------------


def test_two_clusters_on_both_sides_of_the_mean__are_two():
    X, y = make_blobs(60, n_features=6, centers=[[3.0] * 6, [-3.0] * 6], random_state=0)
    assert adjusted_rand_score(y, small(2).fit_predict(X)) == 1


def test_fewer_distinct_rows_than_clusters__of_the_columns_in_a_space():
    rng = np.random.default_rng(0)
    kind = rng.integers(3, size=40)
    X = np.column_stack([rng.normal(size=(3, 4))[kind], rng.normal(size=40)])
    with pytest.warns(ConvergenceWarning, match="3 clusters instead of n_clusters=5"):
        clustering = small(5, spaces=[(0, 2), (2, 4)]).fit(X)
    assert adjusted_rand_score(kind, clustering.labels_) == 1.0


def test_too_many_rows__raise_before_training(monkeypatch, blobs):
    monkeypatch.setattr(CMSCDCCAClustering, "_most_rows", 59)
    with pytest.raises(ValueError, match="at most 59 of them. Got n_samples=60: fit a"):
        small().fit(blobs[0])


def test_new_rows__have_an_embedding_and_no_label(blobs):
    clustering = small().fit(blobs[0][:40])
    assert clustering.transform(blobs[0]).shape == (60, 4)
    for method in ("predict", "score"):
        assert not hasattr(clustering, method)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("correlation_weight", -1.0),
        ("self_expression_weight", 0.0),
        ("coefficient_weight", 0.0),
        ("hidden_layer_sizes", "auto"),
        ("spaces", "all"),
    ],
)
def test_bad_parameters__raise(blobs, parameter, value):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter"):
        small(**{parameter: value}).fit(blobs[0])


def test_digits__far_better_than_chance():
    X, y = load_digits(return_X_y=True)
    X, y = X.reshape(-1, 8, 8).transpose(0, 2, 1)[:500], y[:500]  # left and right
    clustering = CMSCDCCAClustering(10, max_epochs=20, random_state=0)
    assert adjusted_rand_score(y, clustering.fit_predict(X)) > 0.5
