"""What clusterers share whose model has heads that assign to clusters."""

import torch
from torch import Tensor

from skdeepcluster.base import auto_batch_size
from skdeepcluster.cluster._shared._assignments import LogOddsMixin, SoftAssignmentMixin
from skdeepcluster.cluster._shared._base import DeepClusterer
from skdeepcluster.representation import FromEncoder

_ROWS_PER_CLUSTER = 10  # in a batch, for its mean assignment to say something


class HeadClusterer(LogOddsMixin, SoftAssignmentMixin, DeepClusterer):
    """Base of clusterers with a head that gives each cluster its probability."""

    _even_batches = True

    def _auto_batch_size(self, n_samples: int) -> int:
        wanted = max(auto_batch_size(n_samples), _ROWS_PER_CLUSTER * self.n_clusters)
        return min(wanted, max(n_samples, 1))


class EncoderHeadClusterer(FromEncoder, HeadClusterer):
    """Base of those that train an encoder along, in a HeadModel."""

    _stage = "clustering"

    _parameter_rules = {
        **HeadClusterer._parameter_rules,
        **FromEncoder._parameter_rules,
    }

    def _fit(self, X, seed, checkpoint, start):
        super()._fit(X, seed, checkpoint, start)
        self._label_rows(X)


def n_used(p: Tensor) -> Tensor:
    """How many clusters have rows: (n, k) -> scalar."""
    sizes = torch.bincount(p.max(dim=1).indices, minlength=p.shape[1])
    return (sizes > 0).sum()


def best_head(losses: Tensor, used: Tensor) -> int:
    """Of the heads with most clusters the one with the least loss."""
    return int(losses.masked_fill(used < used.max(), torch.inf).argmin())
