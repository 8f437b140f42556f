"""What one stage of training minimises."""

import abc

import torch
from torch import Tensor, nn

from skdeepcluster.engine._group import Group
from skdeepcluster.engine._rows import Batch


class Objective(nn.Module, abc.ABC):
    """Base of all objectives: the model, what is kept per row, and the loss terms.

    State that belongs to rows (targets, labels, a memory bank) is a registered buffer
    of its full size from the start, so that it moves to the device and into the
    checkpoint with everything else. Two attributes are set by the trainer: `generator`,
    the source of all noise of this stage, on the device, and `group`, the processes
    that have the other rows.

    Parameters
    ----------
    model : nn.Module
        What is trained and outlives the stage.
    refresh_interval : int, default=None
        Call `refresh` before the first step and then every so many steps; None: never.
    """

    generator: torch.Generator
    group = Group()

    def __init__(self, model: nn.Module, refresh_interval: int | None = None):
        super().__init__()
        self.model = model
        self.refresh_interval = refresh_interval

    @abc.abstractmethod
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Named scalars, already weighted; the trainer minimises their sum."""

    def refresh(self, trainer) -> bool:
        """Renew what depends on all rows; return True when training has converged."""
        return False

    def metrics(self) -> dict[str, float]:
        """Further fields of the epoch's record in the history."""
        return {}

    def after_step(self, batch: Batch) -> None:
        """Update what gradients do not reach."""
