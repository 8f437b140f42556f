"""What the objectives of clusterers share: the labels of all rows, empty clusters."""

import torch
from torch import Tensor, nn

from skdeepcluster.engine import Batch, Objective, Passes, Trainer
from skdeepcluster.initialization import SAMPLE, reseed_empty


class LabelledObjective(Objective):
    """Looks at the labels of all rows now and then; converged when they stay.

    Parameters
    ----------
    model : nn.Module
    n_samples : int
    tol : float
        Share of labels; a smaller one that changed means convergence.
    refresh_interval : int
        Steps from one look to the next.
    """

    def __init__(
        self, model: nn.Module, n_samples: int, tol: float, refresh_interval: int
    ):
        super().__init__(model, refresh_interval)
        self.tol = tol
        self.register_buffer("labels", torch.full((n_samples,), -1))
        self.register_buffer("changed", torch.ones(()))
        self.register_buffer("smallest", torch.zeros((), dtype=torch.int64))

    def refresh(self, trainer):
        """Label all rows."""
        return self.settle(trainer.apply(self.model.label))

    def settle(self, labels: Tensor) -> bool:
        """Take (n_samples,) new labels; whether almost none of them is new."""
        changed = torch.bincount((labels != self.labels).long(), minlength=2)
        sizes = torch.bincount(labels, minlength=self.model.n_clusters)
        counts = self.group.sum(torch.cat([changed, sizes]))
        self.labels.copy_(labels)
        self.changed.copy_(counts[1] / counts[:2].sum())
        self.smallest.copy_(counts[2:].min())
        return bool(self.changed < self.tol)  # synchronises

    def metrics(self):
        """How many labels changed and how small clusters are, at the last look."""
        return {"changed": float(self.changed), "smallest": int(self.smallest)}


class CentroidObjective(LabelledObjective):
    """The same for a model with centroids, each of which is to have rows."""

    @torch.no_grad()
    def refresh(self, trainer):
        """Label all rows, and let what depends on that follow."""
        z, labels, moved = self.label_all(trainer)
        self.follow(z, labels, moved)
        return self.settle(labels)

    def follow(self, z: Passes, labels: Tensor, moved: Tensor) -> None:
        """Renew what depends on the embedding of all rows and on their labels."""

    @torch.no_grad()
    def label_all(self, trainer: Trainer) -> tuple[Passes, Tensor, Tensor]:
        """Label all rows; move centroids that have none to rows far from the others.

        Returns passes over the embedding, labels (n_samples,) and the numbers of the
        centroids that were moved.
        """
        model = self.model
        z = trainer.passes(model.embed, model.centers.shape[1])
        self.place_centers(z)
        labels = z.apply(model.nearest)
        sizes = self.group.sum(torch.bincount(labels, minlength=model.n_clusters))
        moved = (sizes == 0).nonzero().flatten()
        if len(moved):
            few = z.sample(SAMPLE, trainer.seed)
            moved = reseed_empty(model.centers, moved, few)
            labels = z.apply(model.nearest)
        return z, labels, moved

    def place_centers(self, z: Passes) -> None:
        """Move the centroids before the rows are labelled."""

    @torch.no_grad()
    def embed_after_step(self, batch: Batch) -> Tensor:
        """The rows of a batch as `refresh` sees them: (batch, n_components)."""
        self.model.eval()  # no dropout, no batch statistics
        z = self.model.embed(batch.x)
        self.model.train()
        return z
