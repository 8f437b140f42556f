"""What the objectives of clusterers share: the labels of all rows, empty clusters."""

import torch
from torch import Tensor, nn

from skdeepcluster.engine import Objective, Trainer
from skdeepcluster.initialization import reseed_empty


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

    def refresh(self, trainer):
        """Label all rows."""
        return self.settle(trainer.apply(self.model.label))

    def settle(self, labels: Tensor) -> bool:
        """Take (n_samples,) new labels; whether almost none of them is new."""
        self.changed.copy_((labels != self.labels).float().mean())
        self.labels.copy_(labels)
        return bool(self.changed < self.tol)  # synchronises

    def metrics(self):
        """How many labels changed and how small clusters are, at the last look."""
        sizes = torch.bincount(self.labels, minlength=self.model.n_clusters)
        return {"changed": float(self.changed), "smallest": int(sizes.min())}


class CentroidObjective(LabelledObjective):
    """The same for a model with centroids, each of which is to have rows."""

    @torch.no_grad()
    def label_all(self, trainer: Trainer) -> tuple[Tensor, Tensor, Tensor]:
        """Label all rows; move centroids that have none to rows far from the others.

        Returns embeddings (n_samples, n_components), labels (n_samples,) and the
        numbers of the centroids that were moved.
        """
        model = self.model
        z = trainer.apply(model.embed)  # what takes long, so only once
        labels = model.nearest(z)
        moved = reseed_empty(model.centers, z, labels)
        return z, model.nearest(z) if len(moved) else labels, moved
