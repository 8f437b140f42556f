"""Where clusterers start that have `init`: k-means, or clusters that merge."""

import inspect

import numpy as np
import pytest
import scipy.sparse
from sklearn.datasets import make_blobs, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import DECClustering, VaDEClustering
from skdeepcluster.cluster._shared import _centroids
from tests._discovery import FROM_AUTOENCODER
from tests.cluster._small import rings, small, unchanged

WITH_INIT = [
    cls for cls in FROM_AUTOENCODER if "init" in inspect.signature(cls).parameters
]
pytestmark = pytest.mark.parametrize("cls", WITH_INIT)


def start(cls, X, n_clusters, init):
    """Before any training, in the space of the rows."""
    autoencoder = unchanged(X.shape[1])
    settings = {"autoencoder": autoencoder, "max_epochs": 0, "random_state": 0}
    return cls(n_clusters, init=init, **settings).fit(X)


def overlapping():
    """Groups of very different sizes that lie in each other."""
    rng = np.random.default_rng(1)
    y = np.repeat(np.arange(3), [300, 300, 30])
    return 1.1 * rng.normal(size=(3, 8))[y] + rng.normal(size=(630, 8)), y


def rare_category():
    """Two groups, and a column of ones for a few rows of both."""
    X, y = make_blobs(400, n_features=4, centers=2, cluster_std=2.5, random_state=3)
    is_rare = np.arange(400) < 40
    return np.column_stack([X, 12 * is_rare]), y


def test_merging__follows_groups_that_are_not_round(cls):
    X, y = rings()
    merged = start(cls, X, 2, "agglomerative")
    assert adjusted_rand_score(y, merged.init_labels_) == 1.0
    by_means = start(cls, X, 2, "kmeans")
    assert adjusted_rand_score(y, by_means.init_labels_) < 0.1


def test_auto__takes_what_holds_together_along_neighbours(cls):
    for (X, y), n_clusters, best in [
        (make_moons(400, noise=0.05, random_state=0), 2, "agglomerative"),
        (rare_category(), 2, "kmeans"),
        (overlapping(), 3, "kmeans"),
    ]:
        starts = {
            init: start(cls, X, n_clusters, init).init_labels_
            for init in ("auto", "agglomerative", "kmeans")
        }
        scores = {init: adjusted_rand_score(y, starts[init]) for init in starts}
        assert scores[best] > min(scores["agglomerative"], scores["kmeans"])
        np.testing.assert_array_equal(starts["auto"], starts[best])


def test_merging__centers_are_means_of_the_first_clusters(cls):
    X, _ = overlapping()
    clustering = start(cls, X, 3, "agglomerative")
    if not hasattr(clustering, "cluster_centers_"):
        pytest.skip("has no centroids")
    Z, labels = clustering.autoencoder_.transform(X), clustering.init_labels_
    if Z.shape[1] != clustering.cluster_centers_.shape[1]:
        pytest.skip("has centroids of another space")
    means = [Z[labels == label].mean(axis=0) for label in range(3)]
    np.testing.assert_allclose(clustering.cluster_centers_, means, atol=1e-4)


@pytest.mark.parametrize("init", ["auto", "agglomerative"])
def test_merging__of_many_rows_is_that_of_a_sample(cls, init, monkeypatch):
    X, y = make_moons(400, noise=0.05, random_state=0)
    merged = []

    class Watched(_centroids.Agglomeration):
        def __init__(self, keys, *others):
            merged.append(len(keys))
            super().__init__(keys, *others)

    monkeypatch.setattr(_centroids, "Agglomeration", Watched)
    monkeypatch.setattr(_centroids, "MOST_ROWS", 300)
    clustering = start(cls, X, 2, init)
    assert merged == [300]
    assert adjusted_rand_score(y, clustering.init_labels_) > 0.98
    np.testing.assert_array_equal(
        clustering.init_labels_, start(cls, X, 2, init).init_labels_
    )


def test_merging__of_a_sample_counts_equal_rows_once(cls, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = make_blobs(40, n_features=4, centers=3, random_state=0)
    drawn = rng.integers(40, size=2000)
    monkeypatch.setattr(_centroids, "MOST_ROWS", 1000)
    clustering = start(cls, X[drawn], 3, "agglomerative")
    assert adjusted_rand_score(y[drawn], clustering.init_labels_) == 1.0


@pytest.mark.parametrize("init", ["auto", "agglomerative"])
def test_fewer_different_rows_than_clusters__are_left_to_kmeans(cls, init):
    X = np.repeat(np.eye(3), 20, axis=0)
    with pytest.warns(ConvergenceWarning):
        clustering = small(cls, 4, init=init, max_epochs=1).fit(X)
    assert set(clustering.labels_) == {0, 1, 2}
    clustering = small(cls, 3, init=init, max_epochs=1).fit(X)
    assert set(clustering.labels_) == {0, 1, 2}


@pytest.mark.parametrize("init", ["auto", "agglomerative"])
def test_one_cluster(cls, init):
    X, _ = make_blobs(60, n_features=6, centers=3, random_state=0)
    assert not small(cls, 1, init=init).fit(X).init_labels_.any()


def test_merging__of_wide_sparse_rows_holds_none_of_them(cls, monkeypatch):
    if cls not in (DECClustering, VaDEClustering):
        pytest.skip("two of those that share it")
    X, y = make_blobs(60, n_features=6, centers=3, random_state=0)
    wide = scipy.sparse.csr_array(
        (X.ravel(), np.tile(np.arange(6) * 50, 60), np.arange(0, 361, 6)), (60, 300)
    )
    kept = []

    class Watched(_centroids.Agglomeration):
        def __init__(self, keys, *others):
            kept.append(keys.shape)
            super().__init__(keys, *others)

    monkeypatch.setattr(_centroids, "Agglomeration", Watched)
    clustering = small(cls, 3, init="agglomerative").fit(wide)
    assert kept == [(60, 2)]
    assert adjusted_rand_score(y, clustering.labels_) > 0.9
