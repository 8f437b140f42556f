"""How sure an assignment is, and how that changes with each feature."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils import column_or_1d
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdeepcluster.engine import apply_in_batches
from skdeepcluster.utils import MatrixLike


class SoftAssignmentMixin:
    """For clusterers whose model assigns probabilities."""

    __metadata_request__predict_proba = {"out": UNUSED}

    def predict_proba(self, X: MatrixLike, out: np.ndarray | None = None) -> np.ndarray:
        """Soft assignment of each row of `X` to the clusters.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        out : ndarray of shape (n_samples, n_clusters_), default=None
            Where to write the result, for example a :class:`numpy.memmap` for more
            rows than memory holds. None makes a new array.

        Returns
        -------
        q : ndarray of shape (n_samples, n_clusters_), float32
            In [0, 1]; rows sum to one.
        """
        return self._apply(X, "assign", out)


class LogOddsMixin:
    """For clusterers whose model has ``log_assign``."""

    def assignment_log_odds(
        self, X: MatrixLike, labels: ArrayLike | None = None, *, position: float = 1.0
    ) -> np.ndarray:
        r"""Log-odds of one cluster against all others, for each row of `X`.

        With the soft assignment :math:`q` they are :math:`\log q_j / (1 - q_j)`, and
        finite also where :math:`q_j` is rounded to 0 or 1. A clusterer without
        ``predict_proba`` is given the soft assignment of DEC, a Student's
        t-distribution with one degree of freedom around each centroid: the nearer a
        centroid is than the others, the larger are its log-odds.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        labels : array-like of shape (n_samples,), int, default=None
            The cluster whose odds are wanted, for each row. None is its own.
        position : float, default=1.0
            Where to look on the straight path from the mean of the training rows, 0,
            to each row, 1.

        Returns
        -------
        log_odds : ndarray of shape (n_samples,), float32
            Natural logarithms; positive where the cluster is more probable than all
            others together.
        """

        def log_odds(x, own):
            return _log_odds(self.model_.log_assign(position * x), own)

        return self._apply_with_labels(X, labels, log_odds)

    def assignment_gradients(
        self,
        X: MatrixLike,
        labels: ArrayLike | None = None,
        *,
        positions: Sequence[float] = (1.0,),
    ) -> np.ndarray:
        """Gradient of the log-odds of one cluster, for each row of `X`.

        See :meth:`assignment_log_odds` for what the log-odds are.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        labels : array-like of shape (n_samples,), int, default=None
            The cluster whose odds are wanted, for each row. None is its own.
        positions : sequence of float, default=(1.0,)
            Where on the straight path from the mean of the training rows, 0, to each
            row, 1, the gradient is taken; of several positions the mean is returned.

        Returns
        -------
        gradients : ndarray of shape (n_samples, n_features_in_), float32
            Change of the log-odds per unit of each feature.
        """

        def gradients(x, own):
            total = torch.zeros_like(x)
            for position in positions:
                at = (float(position) * x).requires_grad_()
                with torch.enable_grad():
                    log_odds = _log_odds(self.model_.log_assign(at), own)
                    total += torch.autograd.grad(log_odds.sum(), at)[0]
            return total / (len(positions) * self.scale_)

        return self._apply_with_labels(X, labels, gradients)

    def _apply_with_labels(self, X, labels, function) -> np.ndarray:
        check_is_fitted(self)
        X = self._gate(X, reset=False)
        if self.n_clusters_ < 2:
            raise ValueError(
                "Log-odds need at least two clusters, but this "
                f"{type(self).__name__} has n_clusters_={self.n_clusters_}."
            )
        if labels is None:
            labels = self._apply_to_rows(X, "label")
        else:
            labels = self._check_labels(labels, X.shape[0])
        own = torch.as_tensor(labels, dtype=torch.int64, device=self.device_)
        return apply_in_batches(self._rows(X), function, own).cpu().numpy()

    def _check_labels(self, labels, n_samples):
        labels = column_or_1d(labels)
        known = np.isin(labels, np.arange(self.n_clusters_))
        if len(labels) != n_samples or not known.all():
            raise ValueError(
                f"labels must hold one number from 0 to {self.n_clusters_ - 1} for "
                f"each of the {n_samples} rows of X. Got {len(labels)} labels, of "
                f"which {np.count_nonzero(~known)} are no such number."
            )
        return labels.astype(np.int64)


def _log_odds(log_q: Tensor, own: Tensor) -> Tensor:
    """(n, n_clusters) and (n,) -> (n,)."""
    own = own.unsqueeze(1)
    rest = log_q.scatter(1, own, -torch.inf).logsumexp(dim=1)
    return log_q.gather(1, own).squeeze(1) - rest
