"""BYOL: one view of a row foretells what an averaged copy makes of the other."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline

import skdeepcluster.representation._byol as byol_module
from skdeepcluster import BYOL
from skdeepcluster.networks import MLP
from tests.references import contrastive as reference


def small(**changes):
    settings = {
        "hidden_layer_sizes": (16, 8),
        "projection_size": 6,
        "batch_size": 20,
        "max_epochs": 3,
        "random_state": 0,
    }
    return BYOL(**{**settings, **changes})


@pytest.fixture
def objectives(monkeypatch):
    """Those of the fits, with weights as they were at first as `first`."""
    kept = []

    class Kept(byol_module.Bootstrap):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.first = {n: w.detach().clone() for n, w in self.named_parameters()}
            kept.append(self)

    monkeypatch.setattr(byol_module, "Bootstrap", Kept)
    return kept


# -- loss --------------------------------------------------------------------------


def views_by_hand(x):
    return 0.9 * x + 0.1, 1.2 * x + 0.1


def test_loss__against_the_reference(blobs, monkeypatch):
    expected = {}

    class Watched(byol_module.Bootstrap):
        @torch.no_grad()
        def losses(self, batch):
            for weights in self.average.parameters():  # not those of the network
                weights.mul_(0.9)
            # Batch normalisation takes both views as one batch.
            views = torch.cat(views_by_hand(batch.x))
            h = self.model.encoder(views)
            predicted = self.predictor(self.model.projector(h)).double().numpy()
            averaged = self.average.network
            target = averaged.projector(averaged.encoder(views)).double().numpy()
            n = len(batch.x)
            one_way = reference.direction_error(predicted[:n], target[n:])
            other_way = reference.direction_error(predicted[n:], target[:n])
            expected["prediction"] = (one_way + other_way) / 2
            units = target / np.linalg.norm(target, axis=1, keepdims=True)
            expected["spread"] = units.var(axis=0).sum()
            with torch.enable_grad():
                return super().losses(batch)

    monkeypatch.setattr(byol_module, "Bootstrap", Watched)
    calls = []

    def change(x):
        calls.append(x)
        return views_by_hand(x)[len(calls) - 1]

    # One step of all rows.
    byol = small(augmentation=change, batch_size=60, max_epochs=1).fit(blobs[0])
    (record,) = byol.history_
    assert record["stage"] == "pretraining"
    assert record["loss"] == record["prediction"]
    for name, value in expected.items():
        assert record[name] == pytest.approx(value, rel=1e-4)
    assert expected["prediction"] > 0.1


def test_average__follows_the_network_without_gradients(blobs, objectives):
    # Two steps of all rows: the average looks back at one.
    small(batch_size=60, max_epochs=1, momentum=0.75).fit(blobs[0])
    small(batch_size=60, max_epochs=200, momentum=0.75).fit(blobs[0])
    one_step, many = objectives
    assert one_step.average.momentum == 0  # else so short a fit stayed at its start
    assert many.average.momentum == 0.75
    for objective in objectives:
        assert not any(w.requires_grad for w in objective.average.parameters())
    averaged, final = one_step.average.network.state_dict(), one_step.model.state_dict()
    assert all(torch.equal(averaged[name], final[name]) for name in final)
    name = "encoder.0.weight"
    behind = many.average.network.state_dict()[name] - many.model.state_dict()[name]
    moved = many.first[f"model.{name}"] - many.model.state_dict()[name]
    assert 0 < behind.norm() < 0.5 * moved.norm()


def test_predictor__is_trained_and_left_behind(blobs, objectives):
    byol = small().fit(blobs[0])
    (objective,) = objectives
    trained = dict(objective.named_parameters())
    for name in ("predictor.0.weight", "model.projector.0.weight"):
        assert not torch.equal(trained[name], objective.first[name])
    assert not any("predictor" in name for name in byol.model_.state_dict())


@pytest.mark.parametrize("projection_size", [3, 30])
def test_projection__has_its_own_size(blobs, objectives, projection_size):
    byol = small(projection_size=projection_size, max_epochs=1).fit(blobs[0])
    x = torch.zeros(3, 6)
    assert byol.model_.project(x).shape == (3, projection_size)
    assert byol.model_.embed(x).shape == (3, 8)
    hidden = max(8, projection_size)
    assert objectives[0].predictor.config["sizes"] == [
        *(projection_size, hidden, projection_size)
    ]


@pytest.mark.parametrize("momentum", [-0.1, 1.0, "slow", None])
def test_bad_momentum__raises_and_names_the_parameter(blobs, momentum):
    with pytest.raises(ValueError, match="'momentum' parameter"):
        small(momentum=momentum).fit(blobs[0])


# -- embedding ---------------------------------------------------------------------


def spread_of(Z):
    """Standard deviation of unit rows, of which 1 is the most."""
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, rtol=1e-5)
    return np.sqrt(Z.var(axis=0).sum())


@pytest.mark.parametrize("augmentation", ["corruption", "neighbors", "noise"])
def test_embedding__does_not_collapse(blobs, augmentation):
    X, y = blobs
    byol = small(augmentation=augmentation, max_epochs=100, learning_rate=1e-2).fit(X)
    Z = byol.transform(X)
    assert byol.history_[-1]["loss"] < 0.5 * byol.history_[0]["loss"]
    assert spread_of(Z) > 0.5
    assert byol.history_[-1]["spread"] > 0.3
    labels = KMeans(3, n_init=10, random_state=0).fit_predict(Z)
    assert adjusted_rand_score(y, labels) > 0.9


def test_collapse__is_seen_in_the_history(blobs, monkeypatch):
    class Constant(MLP):
        """Of a projection that gives all rows the same."""

        def forward(self, x):
            return 0 * super().forward(x) + 1

    monkeypatch.setattr(byol_module, "MLP", Constant)
    (record,) = small(max_epochs=1).fit(blobs[0]).history_
    assert record["spread"] == pytest.approx(0, abs=1e-6)
    assert record["loss"] == pytest.approx(0, abs=1e-6)


def test_identical_rows__have_one_embedding():
    byol = small(augmentation="noise").fit(np.ones((30, 4)))
    assert byol.history_[-1]["spread"] == pytest.approx(0, abs=1e-3)
    assert np.isfinite(byol.transform(np.ones((30, 4)))).all()


# -- digits ------------------------------------------------------------------------


def test_digits__far_better_than_chance():
    # From scratch in few epochs; over seeds 0 to 3 it is better than 0.5.
    digits = load_digits()
    byol = BYOL(augmentation="weak", max_epochs=15, random_state=0)
    pipeline = make_pipeline(byol, KMeans(10, n_init=10, random_state=0))
    labels = pipeline.fit_predict(digits.images[:600])
    assert adjusted_rand_score(digits.target[:600], labels) > 0.3
