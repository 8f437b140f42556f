"""What clusterers share: labels, clusters without rows; prediction and score."""

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from sklearn.base import ClusterMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import euclidean_distances
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted

from skdeepcluster.base import DeepEstimator
from skdeepcluster.engine import OPTIMIZERS
from skdeepcluster.utils import (
    Integers,
    MatrixLike,
    Reals,
    row_blocks,
    warn_caller,
)


class BaseClusterer(ClusterMixin, DeepEstimator):
    """Base of all clusterers: they have labels of the training rows."""

    _parameter_rules = {
        **DeepEstimator._parameter_rules,
        "n_clusters": [Integers(1)],
        "optimizer": list(OPTIMIZERS),
        "learning_rate": [Reals(0, closed="neither")],
    }

    def _check_before_training(self, X, start):
        self._check_n_clusters(self._n_total(X), start)

    def _check_n_clusters(self, n_total, start):
        if n_total < self.n_clusters:
            raise ValueError(
                f"n_samples={n_total} should be >= n_clusters={self.n_clusters}."
            )
        if start is not None and self.n_clusters_ != self.n_clusters:
            raise ValueError(
                f"warm_start=True goes on with the {self.n_clusters_} clusters of the "
                f"fit before. Got n_clusters={self.n_clusters}: set it to that, or "
                "warm_start=False."
            )

    def _set_labels(self, X, labels: np.ndarray, n_clusters: int) -> np.ndarray:
        """Take (n_samples,) labels, without the clusters that have no rows; the numbers
        of those that have, among the labels.
        """
        sizes = np.bincount(labels, minlength=n_clusters)
        sizes = self._group.sum(torch.from_numpy(sizes)).numpy()
        used = np.flatnonzero(sizes)
        if len(used) < n_clusters:
            warn_caller(
                f"{type(self).__name__} ended with {len(used)} clusters instead of "
                f"n_clusters={n_clusters}: the others have no rows. X may have "
                "too few distinct rows, or training has collapsed; try a smaller "
                "n_clusters, a smaller learning_rate or another random_state.",
                ConvergenceWarning,
            )
        new_numbers = np.cumsum(sizes > 0) - 1
        self.labels_ = new_numbers[labels]
        self.n_clusters_ = len(used)
        sums = torch.from_numpy(_sums_by_label(X, self.labels_, self.n_clusters_))
        self.cluster_means_ = self._group.sum(sums).numpy() / sizes[used, None]
        return used

    def _take_numbers_of(self, means):
        """Each cluster takes the number of one before, whose mean was near its own."""
        distances = euclidean_distances(self.cluster_means_, means)
        number = linear_sum_assignment(distances)[1].argsort().argsort()
        self.labels_ = number[self.labels_]
        self.cluster_means_ = self.cluster_means_[number.argsort()]


class DeepClusterer(BaseClusterer):
    """Base of clusterers whose model can ``label`` rows, new ones as well."""

    __metadata_request__predict = {"out": UNUSED}

    def predict(self, X: MatrixLike, out: np.ndarray | None = None) -> np.ndarray:
        """Assign each row of `X` to its cluster.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        out : ndarray of shape (n_samples,), default=None
            Where to write the result, for example a :class:`numpy.memmap` for more
            rows than memory holds. None makes a new array.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
            For the training rows equal to `labels_`; `out` where that is given.
        """
        return self._apply(X, "label", out)

    def score(self, X: MatrixLike, y: object = None) -> float:
        """Minus the mean squared distance of the rows to the mean of their cluster.

        It is measured in the input space, against the training means `cluster_means_`,
        so that embeddings cannot flatter themselves. It grows with the number of
        clusters: do not choose that with it.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        score : float
            Higher is better; in the squared units of `X`.
        """
        check_is_fitted(self)
        X = self._gate(X, reset=False)
        labels = self._apply_to_rows(X, "label")
        total = sum(
            np.square(block - self.cluster_means_[labels[rows]]).sum()
            for rows, block in row_blocks(X)
        )
        return float(-total / X.shape[0])

    # -- fit -----------------------------------------------------------------------

    def _label_rows(self, X):
        """One clean pass over the rows; clusters that have none leave the model."""
        n_clusters = self.model_.n_clusters
        used = self._set_labels(X, self._apply_to_rows(X, "label"), n_clusters)
        if len(used) < n_clusters:
            self.model_.keep(torch.as_tensor(used, device=self.device_))


def _sums_by_label(X, labels: np.ndarray, n_labels: int) -> np.ndarray:
    """Sum of the rows of each label: (n_samples, d) and (n_samples,) -> (k, d)."""
    sums = np.zeros((n_labels, X.shape[1]))
    for rows, block in row_blocks(X):
        own, here = labels[rows], np.arange(len(block))
        sums += (
            csr_array((np.ones(len(own)), (own, here)), (n_labels, len(own))) @ block
        )
    return sums
