"""The same names for the same clusters after a refit."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_consistent_length, column_or_1d


def align_labels(old: ArrayLike, new: ArrayLike) -> tuple[np.ndarray, dict[int, int]]:
    r"""Rename the clusters of a new fit after those of an old one.

    Clusters are numbered at random: after a refit, cluster 3 may be called 0. Given the
    labels of the same rows by both fits, the new clusters take the numbers of the old
    ones, each at most once, so that as many rows as possible keep their number.

    Parameters
    ----------
    old : array-like of shape (n_samples,), int
        Labels by the old fit, -1 for noise.
    new : array-like of shape (n_samples,), int
        Labels of the same rows by the new fit, -1 for noise.

    Returns
    -------
    aligned : ndarray of shape (n_samples,), int64
        The partition of `new` with the numbers of `old`. New clusters that share no row
        with the old cluster they are matched with, or for which none is left, get new
        numbers, from the largest old one plus one. Noise stays -1.
    mapping : dict of int to int
        Number in `new` to number in `aligned`, to rename what the new fit predicts
        later: ``[mapping[label] for label in estimator.predict(X)]``. A cluster of
        which no row was in `new` has no entry.

    Raises
    ------
    ValueError
        If the lengths differ, or if a label is no integer or below -1.

    See Also
    --------
    clustering_accuracy : The share of rows that agree under the same matching.

    Notes
    -----
    With the number :math:`n_{ij}` of rows in old cluster :math:`i` and new cluster
    :math:`j`, noise left out, the matching maximises :math:`\sum_j n_{m(j), j}` [1]_.

    References
    ----------
    .. [1] H. W. Kuhn, "The Hungarian method for the assignment problem", Naval
       Research Logistics Quarterly 2(1-2), 83-97, 1955.
       https://doi.org/10.1002/nav.3800020109

    Examples
    --------
    >>> from skdeepcluster.metrics import align_labels
    >>> aligned, mapping = align_labels([0, 0, 1, 1, 1], [1, 1, 0, 0, 2])
    >>> aligned
    array([0, 0, 1, 1, 2])
    >>> mapping
    {0: 1, 1: 0, 2: 2}
    """
    old, new = _integers(old, "old"), _integers(new, "new")
    check_consistent_length(old, new)
    names, clusters = np.unique(old[old >= 0]), np.unique(new[new >= 0])
    mapping = {-1: -1} if (new < 0).any() else {}
    kept = (old >= 0) & (new >= 0)
    if kept.any():
        table = contingency_matrix(old[kept], new[kept])
        matched = zip(*linear_sum_assignment(table, maximize=True), strict=True)
        old_kept, new_kept = np.unique(old[kept]), np.unique(new[kept])
        mapping |= {
            int(new_kept[j]): int(old_kept[i]) for i, j in matched if table[i, j]
        }
    following = int(names.max(initial=-1)) + 1
    for cluster in clusters.tolist():
        if cluster not in mapping:
            mapping[cluster] = following
            following += 1
    mapping = dict(sorted(mapping.items()))
    return np.array([mapping[label] for label in new.tolist()], dtype=np.int64), mapping


def _integers(labels, name) -> np.ndarray:
    labels = column_or_1d(labels)
    if not len(labels):
        return labels.astype(np.int64)
    is_integer = labels.dtype.kind in "iu"
    if not is_integer or labels.min() < -1:
        raise ValueError(
            f"{name} must hold cluster numbers from 0, and -1 for noise. Got "
            f"{(labels.min() if is_integer else labels[0])!r}."
        )
    return labels.astype(np.int64)
