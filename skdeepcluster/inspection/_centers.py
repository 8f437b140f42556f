"""What the centres of clusters look like."""

import numpy as np
from sklearn.base import BaseEstimator

from skdeepcluster.inspection._estimators import has_embedding, image_shape_of
from skdeepcluster.utils import unwrap


def decoded_centers(estimator: BaseEstimator, *, as_images: bool = False) -> np.ndarray:
    """Centroids as rows of the input.

    The centroids lie in the embedding; the decoder tells which row would be embedded
    there. Unlike `cluster_means_`, which average rows and blur them, these are what the
    model itself takes for typical.

    Parameters
    ----------
    estimator : estimator
        A fitted clusterer with centroids and a decoder; a clusterer of scikit-learn
        with `cluster_centers_`, alone or behind transformers that can be inverted, for
        example an :class:`~skdeepcluster.Autoencoder`; or a Pipeline or search that
        ends in one of them.
    as_images : bool, default=False
        Whether to return the centres in the shape of the images that were fitted.

    Returns
    -------
    centers : ndarray of shape (n_clusters, n_features)
        In the units of the input of `estimator`; with `as_images` one image per
        cluster, such as (n_clusters, height, width).

    Raises
    ------
    TypeError
        When there are no centroids, no decoder, or a transformer that has no inverse.
    ValueError
        When `as_images` is set and the estimator was fitted on flat rows.

    See Also
    --------
    ExemplarsDisplay : Real rows that are typical.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import Autoencoder, IDECClustering
    >>> from skdeepcluster.inspection import decoded_centers
    >>> X, _ = load_iris(return_X_y=True)
    >>> idec = IDECClustering(3, autoencoder=Autoencoder(max_epochs=20), random_state=0)
    >>> decoded_centers(idec.fit(X)).shape
    (3, 4)
    """
    before, clusterer = unwrap(estimator)
    name = type(clusterer).__name__
    centers = getattr(clusterer, "cluster_centers_", None)
    if centers is None:
        raise TypeError(f"{name} has no cluster_centers_ that could be decoded.")
    if has_embedding(clusterer):
        if not hasattr(clusterer, "inverse_transform"):
            raise TypeError(
                f"{name} has no decoder. Use its cluster_means_, the means of the rows "
                "of each cluster, or a method that keeps one, such as IDECClustering."
            )
        centers = clusterer.inverse_transform(centers)
    for transformer in reversed(before):
        if not hasattr(transformer, "transform"):  # "passthrough" or None
            continue
        if not hasattr(transformer, "inverse_transform"):
            raise TypeError(
                f"{type(transformer).__name__} in front of {name} has no "
                "inverse_transform. Give the last step of the pipeline instead, for "
                "centres in the features behind it."
            )
        centers = transformer.inverse_transform(centers)
    centers = np.asarray(centers)
    if not as_images:
        return centers
    shape = image_shape_of(estimator)
    if shape is None:
        raise ValueError(
            "as_images=True needs an estimator that was fitted on images, but this one "
            f"was on flat rows of {centers.shape[1]} features. Reshape the result."
        )
    return centers.reshape(-1, *shape)
