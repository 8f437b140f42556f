"""DeepCluster: a network predicts its own clusters, again and again."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

import skdeepcluster.cluster._deepcluster as deepcluster_module
from skdeepcluster import DeepCluster
from tests.cluster._small import small as make_small


def small(n_clusters=3, **changes):
    settings = {"hidden_layer_sizes": (16, 8), "epochs_per_head": 1}
    return make_small(DeepCluster, n_clusters, **{**settings, **changes})


def scaled(clustering, X):
    return torch.from_numpy((X - clustering.center_) / clustering.scale_).float()


@pytest.fixture
def objectives(monkeypatch):
    """The objectives of the fits; each keeps what it had at every step."""
    made = []

    class Watched(deepcluster_module._PseudoLabels):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.seen = []
            made.append(self)

        def losses(self, batch):
            state = {n: v.clone() for n, v in self.state_dict().items()}
            self.seen.append((batch.index.clone(), batch.x.clone(), state))
            return super().losses(batch)

    monkeypatch.setattr(deepcluster_module, "_PseudoLabels", Watched)
    return made


# -- loss --------------------------------------------------------------------------


def test_loss__against_numpy(blobs, objectives):
    X, _ = blobs
    clustering = small(
        augmentation=lambda x: 1.1 * x + 0.1,
        n_pseudo_labels=7,
        batch_size=60,
        max_epochs=1,
    )
    (record,) = clustering.fit(X).history_
    (objective,) = objectives
    ((index, x, state),) = objective.seen
    # The weights before the step: those of a fit without one.
    encoder = small(max_epochs=0).fit(X).model_.encoder.encoder
    with torch.no_grad():
        h = encoder(1.1 * x + 0.1).double().numpy()
    logits = h @ state["head.weight"].double().numpy().T
    logits += state["head.bias"].double().numpy()
    labels = state["labels"].numpy()[index]
    total = 0.0
    for row, label in zip(logits, labels, strict=True):
        total -= np.log(np.exp(row[label]) / np.exp(row).sum())
    assert set(labels) == set(range(7))
    assert record["pseudo_labels"] == pytest.approx(total / 60, rel=1e-4)
    assert record["loss"] == record["pseudo_labels"]


def test_pseudo_labels__are_seen_equally_often(blobs, objectives):
    small(n_pseudo_labels=7, batch_size=60, max_epochs=3).fit(blobs[0])
    for index, _, state in objectives[0].seen:
        counts = np.bincount(state["labels"][index], minlength=7)
        assert counts.max() - counts.min() <= 1


def test_pseudo_labels__are_clusters_of_the_whitened_embedding(blobs, objectives):
    X, _ = blobs
    clustering = small(n_pseudo_labels=7, max_epochs=1).fit(X)
    labels = objectives[0].seen[0][2]["labels"].numpy()
    first = small(max_epochs=0).fit(X)
    Z = first.transform(X)
    means = np.array([Z[labels == label].mean(axis=0) for label in range(7)])
    nearest = np.square(Z[:, None] - means).sum(axis=2).argmin(axis=1)
    assert np.mean(nearest == labels) > 0.95
    assert not np.allclose(clustering.transform(X), Z, atol=1e-3)


# -- again and again ---------------------------------------------------------------


@pytest.mark.parametrize(("wanted", "n_heads"), [(1, 6), (2, 3), (6, 1), ("auto", 1)])
def test_head__is_drawn_anew_with_every_clustering(blobs, objectives, wanted, n_heads):
    X, _ = blobs
    clustering = small(epochs_per_head=wanted, max_epochs=6).fit(X)
    seen = objectives[0].seen
    starts = [
        step
        for step, (_, _, state) in enumerate(seen)
        if state["head.weight"].abs().max() < 0.06 and (state["head.bias"] == 0).all()
    ]
    length = 18 // n_heads  # three steps per epoch
    assert starts == list(range(0, 18, length))
    heads = {tuple(seen[step][2]["head.weight"].flatten().tolist()) for step in starts}
    assert len(heads) == n_heads
    labels = [state["labels"].numpy() for _, _, state in seen]
    for step in range(18):
        np.testing.assert_array_equal(labels[step], labels[step // length * length])
    agreements = [record["agreement"] for record in clustering.history_]
    assert agreements[0] == 0
    if n_heads == 6:
        expected = normalized_mutual_info_score(labels[0], labels[3])
        assert agreements[1] == pytest.approx(expected)


def test_optimiser__starts_anew_with_a_head(blobs, objectives):
    # Adam's first step is as long as the learning rate, whatever the gradient.
    small(max_epochs=3, learning_rate_schedule="constant").fit(blobs[0])
    seen = objectives[0].seen
    for step in (0, 3, 6):
        bias = seen[step + 1][2]["head.bias"]
        np.testing.assert_allclose(bias[bias != 0].abs(), 1e-3, rtol=1e-2)


def test_auto__heads_are_trained_for_a_hundred_steps(blobs, objectives):
    small(epochs_per_head="auto", max_epochs=35).fit(blobs[0])
    epochs = objectives[0].epochs
    assert objectives[0].n_epochs == 34  # of three steps
    assert epochs == 35


@pytest.mark.parametrize(
    ("n_rows", "n_clusters", "expected"), [(60, 3, 6), (60, 8, 8), (300, 3, 30)]
)
def test_auto__number_of_pseudo_labels(blobs, objectives, n_rows, n_clusters, expected):
    X = np.tile(blobs[0], (5, 1))[:n_rows]
    X = X + np.random.default_rng(0).normal(scale=0.1, size=X.shape)
    small(n_clusters, max_epochs=1).fit(X)
    assert objectives[0].head.out_features == expected


# -- what it says ------------------------------------------------------------------


def test_embedding__is_whitened_and_of_length_one(blobs):
    X, y = blobs
    clustering = small(max_epochs=10, n_whitened=3).fit(X)
    Z = clustering.transform(X)
    assert Z.shape == (60, clustering.n_components_) == (60, 3)
    with torch.no_grad():
        h = clustering.model_.encoder.encoder(scaled(clustering, X)).double().numpy()
    expected = PCA(3, whiten=True).fit_transform(h)
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(abs(Z[:, ::-1]), abs(expected), atol=1e-3)
    offsets = Z[:, None] - clustering.cluster_centers_
    nearest = np.square(offsets).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, clustering.labels_)
    np.testing.assert_array_equal(clustering.predict(X), clustering.labels_)
    assert adjusted_rand_score(y, clustering.labels_) > 0.9


@pytest.mark.parametrize(
    ("wanted", "n_clusters", "size"), [(5, 3, 5), (99, 3, 40), ("auto", 15, 30)]
)
def test_embedding__its_size(blobs, wanted, n_clusters, size):
    clustering = small(n_clusters, n_whitened=wanted, hidden_layer_sizes=(40,))
    assert clustering.set_params(max_epochs=0).fit(blobs[0]).n_components_ == size


def test_warm_start__clusters_keep_their_numbers(blobs):
    X, _ = blobs
    clustering = small(max_epochs=30, learning_rate=1e-2, warm_start=True).fit(X)
    labels = clustering.labels_
    other = X + np.random.default_rng(0).normal(scale=0.1, size=X.shape)
    clustering.set_params(max_epochs=5).fit(other)
    assert np.mean(clustering.labels_ == labels) > 0.9


def test_few_distinct_rows__fewer_pseudo_labels(objectives):
    X = np.repeat([[0.0, 1.0], [5.0, 2.0], [1.0, 9.0]], 10, axis=0)
    clustering = small(3, n_pseudo_labels=9).fit(X)
    state = objectives[0].seen[-1][2]
    assert state["labels"].unique().tolist() == [0, 1, 2]
    assert state["is_unused"].tolist() == 3 * [False] + 6 * [True]
    assert clustering.n_clusters_ == 3


def test_rows_that_are_all_the_same__are_one_cluster():
    with pytest.warns(ConvergenceWarning, match="1 clusters instead of n_clusters=3"):
        clustering = small(3, n_pseudo_labels=9).fit(np.ones((20, 4)))
    assert np.all(clustering.labels_ == 0)


def test_more_pseudo_labels_than_rows__raise(blobs):
    with pytest.raises(ValueError, match="n_pseudo_labels=61 should be <= n_samples=6"):
        small(n_pseudo_labels=61).fit(blobs[0])


# -- digits ------------------------------------------------------------------------


def test_digits__far_better_than_chance():
    digits = load_digits()
    clustering = DeepCluster(10, augmentation="weak", max_epochs=25, random_state=0)
    labels = clustering.fit_predict(digits.images[:600])
    assert adjusted_rand_score(digits.target[:600], labels) > 0.3
