"""What fitted estimators, bare or in pipelines and searches, tell about rows."""

import numpy as np
from sklearn.metrics import euclidean_distances

from skdeepcluster.utils import check_array_like, dense_float64, unwrap


def clusterer_and_rows(estimator, X):
    """The clusterer behind all transformers, and the rows as it is given them."""
    before, clusterer = unwrap(estimator)
    for transformer in before:
        if hasattr(transformer, "transform"):  # and is not "passthrough" or None
            X = transformer.transform(X)
    return clusterer, X


def has_embedding(clusterer) -> bool:
    """Whether it is one of this package, whose ``transform`` embeds."""
    return hasattr(clusterer, "n_components_") and hasattr(clusterer, "transform")


def embedding_of(clusterer, rows) -> np.ndarray:
    """Where the clusterer has its clusters: (n_samples, n_components)."""
    if has_embedding(clusterer):
        return np.asarray(clusterer.transform(rows))
    return flat_float64(rows)


def distances_to_centers(clusterer, rows):
    """Euclidean distances (n_samples, n_clusters), None where there are no centres."""
    if hasattr(clusterer, "center_distances"):
        return np.asarray(clusterer.center_distances(rows), dtype=np.float64)
    centers = getattr(clusterer, "cluster_centers_", None)
    if centers is None or np.shape(centers)[1:] != np.shape(rows)[1:]:
        return None
    return euclidean_distances(rows, centers)


def image_shape_of(estimator) -> tuple | None:
    """Shape of the images that it was fitted on, None where it had flat rows."""
    before, clusterer = unwrap(estimator)
    shapes = (getattr(step, "image_shape_", None) for step in [*before, clusterer])
    return next((shape for shape in shapes if shape), None)


def flat_float64(X) -> np.ndarray:
    """A dense copy with one flat row per sample."""
    X = dense_float64(check_array_like(X))
    return X.reshape(len(X), -1)
