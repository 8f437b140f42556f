"""Centroids as rows of the input."""

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import DECClustering, DEPICTClustering, IDECClustering
from skdeepcluster.inspection import decoded_centers
from tests._discovery import CLUSTERERS, TINY, tiny

DECODING = [
    cls
    for cls in CLUSTERERS
    if hasattr(cls, "inverse_transform") and hasattr(cls, "center_distances")
]


@pytest.mark.parametrize("cls", DECODING)
def test_decoder__rebuilds_the_centers(cls, blobs):
    X, _ = blobs
    clusterer = tiny(cls, n_clusters=3).fit(X)
    centers = decoded_centers(clusterer)
    assert centers.shape == (3, 6)
    np.testing.assert_array_equal(
        centers, clusterer.inverse_transform(clusterer.cluster_centers_)
    )


def test_trained__centers_are_near_the_means(blobs):
    X, _ = blobs
    idec = tiny(IDECClustering, n_clusters=3, max_epochs=20).fit(X)
    assert np.abs(decoded_centers(idec) - idec.cluster_means_).max() < 3


def test_no_decoder__names_the_alternative(blobs):
    X, _ = blobs
    dec = tiny(DECClustering).fit(X)
    with pytest.raises(TypeError, match="DECClustering has no decoder.*cluster_means_"):
        decoded_centers(dec)


@pytest.mark.parametrize(
    "clusterer", [AgglomerativeClustering(3), tiny(DEPICTClustering)]
)
def test_no_centers__is_refused(clusterer, blobs):
    name = type(clusterer).__name__
    with pytest.raises(TypeError, match=f"{name} has no cluster_centers_"):
        decoded_centers(clusterer.fit(blobs[0]))


def test_pipelines__are_inverted(blobs):
    X, _ = blobs
    X = 100 + 7 * X
    scaler, kmeans = StandardScaler(), KMeans(3, n_init=1, random_state=0)
    centers = decoded_centers(make_pipeline(scaler, "passthrough", kmeans).fit(X))
    means = [X[kmeans.labels_ == label].mean(axis=0) for label in range(3)]
    np.testing.assert_allclose(centers, means, rtol=1e-6)


def test_autoencoder_and_k_means__decode(blobs):
    X, _ = blobs
    autoencoder = TINY["autoencoder"]
    two_step = make_pipeline(autoencoder, KMeans(3, n_init=1, random_state=0)).fit(
        X.reshape(60, 2, 3)
    )
    assert decoded_centers(two_step).shape == (3, 6)
    images = decoded_centers(two_step, as_images=True)
    assert images.shape == (3, 2, 3)


def test_transformer_without_inverse__is_refused(blobs):
    X, _ = blobs
    columns = ColumnTransformer([("scale", StandardScaler(), [0, 1, 2])])
    pipeline = make_pipeline(columns, KMeans(3, n_init=1)).fit(X)
    with pytest.raises(TypeError, match="ColumnTransformer in front of KMeans"):
        decoded_centers(pipeline)


def test_images__in_their_shape_on_request(blobs):
    images = blobs[0].reshape(60, 2, 3)
    idec = tiny(IDECClustering).fit(images)
    centers = decoded_centers(idec, as_images=True)
    assert centers.shape == (idec.n_clusters_, 2, 3)
    np.testing.assert_array_equal(
        centers.reshape(len(centers), -1), decoded_centers(idec)
    )


def test_flat_rows__are_no_images(blobs):
    idec = tiny(IDECClustering).fit(blobs[0])
    with pytest.raises(ValueError, match="flat rows of 6 features"):
        decoded_centers(idec, as_images=True)
