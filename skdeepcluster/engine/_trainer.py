"""The training loop, once for all methods."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from skdeepcluster.engine._batches import apply_in_batches, shared_bounds
from skdeepcluster.engine._callbacks import Callback
from skdeepcluster.engine._checkpoint import Checkpoint
from skdeepcluster.engine._device import is_out_of_memory, keep_freed_memory
from skdeepcluster.engine._group import Group
from skdeepcluster.engine._objective import Objective
from skdeepcluster.engine._passes import Passes, evaluation, of_sample
from skdeepcluster.engine._recording import can_record
from skdeepcluster.engine._rows import Rows
from skdeepcluster.engine._runs import Runs
from skdeepcluster.engine._schedules import learning_rates
from skdeepcluster.engine._stage import Stage

OPTIMIZERS = ("adam", "sgd")


class Trainer:
    """Epochs, steps, device, precision and history; knows nothing of what it trains.

    Parameters
    ----------
    rows : Rows
        The rows to learn from, on the device to train on.
    batch_size : int
    seed : int
        Every stage derives its own generators from it.
    precision : {"auto", "float32", "bfloat16"}
        Of the training steps and of what is renewed between them; what goes through
        `apply` outside of a stage is float32.
    callbacks : sequence of Callback
    checkpoint : Checkpoint
    group : Group
        The processes that train together, each with rows of its own.
    even_batches : bool
        Whether no batch is shorter than the others by more than a row.

    Attributes
    ----------
    n_total : int
        Number of rows of all processes.
    usual_lengths : set of int
        Of batches, but for a last one that is shorter.
    history : list of dict
        One record per epoch and stage.
    """

    def __init__(
        self,
        rows: Rows,
        *,
        batch_size: int,
        seed: int,
        precision: str = "auto",
        callbacks: Sequence[Callback] = (),
        checkpoint: Checkpoint | None = None,
        group: Group | None = None,
        even_batches: bool = False,
    ):
        self.rows, self.device, self.seed = rows, rows.device, seed
        self.batch_size, self.precision = batch_size, precision
        self.callbacks, self.checkpoint = callbacks, checkpoint or Checkpoint()
        self.group = group or Group()
        self.n_total = int(self.group.sum(torch.tensor(rows.n_samples)))
        self.bounds, self.shares = shared_bounds(
            rows.n_samples, batch_size, self.group, even_batches
        )
        lengths = {stop - start for start, stop in self.bounds}
        self.usual_lengths = lengths if even_batches else {batch_size}
        self.history: list[dict] = []
        rows.keep_on_device()
        keep_freed_memory()

    @property
    def n_samples(self) -> int:
        """Number of rows of this process."""
        return self.rows.n_samples

    @property
    def steps_per_epoch(self) -> int:
        """Number of batches in one pass over the rows."""
        return len(self.bounds)

    def apply(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """A module, or a method of one, in eval mode on all rows in order."""
        with evaluation(function):
            return apply_in_batches(self.rows, function)

    def passes(self, function: Callable[[Tensor], Tensor], n_values: int) -> Passes:
        """The same with n_values per row, for more than one look at them."""
        return Passes(self.rows, function, n_values, self.group)

    def sample(
        self, function: Callable[[Tensor], Tensor], size: int, seed: int
    ) -> Tensor:
        """What it makes of rows of all processes: of all in order where there are at
        most `size`, else of about that many; the same rows for the same seed.
        """
        return of_sample(self.rows, function, size, seed, self.group)

    def train(
        self,
        objective: Objective,
        *,
        stage: str,
        max_epochs: int,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
        seeds: Sequence[int] = (),
    ) -> list[dict]:
        """Minimise the objective; return the records of its epochs.

        Runs that train together have a seed each, else that of the trainer is taken.

        Raises
        ------
        ValueError
            When the loss is no longer finite.
        MemoryError
            When the device runs out of memory.
        """
        objective.to(self.device)
        self.group.copy_first_(list(objective.model.state_dict().values()))
        run = Stage(
            trainer=self,
            stage=stage,
            seeds=seeds or [self.seed],
            objective=objective,
            optimizer=_make_optimizer(optimizer, objective, learning_rate, self.device),
            rate=learning_rates(
                schedule, learning_rate, max_epochs * self.steps_per_epoch
            ),
        )
        for callback in self.callbacks:
            callback.on_stage_begin(stage, max_epochs)
        try:
            with run.randomness():
                run.restore()
                while run.progress.epoch < max_epochs and not run.progress.finished:
                    run.epoch()
                run.check_weights()
                run.progress.finished = True
                run.save()
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise MemoryError(
                    f"The device {str(self.device)!r} ran out of memory in stage "
                    f"{stage!r} with batch_size={self.batch_size}. Use a smaller "
                    "batch_size."
                ) from error
            raise
        finally:
            for callback in self.callbacks:
                callback.on_stage_end(stage)
        # What gradients do not reach, such as batch statistics, may differ by now.
        self.group.copy_first_(list(objective.model.state_dict().values()))
        objective.eval()
        self.history.extend(run.progress.history)
        return run.progress.history

    def train_runs(
        self, objectives: Sequence[Objective], seeds: Sequence[int], **settings
    ) -> list[list[dict]]:
        """Minimise objectives of equal form as one; the records of each.

        Settings are those of `train`.
        """
        if len(objectives) == 1:
            return [self.train(objectives[0], seeds=seeds, **settings)]
        parts = [objective.to(self.device) for objective in objectives]
        records = self.train(Runs(parts), seeds=seeds, **settings)
        return [
            [record for record in records if record["run"] == run]
            for run in range(len(parts))
        ]


def _make_optimizer(name, objective, learning_rate, device) -> torch.optim.Optimizer:
    groups, recordable = objective.parameter_groups(), {}
    if can_record(device):
        for group in groups:
            group["lr"] = torch.tensor(float(learning_rate), device=device)
        recordable = {"capturable": True}
    if name == "sgd":
        return torch.optim.SGD(
            groups, lr=learning_rate, momentum=0.9, nesterov=True, fused=True
        )
    return torch.optim.Adam(groups, lr=learning_rate, fused=True, **recordable)
