"""What pulls embedded rows to centroids, and what moves centroids to their rows."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn
from torch.nn.functional import one_hot

from skdeepcluster.cluster._shared._targets import make_targets
from skdeepcluster.engine import Batch, Group, Passes
from skdeepcluster.losses import kl_divergence, soft_kmeans
from skdeepcluster.networks import CentroidModel, SoftKMeansModel, squared_distances

# Rows that each first centroid counts for, so that k-means is not forgotten at once.
FIRST_COUNT = 100.0


class Pull(nn.Module, ABC):
    """Base of pulls: a loss, and what is kept of all rows between two looks at them."""

    def renew(self, model: CentroidModel, z: Passes, labels: Tensor) -> None:
        """Take the embedding and the labels (n_samples,) of all rows."""

    def relabel(self, index: Tensor, labels: Tensor) -> None:
        """Take new labels of some rows: (n,) and (n,)."""

    @abstractmethod
    def forward(self, model: CentroidModel, z: Tensor, batch: Batch) -> Tensor:
        """The embedding (batch, n_components) of a batch -> scalar."""


class TowardsTargets(Pull):
    """The divergence of soft assignments from their own sharpened versions.

    It hardens the assignments.
    """

    def __init__(self, model: CentroidModel, n_samples: int, balance: float):
        super().__init__()
        self.targets = make_targets(model, n_samples, balance)

    def renew(self, model, z, labels):
        self.targets.renew(model, z)

    def forward(self, model, z, batch):
        return kl_divergence(self.targets.of(batch), model.log_q(z))


class TowardsCenters(Pull):
    """The squared distance to the centroid of the label that a row got last."""

    def __init__(self, n_samples: int):
        super().__init__()
        self.register_buffer("assigned", torch.zeros(n_samples, dtype=torch.int64))

    def renew(self, model, z, labels):
        self.assigned.copy_(labels)

    def relabel(self, index, labels):
        self.assigned[index] = labels

    def forward(self, model, z, batch):
        own_centers = model.centers[self.assigned[batch.index]]
        return (z - own_centers).square().sum(dim=1).mean()


class TowardsAllCenters(Pull):
    """The squared distance to all centroids, each as likely as it is near."""

    def forward(self, model: SoftKMeansModel, z, batch):
        return soft_kmeans(squared_distances(z, model.centers), model.sharpness)


class RunningMeans(nn.Module):
    """Centroids are no weights but the running means of their rows."""

    def __init__(self, model: CentroidModel):
        super().__init__()
        model.centers.requires_grad_(False)
        self.register_buffer("counts", torch.full((model.n_clusters,), FIRST_COUNT))

    def forget(self, moved: Tensor) -> None:
        """Begin anew with these centroids: (n_moved,) int64."""
        self.counts[moved] = FIRST_COUNT

    def keep(self, living: Tensor) -> None:
        """Drop all centroids but these: (k,) bool."""
        self.counts = self.counts[living]

    def move(self, centers: Tensor, z: Tensor, labels: Tensor, group: Group) -> None:
        """Count some rows in: (k, d), (n, d), (n,); `centers` changes in place."""
        indicator = one_hot(labels, len(centers)).to(z)  # (n, k)
        sizes = indicator.sum(dim=0)
        shift = (indicator.unsqueeze(2) * (z.unsqueeze(1) - centers)).sum(dim=0)
        group.sum_([sizes, shift])
        self.counts += sizes
        centers += shift / self.counts.unsqueeze(1)
