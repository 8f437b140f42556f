"""What one stage of training minimises."""

import abc
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from skdeepcluster.engine._group import Group
from skdeepcluster.engine._rows import Batch


class Update(NamedTuple):
    """A part of a step: what it minimises, and the weights that it changes."""

    losses: Callable[[], dict[str, Tensor]]
    weights: Sequence[nn.Parameter] | None = None  # None: all


class Objective(nn.Module, abc.ABC):
    """Base of all objectives: the model, what is kept per row, and the loss terms.

    State that belongs to rows (targets, labels, a memory bank) is a registered buffer
    of its full size from the start, so that it moves to the device and into the
    checkpoint with everything else. Its methods may be called for several runs at once,
    by torch.vmap: state changes in place, and nothing depends on a value in Python.

    Parameters
    ----------
    model : nn.Module
        What is trained and outlives the stage.
    refresh_interval : int, default=None
        Call `refresh` before the first step and then every so many steps; None: never.
    """

    generator: torch.Generator
    group = Group()
    running: Sequence[int] = (0,)  # numbers of the runs that still train
    renewed: Sequence[nn.Parameter] = ()  # weights that the last `refresh` drew anew
    has_fixed_shapes = True  # of its state, from the first step to the last
    takes_rows = False  # whether `losses` reads other rows than those of the batch

    def __init__(self, model: nn.Module, refresh_interval: int | None = None):
        super().__init__()
        self.model = model
        self.refresh_interval = refresh_interval

    @property
    def parts(self) -> "Sequence[Objective]":
        """The objective of each run."""
        return [self]

    def bind(self, generator: torch.Generator, group: Group) -> None:
        """Take the source of all noise of this stage, and who has the other rows."""
        self.generator, self.group = generator, group

    def forward(self, batch: Batch, method: str = "losses"):
        """Call a method that is given a batch."""
        return getattr(self, method)(batch)

    @abc.abstractmethod
    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Named scalars, already weighted; the trainer minimises their sum."""

    def updates(self, batch: Batch) -> Iterable[Update]:
        """What a step does, one after the other: each is given the weights that those
        before it have left. Of terms of the same name the last is recorded.
        """
        return [Update(partial(self.losses, batch))]

    def parameter_groups(self) -> list[dict]:
        """The weights that are trained, as ``"params"``, in groups with options of the
        optimiser of their own; ``"factor"`` is that of the learning rate.
        """
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def refresh(self, trainer) -> bool | list[bool]:
        """Renew what depends on all rows; return whether training has converged, for
        several runs one by one.
        """
        return False

    def row_order(self, generator: torch.Generator) -> Tensor | None:
        """Row numbers of an epoch, as many as there are rows, on the CPU; None: all
        rows at random.

        Asked for when the epoch begins, after `refresh` where that is due.
        """
        return None

    def metrics(self) -> dict[str, float]:
        """Further fields of the epoch's record in the history."""
        return {}

    def after_step(self, batch: Batch) -> None:
        """Update what gradients do not reach."""
