"""IMSATClustering: informative assignments that small changes do not change."""

import copy

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._imsat as imsat_module
from skdeepcluster import IMSATClustering
from tests.cluster._small import clustering_history
from tests.cluster._small import small as make_small
from tests.references import mutual_information, perturbation, sizes


def small(n_clusters=3, **changes):
    settings = {"hidden_layer_sizes": (16, 8), **changes}
    return make_small(IMSATClustering, n_clusters, **settings)


# -- loss --------------------------------------------------------------------------


SETTINGS = [
    {},
    {"size_prior": "zipf", "balance_weight": 2.0, "clustering_weight": 0.7},
    {"size_prior": [4, 1, 2], "n_neighbors": 3, "radius": 0.8, "vat_weight": 2.5},
]
PRIORS = [[1 / 3] * 3, [6 / 11, 3 / 11, 2 / 11], [4 / 7, 1 / 7, 2 / 7]]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("case", range(3))
def test_loss__against_the_references(blobs, monkeypatch, case):
    (X, _), settings, prior = blobs, SETTINGS[case], PRIORS[case]
    squares = np.square(X[:, None] - X).sum(axis=2)
    expected = {}

    class Watched(imsat_module._Information):
        def losses(self, batch):
            model = copy.deepcopy(self.model).double()  # in train mode, as the original

            def assign(x):
                with torch.no_grad():
                    logits = model.logits(torch.from_numpy(x))[0]
                return logits.double().softmax(dim=1).numpy()

            drawn = torch.Generator()
            drawn.set_state(self.generator.get_state())
            noise = torch.randn(batch.x.shape, generator=drawn).double().numpy()
            x = batch.x.double().numpy()
            p = assign(x)
            nearest = np.sort(squares[batch.index], axis=1)[:, used["n_neighbors"]]
            distances = np.sqrt(nearest) / clustering.scale_
            change = perturbation.adversarial_perturbation(
                assign, x, p, noise, distances, used["radius"] * distances
            )
            weight = used["clustering_weight"]
            # In the first of the steps in which the power of the prior rises to one.
            power = min(1, 1 / (1 + 0.5))
            expected_sizes = np.power(prior, power) / np.sum(np.power(prior, power))
            entropy = np.log(3) - sizes.size_divergence(p, expected_sizes)
            expected["certainty"] = weight * mutual_information.conditional_entropy(p)
            expected["balance"] = -weight * used["balance_weight"] * entropy
            smooth = perturbation.kl_divergence(p, assign(x + change))
            expected["vat"] = used["vat_weight"] * smooth
            return super().losses(batch)

    monkeypatch.setattr(imsat_module, "_Information", Watched)
    monkeypatch.setattr(imsat_module, "_NEAR_UNIFORM", 1.0)  # else all is nearly zero
    # One step of all rows.
    clustering = small(batch_size=60, max_epochs=1, **settings)
    used = clustering.get_params()
    (record,) = clustering.fit(X).history_
    assert record["stage"] == "clustering"
    assert len(expected) == 3
    for name, value in expected.items():
        assert record[name] == pytest.approx(value, rel=1e-3), name
    assert record["loss"] == pytest.approx(sum(record[name] for name in expected))


def test_start__is_near_equal_assignments(blobs):
    X, _ = blobs
    with pytest.warns(match="instead of n_clusters") as caught:
        q = small(max_epochs=0, n_clusters=5).fit(X).predict_proba(X)
    assert caught[0].filename == __file__
    assert np.abs(q - 1 / q.shape[1]).max() < 1e-3


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_running_averages__are_of_rows_as_they_are(blobs, monkeypatch):
    averages = []

    class Watched(imsat_module._Information):
        def losses(self, batch):
            linear, norm = self.model.encoder[0], self.model.encoder[1]
            with torch.no_grad():
                expected = 0.1 * linear(batch.x).mean(dim=0)
            terms = super().losses(batch)
            assert norm.num_batches_tracked == 1
            averages.append((norm.running_mean.clone(), expected))
            return terms

    monkeypatch.setattr(imsat_module, "_Information", Watched)
    small(batch_size=60, max_epochs=1, radius=10.0).fit(blobs[0])
    ((found, expected),) = averages
    torch.testing.assert_close(found, expected)


def test_vat_weight_0__moves_no_rows_and_looks_for_no_neighbours(blobs, monkeypatch):
    def fail(*arguments, **settings):
        raise AssertionError

    for name in ("nearest_neighbors", "adversarial_perturbation"):
        monkeypatch.setattr(imsat_module, name, fail)
    records = small(vat_weight=0.0).fit(blobs[0]).history_
    assert {"certainty", "balance"} <= records[0].keys()
    assert "vat" not in records[0]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_training__lets_rows_become_certain(blobs, precision):
    X, y = blobs
    clustering = small(max_epochs=40, learning_rate=1e-2, precision=precision).fit(X)
    records = clustering_history(clustering)
    assert records[-1]["certainty"] < 0.1 * records[0]["certainty"]
    assert records[-1]["balance"] < records[0]["balance"] + 0.05
    assert records[-1]["vat"] < 0.1
    assert adjusted_rand_score(y, clustering.labels_) > 0.9
    q = clustering.predict_proba(X)
    np.testing.assert_array_equal(q.argmax(axis=1), clustering.labels_)
    assert clustering.transform(X).shape == (60, clustering.n_components_) == (60, 8)


# -- options -----------------------------------------------------------------------


@pytest.mark.parametrize(("n_rows", "widths"), [(60, (256, 256)), (120, (1200, 1200))])
def test_hidden_layer_sizes__auto_is_wider_for_many_rows(monkeypatch, n_rows, widths):
    monkeypatch.setattr(imsat_module, "_MANY_ROWS", 100)
    X = np.random.default_rng(0).normal(size=(n_rows, 4))
    clustering = IMSATClustering(1, max_epochs=0).fit(X)
    assert clustering.model_.encoder.config["sizes"] == [4, *widths]
    assert clustering.n_components_ == widths[-1]


def test_size_prior__expected_sizes_are_found():
    # One cloud without clusters: only the prior says how to divide it.
    X = np.random.default_rng(0).normal(size=(400, 2))
    shares = np.array([0.6, 0.3, 0.1])
    settings = {"hidden_layer_sizes": (64, 64), "max_epochs": 60, "batch_size": 100}
    for prior in (shares, "uniform"):
        clustering = small(size_prior=prior, vat_weight=0.0, **settings).fit(X)
        found = np.sort(np.bincount(clustering.labels_) / 400)[::-1]
        expected = shares if prior is shares else [1 / 3] * 3
        np.testing.assert_allclose(found, expected, atol=0.08)


def test_size_prior__the_right_one_finds_groups_that_fall_in_size():
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(6), [294, 147, 98, 73, 59, 49])
    X = rng.normal(scale=1.6, size=(6, 10))[y] + rng.normal(size=(720, 10))
    settings = {"hidden_layer_sizes": (64, 64), "max_epochs": 120, "batch_size": 120}
    zipf, uniform = (
        adjusted_rand_score(y, small(6, size_prior=prior, **settings).fit_predict(X))
        for prior in ("zipf", "uniform")
    )
    assert zipf > uniform + 0.15


def test_size_prior__rises_in_half_of_the_steps_but_not_after_a_warm_start(
    blobs, monkeypatch
):
    seen = []

    class Watched(imsat_module._Information):
        def _expected(self):
            seen.append(super()._expected().numpy())
            return super()._expected()

    monkeypatch.setattr(imsat_module, "_Information", Watched)
    prior = np.array([0.4, 0.35, 0.25])
    settings = {"learning_rate": 1e-2, "max_epochs": 40, "warm_start": True}
    clustering = small(size_prior=prior, **settings).fit(blobs[0])
    assert len(seen) == 120
    largest = [shares.max() for shares in seen]
    assert largest[0] < 0.34
    assert np.all(np.diff(largest[:60]) > 0)
    np.testing.assert_allclose(seen[60:], np.tile(prior, (60, 1)), rtol=1e-5)
    seen.clear()
    clustering.set_params(max_epochs=1).fit(blobs[0])
    np.testing.assert_allclose(seen, np.tile(prior, (3, 1)), rtol=1e-5)


def test_size_prior__that_does_not_fit_is_refused_before_training(blobs, monkeypatch):
    monkeypatch.setattr(imsat_module, "_Information", None)
    with pytest.raises(ValueError, match="size_prior must be"):
        small(size_prior=[1, 2]).fit(blobs[0])


def test_size_prior__of_a_table(blobs):
    sizes = pd.Series([2.0, 1.0, 1.0], index=["a", "b", "c"])
    clustering = small(size_prior=sizes, max_epochs=1).fit(blobs[0])
    given = small(size_prior=[2, 1, 1], max_epochs=1).fit(blobs[0])
    np.testing.assert_array_equal(clustering.labels_, given.labels_)


def test_images__by_convolutions():
    images = load_digits().images[:60]
    clustering = small(hidden_layer_sizes="auto", max_epochs=1, n_clusters=2)
    clustering.fit(images)
    assert type(clustering.model_.encoder).__name__ == "ConvolutionalNetwork"
    assert clustering.transform(images).shape == (60, 128)


# -- digits ------------------------------------------------------------------------


def test_digits__far_better_than_chance():
    # Over seeds 0 to 4 it is better than 0.45.
    X, y = load_digits(return_X_y=True)
    clustering = IMSATClustering(
        10, hidden_layer_sizes=(128, 128), max_epochs=25, random_state=0
    )
    assert adjusted_rand_score(y[:1000], clustering.fit_predict(X[:1000])) > 0.45
