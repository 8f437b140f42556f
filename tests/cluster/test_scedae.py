"""SCEDAEClustering: spectral clustering of what several autoencoders make of rows."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits, make_circles
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from torch import nn

from skdeepcluster import Autoencoder, SCEDAEClustering
from skdeepcluster.engine import Trainer
from skdeepcluster.networks import LandmarkEncoder
from skdeepcluster.persistence import load, save
from tests._discovery import TINY, assert_same_outputs, outputs, tiny
from tests.references.landmarks import (
    affinities,
    left_singular_vectors,
    normalised,
)


def small(n_clusters=3, **changes):
    settings = {"n_autoencoders": 3, "n_landmarks": 15, "n_nearest": 4, **changes}
    return tiny(SCEDAEClustering, n_clusters=n_clusters, **settings)


@pytest.fixture
def rows():
    """200 rows that hang together, which makes all singular values different."""
    return np.random.default_rng(0).normal(size=(200, 6))


@pytest.fixture
def trained(monkeypatch):
    """How many epochs every stage asked for, and of how many models."""
    stages = []
    train = Trainer.train

    def watched(trainer, objective, *, max_epochs, **settings):
        stages.append((max_epochs, len(objective.parts)))
        return train(trainer, objective, max_epochs=max_epochs, **settings)

    monkeypatch.setattr(Trainer, "train", watched)
    return stages


def parts(clusterer):
    return list(clusterer.model_.encoder.parts.values())


# -- equations ---------------------------------------------------------------------


def test_embedding__against_the_references(rows):
    clusterer = small(4).fit(rows)
    blocks = [
        affinities(
            member.transform(rows).astype(np.float64),
            part.landmarks.double().numpy(),
            n_nearest=4,
        )
        for member, part in zip(clusterer.autoencoders_, parts(clusterer), strict=True)
    ]
    assert len(blocks) == 3
    U, values = left_singular_vectors(normalised(blocks), 4)
    np.testing.assert_allclose(clusterer.singular_values_, values, atol=1e-6)
    assert values[0] == pytest.approx(1)
    Z = clusterer.transform(rows)
    signs = np.sign((U * Z).sum(axis=0))
    np.testing.assert_allclose(Z, np.sqrt(200) * signs * U, atol=1e-3)
    np.testing.assert_allclose(Z[:, 0], Z[0, 0], atol=1e-4)


def test_affinities__sum_to_one_over_the_nearest(rows):
    clusterer = small().fit(rows)
    x = torch.from_numpy((rows - clusterer.center_) / clusterer.scale_).float()
    for part in parts(clusterer):
        with torch.no_grad():
            weights, nearest = part.affinities(x)
        assert weights.shape == nearest.shape == (200, 4)
        assert (weights > 0).all()
        np.testing.assert_allclose(weights.sum(dim=1), 1, rtol=1e-6)
        assert all(len(set(own)) == 4 for own in nearest.tolist())


@pytest.mark.parametrize("factor", [1e-15, 1.0, 1e15])
def test_affinities__have_no_unit(factor, rows):
    part = LandmarkEncoder(nn.Identity(), 10, 6, 2, 3)
    x = torch.from_numpy(rows).float()
    part.landmarks.copy_(x[:10])
    expected, nearest = part.affinities(x)
    part.landmarks.mul_(factor)
    weights, found = part.affinities(factor * x)
    torch.testing.assert_close(weights, expected)
    assert torch.equal(found, nearest)


def test_affinities__of_rows_that_are_all_the_same_landmark():
    part = LandmarkEncoder(nn.Identity(), 3, 2, 2, 3)
    weights, _ = part.affinities(torch.zeros(4, 2))
    torch.testing.assert_close(weights, torch.full((4, 3), 1 / 3))


def test_embedding__does_not_depend_on_how_rows_are_cut(rows, monkeypatch):
    whole = small().fit(rows)
    monkeypatch.setattr("skdeepcluster.engine._batches.INFERENCE_VALUES", 1)
    monkeypatch.setattr("skdeepcluster.engine._batches.SMALLEST_BLOCK", 7)
    cut = small().fit(rows)
    np.testing.assert_allclose(cut.transform(rows), whole.transform(rows), atol=1e-4)


def test_separate_groups__each_have_a_singular_value_of_one(blobs):
    X, y = blobs
    clusterer = small().fit(X)
    np.testing.assert_allclose(clusterer.singular_values_, 1, atol=1e-6)
    assert adjusted_rand_score(y, clusterer.labels_) == 1.0
    for group in range(3):  # one point each
        assert np.ptp(clusterer.transform(X[y == group]), axis=0).max() < 1e-4


# -- the ensemble ------------------------------------------------------------------


def test_members__differ_in_their_weights(blobs):
    X, _ = blobs
    clusterer = small().fit(X)
    first, second, third = (m.transform(X) for m in clusterer.autoencoders_)
    assert not np.array_equal(first, second)
    assert not np.array_equal(second, third)
    assert [r["run"] for r in clusterer.history_] == [0, 0, 1, 1, 2, 2]
    assert {r["stage"] for r in clusterer.history_} == {"pretraining"}


def test_members__train_as_one_where_that_is_faster(blobs, trained):
    small(n_autoencoders=4).fit(blobs[0])
    assert trained == [(2, 4)]
    trained.clear()
    small(n_autoencoders=3).fit(blobs[0])
    assert trained == [(2, 1)] * 3


def test_one_member__is_the_autoencoder_of_its_seed(blobs):
    X, _ = blobs
    clusterer = small(random_state=7).set_params(autoencoder__random_state=5).fit(X)
    alone = clone(TINY["autoencoder"]).set_params(random_state=5).fit(X)
    members = clusterer.autoencoders_
    np.testing.assert_array_equal(members[0].transform(X), alone.transform(X))
    assert not np.array_equal(members[1].transform(X), alone.transform(X))


@pytest.mark.parametrize("max_epochs", [6, "auto", 0])
def test_epochs__fall_in_equal_steps(max_epochs, blobs, trained):
    clusterer = small(vary="epochs").set_params(autoencoder__max_epochs=max_epochs)
    clusterer.fit(blobs[0])
    most = {6: 6, "auto": 15, 0: 0}[max_epochs]  # 60 steps of 4 an epoch
    expected = [most, round(most * 2 / 3), round(most / 3)]
    assert [epochs for epochs, _ in trained] == expected
    assert [m.n_iter_ for m in clusterer.autoencoders_] == expected


def test_layers__come_in_other_orders(blobs):
    clusterer = small(vary="layers", n_autoencoders=4)
    clusterer.set_params(autoencoder__hidden_layer_sizes=(8, 16, 8)).fit(blobs[0])
    sizes = [m.hidden_layer_sizes for m in clusterer.autoencoders_]
    assert sizes == [(8, 16, 8), (8, 8, 16), (16, 8, 8), (8, 16, 8)]
    assert clusterer.autoencoder.hidden_layer_sizes == (8, 16, 8)
    weights = [m.model_.encoder.linear.weight for m in clusterer.autoencoders_]
    assert not torch.equal(weights[0], weights[3])


def test_frozen__is_the_only_member(blobs, trained):
    X, y = blobs
    autoencoder = clone(TINY["autoencoder"]).fit(X)
    trained.clear()
    before = outputs(autoencoder, X)
    clusterer = small(autoencoder=FrozenEstimator(autoencoder), vary="layers").fit(X)
    assert not trained
    assert len(clusterer.autoencoders_) == 1
    assert adjusted_rand_score(y, clusterer.labels_) == 1.0
    assert_same_outputs(outputs(autoencoder, X), before)


@pytest.mark.parametrize("vary", ["weights", "epochs"])
def test_memory__trains_once_for_all_that_comes_after(vary, blobs, trained, tmp_path):
    X, _ = blobs
    small(vary=vary, memory=str(tmp_path)).fit(X)
    assert len(trained) == 3
    cached = small(4, vary=vary, memory=str(tmp_path), n_nearest=3).fit(X)
    assert len(trained) == 3
    assert_same_outputs(
        outputs(cached, X), outputs(small(4, vary=vary, n_nearest=3).fit(X), X)
    )
    assert all(not hasattr(member, "_tasks") for member in cached.autoencoders_)


class _Interrupted(Exception):
    pass


@pytest.mark.parametrize("vary", ["weights", "epochs"])
def test_interrupted__members_that_are_done_stay(vary, blobs, tmp_path, monkeypatch):
    X, _ = blobs
    settings = {"vary": vary, "n_autoencoders": 3}
    unbroken = small(**settings).fit(X)
    monkeypatch.setattr("skdeepcluster.engine._checkpoint.SECONDS_BETWEEN", 0.0)
    steps = []
    with monkeypatch.context() as patch:
        make_step = "skdeepcluster.engine._stage.Stage._step"

        def step(stage, batch):
            steps.append(stage)
            if len(steps) == 11:
                raise _Interrupted
            return original(stage, batch)

        from skdeepcluster.engine._stage import Stage

        original = Stage._step
        patch.setattr(make_step, step)
        with pytest.raises(_Interrupted):
            small(checkpoint=tmp_path, **settings).fit(X)
        steps[:] = [None] * 11
        resumed = small(checkpoint=tmp_path, **settings).fit(X)
    assert len(steps) - 11 <= 16
    assert_same_outputs(outputs(resumed, X), outputs(unbroken, X))
    assert not list(tmp_path.iterdir())


def test_network_of_a_user__each_member_gets_its_weights_back(blobs, tmp_path):
    X, _ = blobs
    clusterer = small().set_params(autoencoder__network=_network).fit(X)
    save(clusterer, tmp_path / "file", omit_network=True)
    loaded = load(tmp_path / "file", network=_network)
    assert_same_outputs(outputs(loaded, X), outputs(clusterer, X))
    first, second, _ = parts(loaded)
    assert not torch.equal(first.encoder.module.weight, second.encoder.module.weight)


def _network(n_features, n_components):
    return nn.Linear(n_features, 2), nn.Linear(2, n_features)


# -- warm start --------------------------------------------------------------------


def test_warm_start__moves_only_centroids(blobs):
    X, _ = blobs
    clusterer = small(warm_start=True).fit(X)
    Z, labels = clusterer.transform(X), clusterer.labels_
    clusterer.fit(X[::-1] + 0.1)
    np.testing.assert_array_equal(clusterer.transform(X), Z)
    np.testing.assert_array_equal(clusterer.labels_[::-1], labels)
    assert clusterer.history_ == []


# -- limits ------------------------------------------------------------------------


def test_duplicate_rows__are_one_landmark():
    X = np.repeat(np.eye(3), 20, axis=0)
    clusterer = small().fit(X)
    assert all(len(part.landmarks) == 3 for part in parts(clusterer))
    assert clusterer.n_clusters_ == 3


def test_fewer_landmarks_than_asked_for__are_as_many_as_rows():
    X = np.random.default_rng(0).normal(size=(10, 2))
    clusterer = small(n_landmarks=100, n_nearest=50).fit(X)
    for part in parts(clusterer):
        assert len(part.landmarks) == 10
        assert part.n_nearest == 10
    np.testing.assert_array_equal(clusterer.predict(X), clusterer.labels_)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_landmarks": 2}, "n_landmarks should be >= n_clusters=3. Got 2"),
        ({"vary": "layers"}, r"different widths.*hidden_layer_sizes=\(16,\)"),
        (
            {"vary": "layers", "autoencoder": Autoencoder(network=_network)},
            "different widths.*network=<function",
        ),
    ],
)
def test_settings_that_do_not_fit__raise_before_training(
    changes, message, blobs, trained
):
    with pytest.raises(ValueError, match=message):
        small(**changes).fit(blobs[0])
    assert not trained


# -- data --------------------------------------------------------------------------


def test_rings__that_k_means_cannot_tell_apart():
    X, y = make_circles(600, factor=0.4, noise=0.05, random_state=0)
    autoencoder = Autoencoder(max_epochs=5)
    clusterer = SCEDAEClustering(
        2, autoencoder=autoencoder, n_autoencoders=2, random_state=0
    )
    assert adjusted_rand_score(y, clusterer.fit_predict(X)) > 0.95


def test_digits__far_better_than_chance():
    X, y = load_digits(return_X_y=True)
    autoencoder = Autoencoder(hidden_layer_sizes=(64,), max_epochs=3)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        clusterer = SCEDAEClustering(
            10, autoencoder=autoencoder, n_autoencoders=2, random_state=0
        ).fit(X[:1000])
    assert adjusted_rand_score(y[:1000], clusterer.labels_) > 0.6
    assert adjusted_rand_score(y[1000:], clusterer.predict(X[1000:])) > 0.6
