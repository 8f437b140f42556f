"""First centroids, and new ones for those that lost their rows."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans

from skdeepcluster.engine import Group, Passes, Rows, _passes
from skdeepcluster.initialization import (
    _centers,
    clusters_of_sample,
    kmeans_centers,
    label_means,
    mean_square,
    reseed_empty,
)
from skdeepcluster.initialization._centers import roughly_nearest


def passes(z):
    """Rows of which the embedding is what they are."""
    rows = Rows(np.asarray(z), np.zeros(z.shape[1]), 1.0, torch.device("cpu"))
    return Passes(rows, torch.nn.Identity(), z.shape[1], Group())


@pytest.fixture
def z(blobs):
    return torch.tensor(blobs[0], dtype=torch.float32)


@pytest.mark.parametrize("seed", [0, 7])
def test_kmeans_centers__are_those_of_scikit_learn(z, seed):
    centers, labels = kmeans_centers(passes(z), n_clusters=4, n_init=3, seed=seed)
    expected = KMeans(4, n_init=3, random_state=seed).fit(z.numpy())
    np.testing.assert_array_equal(centers, expected.cluster_centers_)
    np.testing.assert_array_equal(labels, expected.labels_)
    assert centers.dtype == torch.float32
    assert labels.dtype == torch.int64


def test_kmeans_centers__say_nothing_about_too_few_distinct_rows():
    z = torch.ones(10, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        centers, labels = kmeans_centers(passes(z), n_clusters=3, n_init=1, seed=0)
    assert centers.shape == (3, 2)
    assert torch.all(labels == labels[0])


def test_kmeans_centers__that_differ_by_rounding_are_one():
    rng = np.random.default_rng(0)
    kind = np.arange(60) % 3
    z = rng.normal(size=(3, 5))[kind] + 1e-7 * rng.normal(size=(60, 5))
    centers, labels = kmeans_centers(passes(z), n_clusters=5, n_init=3, seed=0)
    assert len(centers) == 5
    assert len(np.unique(centers, axis=0)) == 3
    assert len(set(zip(kind, labels.tolist(), strict=True))) == 3


def test_kmeans_centers__beside_a_row_far_away_stay_apart():
    z = np.repeat([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1e7, 1e7]], [9, 9, 9, 1], 0)
    centers, labels = kmeans_centers(passes(z + 0.5), n_clusters=4, n_init=3, seed=0)
    assert len(np.unique(centers, axis=0)) == 4
    assert len(set(labels.tolist())) == 4


def test_kmeans_centers__of_many_rows_go_on_from_the_best_of_a_sample(monkeypatch):
    rng = np.random.default_rng(0)
    X = np.repeat(8.0 * np.eye(4), 500, axis=0) + rng.normal(size=(2000, 4))
    monkeypatch.setattr(_centers, "SAMPLE", 200)
    centers, labels = kmeans_centers(passes(X), n_clusters=4, n_init=3, seed=0)
    expected = KMeans(4, n_init=3, random_state=0).fit(X)
    found, of_all = (
        means[means.argmax(axis=1).argsort()]
        for means in (centers.numpy(), expected.cluster_centers_)
    )
    np.testing.assert_allclose(found, of_all, atol=0.02)
    assert len(labels) == 2000
    sums = [X[labels == label].mean(axis=0) for label in range(4)]
    np.testing.assert_allclose(centers, sums, atol=0.02)


def test_kmeans_centers__of_rows_that_are_not_held_are_those_of_a_sample(monkeypatch):
    rng = np.random.default_rng(0)
    X = np.repeat(8.0 * np.eye(4), 500, axis=0) + rng.normal(size=(2000, 4))
    monkeypatch.setattr(_centers, "SAMPLE", 200)
    monkeypatch.setattr(_passes, "HELD_VALUES", 0)
    centers, labels = kmeans_centers(passes(X), n_clusters=4, n_init=3, seed=0)
    assert np.bincount(labels).tolist() == [500] * 4
    means = [X[labels == label].mean(axis=0) for label in range(4)]
    np.testing.assert_allclose(centers, means, atol=0.6)


def test_reseed_empty__moves_a_centre_to_the_row_farthest_from_the_others():
    z = torch.tensor([[0.0], [1.0], [2.0], [10.0]])
    centers = torch.tensor([[1.0], [-50.0]])
    reseed_empty(centers, torch.tensor([1]), z)
    assert centers.tolist() == [[1.0], [10.0]]


def test_reseed_empty__spreads_several_centres():
    # Nearest to 10 would be 9, but after 10 is taken the farthest row is -6.
    z = torch.tensor([[0.0], [9.0], [10.0], [-6.0]])
    centers = torch.tensor([[77.0], [0.0], [88.0]])
    reseed_empty(centers, torch.tensor([0, 2]), z)
    assert centers.tolist() == [[10.0], [0.0], [-6.0]]


def test_reseed_empty__stops_where_no_distinct_row_is_left():
    z = torch.tensor([[1.0], [1.0], [3.0]])
    centers = torch.tensor([[1.0], [7.0], [8.0], [9.0]])
    moved = reseed_empty(centers, torch.tensor([1, 2, 3]), z)
    assert moved.tolist() == [1]
    assert centers.tolist() == [[1.0], [3.0], [8.0], [9.0]]


def test_reseed_empty__keeps_no_gradient(z):
    centers = torch.nn.Parameter(torch.zeros(3, 6))
    reseed_empty(centers, torch.tensor([1, 2]), z)
    assert centers.requires_grad
    assert centers.grad_fn is None
    assert len(torch.unique(centers.detach(), dim=0)) == 3


def test_label_means__are_those_of_the_rows_or_what_is_given(blobs):
    X, y = blobs
    given = torch.full((4, X.shape[1]), 7.0)
    means = label_means(passes(X), torch.from_numpy(y), given)
    expected = [X[y == label].mean(axis=0) for label in range(3)]
    np.testing.assert_allclose(means[:3], expected, rtol=1e-5)
    assert torch.equal(means[3], given[3])


# -- mean square -------------------------------------------------------------------


@pytest.mark.parametrize("n_clusters", [1, 3])
def test_mean_square__is_that_of_the_nearest_centroids(z, n_clusters, monkeypatch):
    kmeans = KMeans(n_clusters, n_init=3, random_state=0).fit(z.numpy())
    centers = torch.from_numpy(kmeans.cluster_centers_)
    expected = kmeans.inertia_ / len(z)
    assert mean_square(passes(z), centers) == pytest.approx(expected, rel=1e-5)
    monkeypatch.setattr(_passes, "HELD_VALUES", 0)
    assert mean_square(passes(z), centers) == pytest.approx(expected, rel=1e-5)


def test_mean_square__is_never_zero():
    z = torch.tensor([[0.0, 0.0], [0.0, 4.0]])
    assert mean_square(passes(z), z) == pytest.approx(8e-3)  # of 0, 16, 0 and 16
    assert mean_square(passes(z[:1]), z[:1]) == 1.0


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.parametrize("comparisons", [2**33, 100_000])
def test_clusters_of_sample(monkeypatch, held, comparisons):
    """Two bars, side by side: a row's nearest in the sample is in its own."""
    rng = np.random.default_rng(0)
    y = np.arange(1000) % 2
    X = np.column_stack([rng.uniform(0, 20, 1000), y + 0.1 * rng.normal(size=1000)])
    if not held:
        monkeypatch.setattr(_passes, "HELD_VALUES", X.size - 1)
    compared = []
    monkeypatch.setattr(_centers, "_COMPARISONS", comparisons)
    monkeypatch.setattr(_centers, "_FEWEST", 20)
    monkeypatch.setattr(
        _centers,
        "roughly_nearest",
        lambda z, points: compared.append(len(points)) or roughly_nearest(z, points),
    )
    few = torch.tensor(X[:300], dtype=torch.float32)
    centers, labels = clusters_of_sample(passes(X), few, torch.from_numpy(y[:300]))
    of = X if held else X[:300]
    expected = [of[y[: len(of)] == label].mean(axis=0) for label in range(2)]
    np.testing.assert_allclose(centers, expected, rtol=1e-4)
    assert labels.shape == (1000,)
    if held:
        np.testing.assert_array_equal(labels, y)
        assert set(compared) == {300 if comparisons == 2**33 else 100}
    else:  # the nearest mean
        distances = np.linalg.norm(X[:, None] - centers.numpy(), axis=2)
        np.testing.assert_array_equal(labels, distances.argmin(axis=1))


def test_clusters_of_sample__of_all_rows_are_the_given_ones(z):
    known = torch.arange(len(z)) % 3
    centers, labels = clusters_of_sample(passes(z), z, known)
    assert torch.equal(labels, known)
    expected = [z[known == label].mean(dim=0) for label in range(3)]
    torch.testing.assert_close(centers, torch.stack(expected))
