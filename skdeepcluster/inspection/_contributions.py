"""Which features decide that a row belongs to its cluster."""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from skdeepcluster.inspection._estimators import clusterer_and_rows, flat_float64
from skdeepcluster.utils import Integers, MatrixLike, warn_caller

_LARGEST_GAP = 0.05  # of a completeness that is called one


def feature_contributions(
    estimator: BaseEstimator, X: MatrixLike, *, n_steps: int = 64
) -> np.ndarray:
    r"""Share of each feature in the log-odds of each row's own cluster.

    Integrated gradients [1]_: the row is reached from the mean of the training rows in
    small steps along a straight line, and each feature is credited with what the
    log-odds of the row's cluster, against all others together, gain while the feature
    changes. A positive contribution speaks for the cluster. The contributions of a row
    add up to its log-odds minus those of the mean row.

    Parameters
    ----------
    estimator : estimator
        A fitted clusterer of this package, or a Pipeline or search that ends in one.
    X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        Rows, as `estimator` predicts them.
    n_steps : int, default=64
        Number of steps along the line in range [1, inf). Time grows with it, and the
        error falls.

    Returns
    -------
    contributions : ndarray of shape (n_samples, n_features_in_), float64
        In natural logarithms of odds. Features are those that the clusterer itself is
        given: behind transformers, those that ``pipeline[:-1].get_feature_names_out()``
        names.

    Raises
    ------
    TypeError
        When the clusterer has no ``assignment_gradients``.
    ValueError
        When there is one cluster only, which has no odds.

    Warns
    -----
    ConvergenceWarning
        When the sums miss the differences of the log-odds by more than 5 % of these,
        over all rows.

    See Also
    --------
    cluster_feature_importance : The mean over the rows of each cluster.
    cluster_profiles : How the values of the features differ, without the model.

    Notes
    -----
    With the mean row :math:`\bar{x}`, the log-odds :math:`\ell` of the row's cluster
    (see ``assignment_log_odds`` of the clusterer) and :math:`m` steps, feature
    :math:`j` contributes

    .. math::

        (x_j - \bar{x}_j) \frac{1}{m} \sum_{s=1}^{m} \frac{\partial \ell}{\partial x_j}
        \Bigl( \bar{x} + \frac{s - 1/2}{m} (x - \bar{x}) \Bigr) .

    They explain the model and not the world: correlated features share what any one of
    them could have had, as training happened to distribute it.

    References
    ----------
    .. [1] M. Sundararajan, A. Taly, Q. Yan (2017). Axiomatic attribution for deep
       networks. Proceedings of the 34th International Conference on Machine Learning,
       PMLR 70, 3319-3328. https://proceedings.mlr.press/v70/sundararajan17a.html

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import Autoencoder, DECClustering
    >>> from skdeepcluster.inspection import feature_contributions
    >>> X, _ = load_iris(return_X_y=True)
    >>> dec = DECClustering(3, autoencoder=Autoencoder(max_epochs=20), random_state=0)
    >>> feature_contributions(dec.fit(X), X[:5]).shape
    (5, 4)
    """
    if n_steps not in Integers(1):
        raise ValueError(f"n_steps must be {Integers(1)}. Got {n_steps!r} instead.")
    clusterer, rows = _with_gradients(estimator, X)
    labels = clusterer.predict(rows)
    positions = (np.arange(n_steps) + 0.5) / n_steps
    gradients = clusterer.assignment_gradients(rows, labels, positions=positions)
    contributions = (flat_float64(rows) - clusterer.center_) * gradients
    rise = clusterer.assignment_log_odds(rows, labels).astype(
        np.float64
    ) - clusterer.assignment_log_odds(rows, labels, position=0.0)
    gap = np.abs(contributions.sum(axis=1) - rise).sum()
    if gap > _LARGEST_GAP * np.abs(rise).sum():
        warn_caller(
            f"The contributions miss the log-odds by {gap / np.abs(rise).sum():.0%}. "
            f"Use more steps than n_steps={n_steps}; they cannot add up for a model "
            "that knows only the direction of rows, which their mean has not.",
            ConvergenceWarning,
        )
    return contributions


def cluster_feature_importance(
    estimator: BaseEstimator, X: MatrixLike, *, n_steps: int = 64
) -> np.ndarray:
    """Which features decide that rows belong to a cluster.

    The mean of :func:`feature_contributions` over the rows of each cluster, with their
    signs. A contribution counts for or against the row's own cluster, whichever way
    the feature itself goes: what helps one row by a high value and another by a low
    one adds up, while the contributions of features without meaning cancel out, as
    they would not in a mean of absolute values. And a mean stays complete: the
    importances of a cluster add up to what its log-odds gain on the way from the mean
    of all training rows to its own rows.

    Parameters
    ----------
    estimator : estimator
        A fitted clusterer of this package, or a Pipeline or search that ends in one.
    X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        Rows, as `estimator` predicts them, best all that it was fitted on.
    n_steps : int, default=64
        As for :func:`feature_contributions`.

    Returns
    -------
    importance : ndarray of shape (n_clusters_, n_features_in_), float64
        In natural logarithms of odds. Positive where the feature speaks for the
        cluster, nan for a cluster that has no rows in `X`.

    Raises
    ------
    TypeError
        When the clusterer has no ``assignment_gradients``.
    ValueError
        When there is one cluster only, which has no odds.

    See Also
    --------
    feature_contributions : The same for single rows, and what it is.
    cluster_profiles : How the values of the features differ, without the model.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import Autoencoder, DECClustering
    >>> from skdeepcluster.inspection import cluster_feature_importance
    >>> X, _ = load_iris(return_X_y=True)
    >>> dec = DECClustering(3, autoencoder=Autoencoder(max_epochs=20), random_state=0)
    >>> cluster_feature_importance(dec.fit(X), X).shape
    (3, 4)
    """
    clusterer, rows = _with_gradients(estimator, X)
    contributions = feature_contributions(clusterer, rows, n_steps=n_steps)
    labels = clusterer.predict(rows)
    importance = np.full((clusterer.n_clusters_, contributions.shape[1]), np.nan)
    for label in np.unique(labels):
        importance[label] = contributions[labels == label].mean(axis=0)
    return importance


def _with_gradients(estimator, X):
    clusterer, rows = clusterer_and_rows(estimator, X)
    if not hasattr(clusterer, "assignment_gradients"):
        raise TypeError(
            f"{type(clusterer).__name__} has no assignment_gradients, from which "
            "contributions are made. cluster_profiles takes any clusterer."
        )
    return clusterer, rows
