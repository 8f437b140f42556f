"""TURTLEClustering: labels, what classifiers learn of them, and spaces."""

import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._turtle as turtle_module
from skdeepcluster import TURTLEClustering
from skdeepcluster.engine._rows import Batch
from skdeepcluster.networks import SpacesModel
from skdeepcluster.persistence import load, save
from tests.cluster._small import small as make_small
from tests.references.mutual_information import mean_entropy
from tests.references.probes import Probe, softmax
from tests.references.transport import soft_cross_entropy

SPACES = [[0, 1, 2, 3], [5, 2]]


def small(n_clusters=3, **changes):
    return make_small(TURTLEClustering, n_clusters, **changes)


def make_model(n_clusters=4):
    generator = torch.Generator().manual_seed(0)
    columns = torch.tensor([SPACES[0], [*SPACES[1], 6, 6]])
    model = SpacesModel.on(columns, 6, n_clusters, generator)
    model.factors.copy_(torch.tensor([2.0, 0.5]))
    with torch.no_grad():
        model.bias.normal_(generator=generator)
        model.length.mul_(30)
    return model


def make_objective(keep_probes=False, n_clusters=4):
    model = make_model(n_clusters)
    probes = turtle_module._Probes(2, 4, n_clusters, 3, 0.02, keep_probes)
    return turtle_module._Labelling(model, probes, 7.0)


def rows(seed=0, n=20):
    return torch.randn(n, 6, generator=torch.Generator().manual_seed(seed))


def by_hand(model, x):
    """Of each space its scaled columns and the soft assignment, in float64."""
    x = x.double().numpy()
    features = [2.0 * x[:, SPACES[0]], 0.5 * x[:, SPACES[1]]]
    assignments = []
    for number, z in enumerate(features):
        direction = model.direction[number].detach().double().numpy()[: z.shape[1]]
        length, bias = (
            p[number, 0].detach().double().numpy() for p in (model.length, model.bias)
        )
        weight = direction / np.linalg.norm(direction, axis=0) * length
        assignments.append(softmax(z @ weight + bias))
    return features, assignments


# -- model -------------------------------------------------------------------------


def test_model__against_its_equations():
    model, x = make_model(), rows()
    features, assignments = by_hand(model, x)
    np.testing.assert_allclose(
        model.assign(x).detach(), np.mean(assignments, axis=0), rtol=1e-5
    )
    squares = np.stack([np.square(z).sum(axis=1) for z in features], axis=1)
    np.testing.assert_allclose(model.squares(x), squares, rtol=1e-5)
    # The narrower space is filled up with zeros.
    assert torch.equal(model.flat(x)[:, 6:], torch.zeros(20, 2))
    assert model.embed(x).shape == (20, 4)


@pytest.mark.parametrize("width", [3, 30, 300])
def test_model__is_as_undecided_at_the_start_in_any_space(width):
    generator = torch.Generator().manual_seed(0)
    model = SpacesModel.on(torch.arange(width)[None], width, 50, generator)
    x = torch.randn(100, width, generator=generator)
    logits = model.embed(10 * torch.nn.functional.normalize(x, dim=1))
    assert logits.std().item() == pytest.approx(0.2, rel=0.1)


def test_model__keeps_some_clusters():
    model, x = make_model(), rows()
    before = model.embed(x)
    model.keep(torch.tensor([0, 3]))
    assert torch.equal(model.embed(x), before[:, [0, 3]])
    assert model.n_clusters == 2


# -- loss --------------------------------------------------------------------------


@pytest.mark.parametrize("keep_probes", [True, False])
def test_loss__against_the_references(keep_probes):
    objective = make_objective(keep_probes)
    probes = [Probe(len(columns), 4, 0.02) for columns in SPACES]
    for step in range(3):
        x = rows(step)
        losses = objective.losses(Batch(x, torch.arange(20)))
        features, assignments = by_hand(objective.model, x)
        tau = np.mean(assignments, axis=0)
        if not keep_probes:
            probes = [Probe(len(columns), 4, 0.02) for columns in SPACES]
        pairs = zip(probes, features, strict=True)
        learned = [probe.learn(z, tau, 3) for probe, z in pairs]
        error = sum(soft_cross_entropy(logits, tau) for logits in learned)
        entropy = sum(mean_entropy(p) for p in assignments)
        assert losses.keys() == {"cross_entropy", "entropy"}
        assert losses["cross_entropy"].item() == pytest.approx(error, rel=1e-5)
        assert losses["entropy"].item() == pytest.approx(-7 * entropy, rel=1e-5)
        with torch.no_grad():
            objective.model.direction += 0.1 * objective.model.direction.sign()


def test_loss__has_gradients_through_the_labels_alone():
    objective, x = make_objective(), rows()
    error = objective.losses(Batch(x, torch.arange(20)))["cross_entropy"]
    assert error.requires_grad
    assert not any(state.requires_grad for state in objective.probes.buffers())
    error.backward()
    found = objective.model.bias.grad.clone()
    # By hand: the classifiers are what they are.
    objective.model.bias.grad = None
    of_spaces = objective.model.features(x)
    tau = objective.model.heads(of_spaces).softmax(dim=2).mean(dim=0)
    log_p = objective.probes.learn(of_spaces, tau.detach()).log_softmax(dim=2)
    (-(tau * log_p).sum() / 20).backward()
    torch.testing.assert_close(objective.model.bias.grad, found)


def test_columns_that_fill_up__stay_without_weight():
    objective = make_objective(keep_probes=True)
    optimizer = torch.optim.Adam(objective.model.parameters(), lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        losses = objective.losses(Batch(rows(step), torch.arange(20)))
        sum(losses.values()).backward()
        optimizer.step()
    assert torch.all(objective.model.direction[1, 2:] == 0)
    assert torch.all(objective.probes.weight[1, :, 2:4] == 0)
    assert torch.all(objective.probes.weight[1][:, [0, 1, 4]] != 0)


@pytest.mark.parametrize("n_clusters", [1, 4])
def test_loss__of_equal_rows_is_finite(n_clusters):
    objective = make_objective(n_clusters=n_clusters)
    losses = objective.losses(Batch(torch.zeros(5, 6), torch.arange(5)))
    sum(losses.values()).backward()
    for parameter in objective.model.parameters():
        assert torch.all(parameter.grad.isfinite())
    if n_clusters == 1:
        assert losses["cross_entropy"].item() == losses["entropy"].item() == 0


def test_loss__in_bfloat16_is_nearly_that_in_float32():
    x = rows()
    exact = make_objective().losses(Batch(x, torch.arange(20)))
    with torch.autocast("cpu", torch.bfloat16):
        rough = make_objective().losses(Batch(x, torch.arange(20)))
    for name, value in rough.items():
        assert value.dtype == torch.float32
        assert value.item() == pytest.approx(exact[name].item(), rel=0.02)


def test_step__of_a_fit_is_of_that_loss(blobs, monkeypatch):
    expected, probe = [], Probe(6, 3, 0.05)

    class Watched(turtle_module._Labelling):
        def losses(self, batch):
            z = self.model.features(batch.x)[0].double().numpy()
            p = softmax(self.model.embed(batch.x).detach().double().numpy())
            learned = probe.learn(z, p, 5)
            expected.append(soft_cross_entropy(learned, p) - 2.0 * mean_entropy(p))
            return super().losses(batch)

    monkeypatch.setattr(turtle_module, "_Labelling", Watched)
    turtle = small(
        probe_steps=5,
        probe_learning_rate=0.05,
        entropy_weight=2.0,
        batch_size=60,
        max_epochs=2,
    )
    for record in turtle.fit(blobs[0]).history_:
        assert record["stage"] == "clustering"
        assert record["loss"] == pytest.approx(expected.pop(0), rel=1e-4)


# -- spaces ------------------------------------------------------------------------


def test_each_space__has_one_scale(blobs):
    X = blobs[0] * [1, 1, 1, 1000, 1000, 1000]
    turtle = small(spaces=[(0, 3), (3, 6)]).fit(X)
    x = torch.from_numpy((X - turtle.center_) / turtle.scale_).float()
    of_spaces = turtle.model_.features(x)
    squares = of_spaces.square().sum(dim=2).mean(dim=1)
    np.testing.assert_allclose(squares, 100, rtol=1e-4)
    ratio = of_spaces[0] / x[:, :3]
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-4)


@pytest.mark.parametrize(
    "spaces",
    [[slice(0, 4), slice(2, 6)], ((0, 4), [2, 3, 4, 5]), [list("abcd"), "cdef"]],
)
def test_spaces__in_different_forms_are_the_same(blobs, spaces, tmp_path):
    X = pd.DataFrame(blobs[0], columns=list("abcdef"))
    spaces = [list(one) if isinstance(one, str) else one for one in spaces]
    expected = small(spaces=[(0, 4), (2, 6)]).fit(X).predict_proba(X)
    turtle = small(spaces=spaces).fit(X)
    np.testing.assert_array_equal(turtle.predict_proba(X), expected)
    save(turtle, tmp_path / "turtle")
    for again in (pickle.loads(pickle.dumps(turtle)), load(tmp_path / "turtle")):
        np.testing.assert_array_equal(again.predict_proba(X), expected)
        assert list(again.get_params()["spaces"]) == list(spaces)


def test_columns_in_no_space__do_not_count(blobs):
    X = blobs[0]
    turtle = small(spaces=[(0, 4)]).fit(X)
    other = X.copy()
    other[:, 4:] = 0
    np.testing.assert_array_equal(turtle.predict_proba(X), turtle.predict_proba(other))


def test_spaces_that_do_not_fit__raise_before_training(blobs):
    with pytest.raises(ValueError, match=r"spaces\[0\] names the column 6"):
        small(spaces=[(0, 7)]).fit(blobs[0])
    with pytest.raises(ValueError, match="'spaces' parameter"):
        small(spaces="all").fit(blobs[0])


def test_warm_start__keeps_the_spaces(blobs):
    turtle = small(spaces=[(0, 4), (4, 6)], warm_start=True).fit(blobs[0])
    turtle.set_params(spaces=[[0, 1, 2, 3], [4, 5]]).fit(blobs[0])
    turtle.set_params(spaces=None)
    with pytest.raises(ValueError, match="warm_start=True goes on with the spaces"):
        turtle.fit(blobs[0])


# -- what it says ------------------------------------------------------------------


def test_labels__are_the_largest_assignments(blobs):
    X, y = blobs
    turtle = small(max_epochs=40, spaces=[(0, 3), (0, 6)]).fit(X)
    tau = turtle.predict_proba(X)
    np.testing.assert_allclose(tau.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(tau.argmax(axis=1), turtle.labels_)
    assert adjusted_rand_score(y, turtle.labels_) > 0.9
    assert adjusted_rand_score(y, turtle.init_labels_) > 0.9
    assert turtle.transform(X).shape == (60, turtle.n_components_) == (60, 3)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("seed", range(3))
def test_labels__are_the_largest_assignments_where_clusters_are_dropped(seed):
    X = np.random.default_rng(seed).normal(size=(150, 6))
    turtle = small(10, spaces=[(0, 2), (2, 6)], entropy_weight=0.5, max_epochs=40)
    with pytest.warns(ConvergenceWarning):
        turtle.set_params(random_state=seed).fit(X)
    np.testing.assert_array_equal(turtle.predict(X), turtle.labels_)
    np.testing.assert_array_equal(turtle.predict_proba(X).argmax(1), turtle.labels_)
    assert turtle.predict_proba(X).shape == (150, turtle.n_clusters_)
    assert set(turtle.labels_) == set(range(turtle.n_clusters_))


def test_entropy_weight__makes_sizes_equal(blobs):
    X, _ = blobs
    X = np.vstack([X[:40], X[:20], X[:20]])  # of unequal sizes
    smallest = [
        np.bincount(
            small(max_epochs=40, entropy_weight=weight).fit(X).labels_, minlength=3
        ).min()
        for weight in (0.0, 10.0)
    ]
    assert smallest[1] > smallest[0]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("entropy_weight", -1.0),
        ("probe_steps", 0),
        ("probe_learning_rate", 0.0),
        ("keep_probes", 1.5),
    ],
)
def test_bad_parameters__raise(blobs, parameter, value):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter"):
        small(**{parameter: value}).fit(blobs[0])


def test_digits__far_better_than_chance():
    X, y = load_digits(return_X_y=True)
    turtle = TURTLEClustering(10, max_epochs=300, random_state=0)
    assert adjusted_rand_score(y[:600], turtle.fit_predict(X[:600])) > 0.4
