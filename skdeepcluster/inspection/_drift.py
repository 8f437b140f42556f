"""Whether new rows still fall into the clusters as the old ones did."""

from dataclasses import dataclass

import numpy as np
from sklearn.base import BaseEstimator

from skdeepcluster.inspection._confidence import assignment_confidence
from skdeepcluster.utils import MatrixLike, labels_of

_QUANTILE = 0.05  # of the reference's confidence, per cluster
_SMALLEST_SHARE = 1e-4  # as which an empty cluster counts in the index


@dataclass(frozen=True)
class DriftResult:
    """New rows beside reference rows, cluster by cluster.

    Attributes
    ----------
    clusters : ndarray of shape (n_clusters,), int64
        Numbers of the clusters.
    shares, reference_shares : ndarray of shape (n_clusters,)
        Share of the rows that fall into each cluster, in [0, 1].
    confidences, reference_confidences : ndarray of shape (n_clusters,)
        Mean confidence of these rows; NaN where there are none.
    unsure : float
        Share of the new rows that are less sure than nineteen of twenty reference rows
        of their cluster: about 0.05 where nothing has changed.
    stability_index : float
        Population stability index of the shares: 0 where they are the same; above 0.25
        practitioners speak of a large change.
    """

    clusters: np.ndarray
    shares: np.ndarray
    reference_shares: np.ndarray
    confidences: np.ndarray
    reference_confidences: np.ndarray
    unsure: float
    stability_index: float


def cluster_drift(
    estimator: BaseEstimator, X: MatrixLike, reference: MatrixLike
) -> DriftResult:
    r"""Compare how new rows and reference rows fall into the clusters.

    Two signals tell that a clustering has grown old: the shares of the clusters move,
    or rows come that no cluster fits, which makes them unsure. Neither needs labels.

    Parameters
    ----------
    estimator : clusterer with ``predict``
        Fitted, with a confidence in the sense of :func:`assignment_confidence`; also a
        Pipeline that ends with one.
    X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        New rows.
    reference : array-like, CSR matrix or tensor of shape (n_reference, n_features)
        Rows of a time when all was well. Rows that the estimator was fitted on are
        surer than others of the same kind: rows held out then are the better reference.

    Returns
    -------
    result : DriftResult

    Raises
    ------
    TypeError
        When the clusterer has no confidence.

    See Also
    --------
    assignment_confidence : How sure the clusterer is of each row.
    skdeepcluster.metrics.align_labels : Keep names of clusters when it is fitted anew.

    Notes
    -----
    With shares :math:`p_j` of the new and :math:`r_j` of the reference rows the index
    is :math:`\sum_j (p_j - r_j) \ln (p_j / r_j)`, where no share counts as less than
    0.0001 [1]_.

    References
    ----------
    .. [1] N. Siddiqi (2006). Credit risk scorecards: developing and implementing
       intelligent credit scoring. Wiley. ISBN 978-0-471-75451-0

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from skdeepcluster.inspection import cluster_drift
    >>> X, y = make_blobs(600, centers=3, random_state=0)
    >>> k_means = KMeans(3, n_init=5, random_state=0).fit(X[:200])
    >>> same = cluster_drift(k_means, X[200:400], reference=X[400:])
    >>> moved = cluster_drift(k_means, X[200:400] + 2.0, reference=X[400:])
    >>> same.stability_index < 0.1 < moved.unsure
    True
    """
    labels, confidence = labels_of(estimator, X), assignment_confidence(estimator, X)
    known = labels_of(estimator, reference)
    surety = assignment_confidence(estimator, reference)
    clusters = np.union1d(labels, known)
    shares, means = _by_cluster(labels, confidence, clusters)
    reference_shares, reference_means = _by_cluster(known, surety, clusters)
    limits = {
        cluster: np.quantile(surety[known == cluster], _QUANTILE)
        for cluster in np.unique(known)
    }
    # What falls where no reference row was is new as well.
    limit = np.array([limits.get(label, np.inf) for label in labels])
    p, r = (np.maximum(s, _SMALLEST_SHARE) for s in (shares, reference_shares))
    return DriftResult(
        clusters=clusters.astype(np.int64),
        shares=shares,
        reference_shares=reference_shares,
        confidences=means,
        reference_confidences=reference_means,
        unsure=float((confidence < limit).mean()),
        stability_index=float(((p - r) * np.log(p / r)).sum()),
    )


def _by_cluster(labels, confidence, clusters):
    """Share of each cluster, and mean confidence: twice (n_clusters,)."""
    own = [confidence[labels == cluster] for cluster in clusters]
    shares = np.array([len(values) for values in own]) / len(labels)
    return shares, np.array([v.mean() if len(v) else np.nan for v in own])
