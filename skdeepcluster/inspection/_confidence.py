"""How sure a clusterer is of each row."""

import numpy as np
from sklearn.base import BaseEstimator

from skdeepcluster.inspection._estimators import (
    clusterer_and_rows,
    distances_to_centers,
)
from skdeepcluster.utils import MatrixLike


def assignment_confidence(estimator: BaseEstimator, X: MatrixLike) -> np.ndarray:
    r"""How sure a fitted clusterer is of the cluster of each row.

    The largest probability where the clusterer assigns probabilities. Where it has
    centres only, one minus the ratio of the distances to the nearest and to the second
    nearest: 1 at a centre, 0 half-way between two. The two kinds are on different
    scales, and so are the probabilities of different methods: compare confidence
    between rows of one fit, not between methods.

    Parameters
    ----------
    estimator : estimator
        A fitted clusterer with ``predict_proba`` (of this package or, for example, a
        :class:`sklearn.mixture.GaussianMixture`), with ``center_distances``, or with
        ``cluster_centers_`` in the space of its rows, such as
        :class:`sklearn.cluster.KMeans`; or a Pipeline or search that ends in one.
    X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        Rows, as `estimator` predicts them.

    Returns
    -------
    confidence : ndarray of shape (n_samples,), float64
        In [0, 1]; all 1 where there is one cluster only.

    Raises
    ------
    TypeError
        When the clusterer has neither probabilities nor centres.

    See Also
    --------
    ConfidenceDisplay : Its distribution as a figure.
    ExemplarsDisplay : The rows with most and with least of it.

    Notes
    -----
    With distances :math:`d_1 \le d_2` to the two nearest centres the second kind is
    :math:`1 - d_1 / d_2`, and 0 where both are zero.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from skdeepcluster.inspection import assignment_confidence
    >>> X = [[0.0], [2.0], [4.0], [10.0], [12.0], [14.0]]
    >>> kmeans = KMeans(2, random_state=0).fit(X)
    >>> assignment_confidence(kmeans, [[2.0], [4.5], [7.0]])
    array([1.        , 0.66666667, 0.        ])
    """
    confidence = confidence_or_none(estimator, X)
    if confidence is None:
        raise TypeError(
            f"{type(estimator).__name__} has no confidence: it needs predict_proba, "
            "center_distances or cluster_centers_ in the space of its rows. Use a "
            "clusterer with one of them, such as KMeans, or give confidences of your "
            "own where they are taken."
        )
    return confidence


def confidence_or_none(estimator, X):
    """The same; None where the clusterer has neither probabilities nor centres."""
    clusterer, rows = clusterer_and_rows(estimator, X)
    if hasattr(clusterer, "predict_proba"):
        q = np.asarray(clusterer.predict_proba(rows), dtype=np.float64)
        return q.max(axis=1).clip(0.0, 1.0)
    distances = distances_to_centers(clusterer, rows)
    if distances is None:
        return None
    if distances.shape[1] == 1:
        return np.ones(len(distances))
    nearest, second = np.partition(distances, 1, axis=1)[:, :2].T
    ratio = np.divide(nearest, second, out=np.ones_like(second), where=second > 0)
    return 1.0 - ratio
