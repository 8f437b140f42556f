"""What clusterers share whose model has heads that assign to clusters."""

import torch
from torch import Tensor

from skdeepcluster.base import auto_batch_size
from skdeepcluster.cluster._assignments import LogOddsMixin, SoftAssignmentMixin
from skdeepcluster.cluster._base import DeepClusterer
from skdeepcluster.engine import Group, Trainer
from skdeepcluster.losses import consistency
from skdeepcluster.networks import HeadModel

_ROWS_PER_CLUSTER = 10  # in a batch, for its mean assignment to say something


class HeadClusterer(LogOddsMixin, SoftAssignmentMixin, DeepClusterer):
    """Base of clusterers with a head that gives each cluster its probability."""

    def _auto_batch_size(self, n_samples: int) -> int:
        wanted = max(auto_batch_size(n_samples), _ROWS_PER_CLUSTER * self.n_clusters)
        return min(wanted, max(n_samples, 1))


def head_losses(
    trainer: Trainer, model: HeadModel, neighbors: Tensor
) -> tuple[Tensor, Tensor]:
    """How well the heads do without labels: (n_heads,) losses, and (n_heads,) numbers
    of clusters that have rows.

    The loss is SCAN's with an entropy weight of one, over all rows and neighbours.
    """
    p = trainer.apply(model.assign_all).transpose(0, 1)  # (n_heads, n, n_clusters)
    group: Group = trainer.group
    # A row that is alone has itself.
    columns = list(neighbors.T) or [torch.arange(p.shape[1], device=p.device)]
    parts = [consistency(p, p[:, column]) for column in columns]
    agreement = torch.stack(parts).mean(dim=0) * len(p[0])
    agreement = group.sum(agreement.double()) / trainer.n_total
    mean = group.sum(p.sum(dim=1, dtype=torch.float64)) / trainer.n_total
    entropy = -torch.xlogy(mean, mean).sum(dim=1)
    labels = p.max(dim=2).indices
    used = torch.stack([torch.bincount(one, minlength=p.shape[2]) for one in labels])
    return agreement - entropy, (group.sum(used) > 0).sum(dim=1)


def best_head(losses: Tensor, used: Tensor) -> int:
    """Of the heads with most clusters the one with the least loss."""
    return int(losses.masked_fill(used < used.max(), torch.inf).argmin())
