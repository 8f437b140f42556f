"""Scores that compare a clustering with known classes."""

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_array, check_consistent_length


def _contingency_table(labels_true: ArrayLike, labels_pred: ArrayLike) -> np.ndarray:
    """Validate two labelings; counts of shape (n_classes, n_clusters)."""
    labelings = []
    for name, labels in (("labels_true", labels_true), ("labels_pred", labels_pred)):
        labels = check_array(
            labels, ensure_2d=False, ensure_min_samples=0, dtype=None, input_name=name
        )
        if labels.ndim != 1:
            raise ValueError(f"{name} must be 1D: shape is {labels.shape}")
        labelings.append(labels)
    check_consistent_length(*labelings)
    return contingency_matrix(*labelings)


def clustering_accuracy(labels_true: ArrayLike, labels_pred: ArrayLike) -> float:
    r"""Share of rows that are right under the best one-to-one matching.

    Each cluster is matched with at most one class, and each class with at most one
    cluster, so that as many rows as possible lie in a matched pair. The rows of
    unmatched clusters and of unmatched classes count as wrong. This is the "ACC" of
    the deep clustering literature.

    Parameters
    ----------
    labels_true : array-like of shape (n_samples,)
        Known classes, of any type that can be sorted, such as integers or strings.
    labels_pred : array-like of shape (n_samples,)
        Cluster labels. Their names do not matter, only the partition does.

    Returns
    -------
    accuracy : float
        Between 0 and 1; 1 if and only if the two partitions are the same. It is 1
        for empty input, as with :func:`sklearn.metrics.adjusted_rand_score`.

    Raises
    ------
    ValueError
        If the lengths differ, or if an input is not one-dimensional or contains NaN.

    See Also
    --------
    purity_score : Several clusters may stand for the same class.
    sklearn.metrics.adjusted_rand_score : Counts pairs of rows; 0 for chance level.
    sklearn.metrics.normalized_mutual_info_score : Compares information.

    Notes
    -----
    With the contingency table :math:`n_{ij}` (rows of class :math:`i` in cluster
    :math:`j`) the score is :math:`\max_m \frac{1}{n} \sum_i n_{i, m(i)}` over all
    one-to-one matchings :math:`m` [2]_, found by solving an assignment problem [1]_.

    A noise label such as -1 is a cluster like any other, as in the metrics of
    scikit-learn. The score is not corrected for chance: one single cluster reaches the
    share of the largest class.

    References
    ----------
    .. [1] H. W. Kuhn, "The Hungarian method for the assignment problem", Naval
       Research Logistics Quarterly 2(1-2), 83-97, 1955.
       https://doi.org/10.1002/nav.3800020109
    .. [2] Y. Yang, D. Xu, F. Nie, S. Yan, Y. Zhuang, "Image clustering using local
       discriminant models and global integration", IEEE Transactions on Image
       Processing 19(10), 2761-2773, 2010. https://doi.org/10.1109/TIP.2010.2049235

    Examples
    --------
    >>> from skdeepcluster.metrics import clustering_accuracy
    >>> clustering_accuracy(["cat", "cat", "dog", "dog"], [1, 1, 0, 0])
    1.0

    One of the two cats is in a cluster of its own, which stays unmatched:

    >>> clustering_accuracy(["cat", "cat", "dog", "dog"], [1, 2, 0, 0])
    0.75
    """
    table = _contingency_table(labels_true, labels_pred)
    if table.size == 0:
        return 1.0
    classes, clusters = linear_sum_assignment(table, maximize=True)
    return float(table[classes, clusters].sum() / table.sum())


def purity_score(labels_true: ArrayLike, labels_pred: ArrayLike) -> float:
    r"""Share of rows that belong to the most frequent class of their cluster.

    Each cluster stands for its most frequent class; several may stand for the same.

    Parameters
    ----------
    labels_true : array-like of shape (n_samples,)
        Known classes, of any type that can be sorted, such as integers or strings.
    labels_pred : array-like of shape (n_samples,)
        Cluster labels. Their names do not matter, only the partition does.

    Returns
    -------
    purity : float
        Between 0 and 1; 1 if and only if no cluster mixes classes. It is 1 for empty
        input, as with :func:`sklearn.metrics.homogeneity_score`.

    Raises
    ------
    ValueError
        If the lengths differ, or if an input is not one-dimensional or contains NaN.

    See Also
    --------
    clustering_accuracy : Each class is matched with at most one cluster.
    sklearn.metrics.homogeneity_score : The same idea, measured by entropy.

    Notes
    -----
    With the contingency table :math:`n_{ij}` (rows of class :math:`i` in cluster
    :math:`j`) the score is :math:`\frac{1}{n} \sum_j \max_i n_{ij}` [1]_.

    It is never below :func:`clustering_accuracy`, and splitting a cluster never lowers
    it: one cluster per row gives 1. Compare it only between clusterings with the same
    number of clusters. A noise label such as -1 is a cluster like any other, as in the
    metrics of scikit-learn.

    References
    ----------
    .. [1] C. D. Manning, P. Raghavan, H. Schütze, "Introduction to Information
       Retrieval", section 16.3, Cambridge University Press, 2008.
       https://doi.org/10.1017/CBO9780511809071

    Examples
    --------
    >>> from skdeepcluster.metrics import purity_score
    >>> purity_score(["cat", "cat", "dog", "dog"], [0, 1, 1, 1])
    0.75
    >>> purity_score(["cat", "cat", "dog", "dog"], [0, 1, 2, 2])
    1.0
    """
    table = _contingency_table(labels_true, labels_pred)
    if table.size == 0:
        return 1.0
    return float(table.max(axis=0).sum() / table.sum())
