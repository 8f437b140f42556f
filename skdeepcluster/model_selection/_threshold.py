"""A clusterer that says so where it is not sure."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, MetaEstimatorMixin, clone
from sklearn.utils.validation import check_is_fitted

from skdeepcluster.inspection import assignment_confidence
from skdeepcluster.utils import MatrixLike, Reals, check_parameters


class FixedThresholdClusterer(ClusterMixin, MetaEstimatorMixin, BaseEstimator):
    """Give the label -1 to rows that the clusterer is not sure of.

    Parameters
    ----------
    estimator : clusterer with ``predict``
        One with a confidence in the sense of
        :func:`skdeepcluster.inspection.assignment_confidence`, or a Pipeline that ends
        with one. It is cloned and fitted; a fitted one within a
        :class:`sklearn.frozen.FrozenEstimator` is used as it is.
    threshold : float, default=0.5
        Confidence in range [0, 1] below which the label is -1. The scale of confidence
        differs between clusterers: look at
        :class:`skdeepcluster.inspection.ConfidenceDisplay` first.

    Attributes
    ----------
    estimator_ : estimator
        The fitted clusterer.
    labels_ : ndarray of shape (n_samples,), int64
        Cluster of each training row, or -1.
    n_features_in_ : int
        Number of features, where the clusterer knows it.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where the clusterer knows them.

    Raises
    ------
    ValueError
        From ``fit``, when the threshold is out of range.
    TypeError
        From ``fit`` and ``predict``, when the clusterer has no confidence.

    See Also
    --------
    sklearn.model_selection.FixedThresholdClassifier : The same for a classifier.
    skdeepcluster.inspection.cluster_drift : What unsure rows say about the model.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from skdeepcluster.model_selection import FixedThresholdClusterer
    >>> X = [[0.0], [1.0], [2.0], [5.2], [8.0], [9.0], [10.0]]
    >>> sure = FixedThresholdClusterer(KMeans(2, random_state=0), threshold=0.6)
    >>> int(sure.fit_predict(X)[3])
    -1
    """

    def __init__(self, estimator: BaseEstimator, *, threshold: float = 0.5):
        self.estimator = estimator
        self.threshold = threshold

    def fit(self, X: MatrixLike, y: object = None) -> Self:
        """Fit a clone of the clusterer.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        self : object
        """
        rules = {"estimator": [BaseEstimator], "threshold": [Reals(0, 1)]}
        check_parameters(self, rules)
        self.estimator_ = clone(self.estimator).fit(X, y)
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(self.estimator_, name):
                setattr(self, name, getattr(self.estimator_, name))
        self.labels_ = self.predict(X)
        return self

    def predict(self, X: MatrixLike) -> np.ndarray:
        """Assign each row of `X` to its cluster, or to none.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
            -1 where the confidence is below the threshold.
        """
        check_is_fitted(self)
        labels = np.asarray(self.estimator_.predict(X))
        unsure = assignment_confidence(self.estimator_, X) < self.threshold
        return np.where(unsure, -1, labels).astype(np.int64)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags = self.estimator.__sklearn_tags__().input_tags
        return tags
