"""How sure a clusterer is of each row."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.cluster import AgglomerativeClustering, KMeans, MeanShift
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import Autoencoder, DACClustering, DCNClustering
from skdeepcluster.inspection import assignment_confidence
from tests._discovery import CLUSTERERS, PREDICTING, TINY, tiny


@pytest.mark.parametrize("cls", PREDICTING)
def test_every_clusterer__is_between_zero_and_one(cls, blobs):
    X, _ = blobs
    path = np.linspace(X[0], X[20], 201)  # from one cluster to another
    confidence = assignment_confidence(tiny(cls, n_clusters=3).fit(X), path)
    assert confidence.shape == (201,)
    assert confidence.dtype == np.float64
    assert confidence.min() >= 0
    assert confidence.max() <= 1
    if cls is DACClustering:  # as sure everywhere after so few steps
        assert confidence[1:-1].min() <= confidence[[0, -1]].min()
    else:
        assert confidence[1:-1].min() < confidence[[0, -1]].min()


@pytest.mark.parametrize(
    "cls", [cls for cls in CLUSTERERS if hasattr(cls, "predict_proba")]
)
def test_probabilities__give_the_largest(cls, blobs):
    X, _ = blobs
    clusterer = tiny(cls).fit(X)
    np.testing.assert_allclose(
        assignment_confidence(clusterer, X), clusterer.predict_proba(X).max(axis=1)
    )


def test_centers_of_an_embedding__give_the_ratio_of_distances(blobs):
    X, _ = blobs
    dcn = tiny(DCNClustering, n_clusters=3).fit(X)
    first, second, _ = np.sort(dcn.center_distances(X), axis=1).T
    np.testing.assert_allclose(
        assignment_confidence(dcn, X), 1 - first / second, rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("container", [list, np.asarray, csr_array])
def test_k_means__by_hand(container):
    X = [[0.0, 0.0], [4.0, 0.0]]
    kmeans = KMeans(2, n_init=1, random_state=0).fit(container(X))
    rows = container([[0.0, 0.0], [1.0, 0.0], [2.0, 3.0], [-4.0, 0.0]])
    np.testing.assert_allclose(
        assignment_confidence(kmeans, rows), [1, 2 / 3, 0, 0.5], atol=1e-7
    )


def test_two_centers_at_one_point__nothing_is_sure():
    kmeans = KMeans(2, n_init=1, random_state=0).fit([[0.0], [1.0]])
    kmeans.cluster_centers_ = np.zeros((2, 1))
    np.testing.assert_array_equal(assignment_confidence(kmeans, [[0.0], [5.0]]), 0)


@pytest.mark.parametrize(
    "make", [lambda: KMeans(1), lambda: tiny(DCNClustering, n_clusters=1)]
)
def test_one_cluster__is_sure(make, blobs):
    X, _ = blobs
    np.testing.assert_array_equal(assignment_confidence(make().fit(X), X), 1)


def test_pipelines__are_looked_into(blobs):
    X, _ = blobs
    X = X * [1, 10, 100, 1, 1, 1]
    scaled = StandardScaler().fit_transform(X)
    dcn = tiny(DCNClustering)
    expected = assignment_confidence(dcn.fit(scaled), scaled)
    nested = make_pipeline(
        make_pipeline(StandardScaler()), "passthrough", make_pipeline(dcn)
    ).fit(X)
    np.testing.assert_array_equal(assignment_confidence(nested, X), expected)
    frozen = FrozenEstimator(nested)
    np.testing.assert_array_equal(assignment_confidence(frozen, X), expected)


def test_autoencoder_and_k_means__measure_in_the_embedding(blobs):
    X, y = blobs
    two_step = make_pipeline(Autoencoder(**TINY["autoencoder"].get_params()), KMeans(3))
    first, second, _ = np.sort(two_step.fit(X).transform(X), axis=1).T
    np.testing.assert_allclose(
        assignment_confidence(two_step, X), 1 - first / second, atol=1e-5
    )


def test_search__speaks_of_its_best_estimator(blobs):
    X, _ = blobs
    search = GridSearchCV(KMeans(n_init=1, random_state=0), {"n_clusters": [3]}, cv=2)
    search.fit(X)
    np.testing.assert_array_equal(
        assignment_confidence(search, X),
        assignment_confidence(search.best_estimator_, X),
    )


@pytest.mark.parametrize("clusterer", [GaussianMixture(3), MeanShift(bandwidth=6)])
def test_other_clusterers(clusterer, blobs):
    X, _ = blobs
    confidence = assignment_confidence(clusterer.fit(X), X)
    assert confidence.shape == (60,)
    assert np.median(confidence) > 0.5


def test_neither_probabilities_nor_centers__is_refused(blobs):
    X, _ = blobs
    ward = AgglomerativeClustering(3).fit(X)
    with pytest.raises(TypeError, match="AgglomerativeClustering has no confidence"):
        assignment_confidence(ward, X)


def test_unfitted__is_refused(blobs):
    with pytest.raises(NotFittedError):
        assignment_confidence(KMeans(3), blobs[0])
