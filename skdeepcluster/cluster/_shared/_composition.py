"""The terms that a composed clustering is made of."""

import torch
from torch import Tensor, nn

from skdeepcluster.cluster._shared._objectives import CentroidObjective
from skdeepcluster.cluster._shared._pulls import Pull, RunningMeans
from skdeepcluster.engine import Batch, Rows, Trainer, derive_seed
from skdeepcluster.initialization import (
    drawn_neighbors,
    lloyd,
    median_distance,
    nearest_neighbors,
)
from skdeepcluster.losses import (
    heat_kernel,
    locality,
    mean_squared_error,
    size_divergence,
)

_NEIGHBORS = 10  # of each row


class NearRows(nn.Module):
    """A neighbour of each row of a batch, and how similar it is."""

    def __init__(self, rows: Rows, neighbors: Tensor, width: float):
        super().__init__()
        self.rows, self.width = rows, width
        self.register_buffer("neighbors", neighbors, persistent=False)

    def forward(self, batch: Batch, generator) -> tuple[Tensor, Tensor]:
        """-> rows (batch, n_features) and similarities (batch,)."""
        near = drawn_neighbors(
            self.neighbors, batch.index, generator, with_itself=False
        )
        x = self.rows.take(near)
        return x, heat_kernel(batch.x, x, self.width)


def near_rows(trainer: Trainer) -> NearRows:
    """The nearest neighbours of the rows of a trainer, in the input."""
    rows = trainer.rows
    z = trainer.passes(nn.Identity(), rows.n_features)
    neighbors = nearest_neighbors(z, _NEIGHBORS, by_angle=False)
    seed = derive_seed(trainer.seed, "width")
    width = trainer.group.first(median_distance(rows, neighbors, seed))
    return NearRows(rows, neighbors, width)


class Composition(CentroidObjective):
    """A weighted sum of terms, each of which a design may leave out.

    Parameters
    ----------
    model : CentroidModel
    n_samples : int
    tol : float
    refresh_interval : int
    weights : dict of str to float
        Of the terms there are, which are methods of that name.
    center_update : {"gradient", "running_mean", "kmeans"}
    n_warm_up : int
        Steps over which the weight of the clustering term grows.
    pull, prior, near, views : Pull, Tensor, NearRows, Views or None
        What the terms ``clustering``, ``balance``, ``locality`` and ``augmentation``
        need.
    """

    def __init__(
        self,
        model,
        n_samples: int,
        tol: float,
        refresh_interval: int,
        *,
        weights: dict[str, float],
        center_update: str,
        n_warm_up: int = 0,
        pull: Pull | None = None,
        prior: Tensor | None = None,
        near: NearRows | None = None,
        views: nn.Module | None = None,
    ):
        super().__init__(model, n_samples, tol, refresh_interval)
        self.weights, self.n_warm_up = weights, n_warm_up
        self.pull, self.near, self.views = pull, near, views
        self.takes_rows = near is not None or views is not None
        self.by_kmeans = center_update == "kmeans"
        model.centers.requires_grad_(center_update == "gradient")
        self.means = RunningMeans(model) if center_update == "running_mean" else None
        self.register_buffer("prior", prior, persistent=False)
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    def refresh(self, trainer):
        settled = super().refresh(trainer)
        return settled and bool(self.step >= self.n_warm_up)

    def place_centers(self, z):
        if self.by_kmeans:
            self.model.centers.copy_(lloyd(z, self.model.centers))

    def follow(self, z, labels, moved):
        if self.pull is not None:
            self.pull.renew(self.model, z, labels)
        if self.means is not None:
            self.means.forget(moved)

    def losses(self, batch):
        z = self.model.embed(batch.x)
        return {
            name: weight * getattr(self, name)(z, batch)
            for name, weight in self.weights.items()
        }

    @torch.no_grad()
    def after_step(self, batch):
        """Running means are those of the rows as they are embedded now."""
        self.step += 1
        if self.means is None:
            return
        z = self.embed_after_step(batch)
        labels = self.model.nearest(z)
        if self.pull is not None:
            self.pull.relabel(batch.index, labels)
        self.means.move(self.model.centers, z, labels, self.group)

    # -- terms: the embedding (batch, n_components) of a batch -> scalar ---------------

    def reconstruction(self, z: Tensor, batch: Batch) -> Tensor:
        """Rows can be rebuilt."""
        return mean_squared_error(self.model.decode(z), batch.x)

    def clustering(self, z: Tensor, batch: Batch) -> Tensor:
        """Rows belong to centroids."""
        pull = self.pull(self.model, z, batch)
        if self.n_warm_up == 0:
            return pull
        return ((self.step + 1) / self.n_warm_up).clamp(max=1) * pull

    def balance(self, z: Tensor, batch: Batch) -> Tensor:
        """Clusters have the sizes that are expected."""
        return size_divergence(self.model.log_q(z).exp(), self.prior)

    def locality(self, z: Tensor, batch: Batch) -> Tensor:
        """Neighbours in the input are neighbours."""
        x, similarity = self.near(batch, self.generator)
        return locality(z, self.model.embed(x), similarity)

    def augmentation(self, z: Tensor, batch: Batch) -> Tensor:
        """A view of a row is where the row is."""
        return locality(z, self.model.embed(self.views(*batch, self.generator)))
