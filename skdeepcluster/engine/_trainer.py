"""The training loop, once for all methods."""

import math
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor

from skdeepcluster.engine._batches import apply_in_batches, shared_bounds
from skdeepcluster.engine._callbacks import Callback
from skdeepcluster.engine._checkpoint import Checkpoint, before
from skdeepcluster.engine._device import is_out_of_memory
from skdeepcluster.engine._group import Group
from skdeepcluster.engine._objective import Objective
from skdeepcluster.engine._passes import Passes, evaluation
from skdeepcluster.engine._precision import resolve_precision
from skdeepcluster.engine._randomness import (
    derive_seed,
    draws_globally,
    generator,
    private_global_generator,
)
from skdeepcluster.engine._rows import Rows
from skdeepcluster.engine._schedules import learning_rates

OPTIMIZERS = ("adam", "sgd")
_STEPS_TO_FOLD = 64


@dataclass
class _Progress:
    """How far a stage has come; together with the weights this is a checkpoint."""

    epoch: int = 0
    step: int = 0  # over all epochs
    position: int = 0  # batches of the current epoch that are done
    order: Tensor | None = None  # state of its generator before the current epoch
    refreshed_at: int = -1  # step of the last refresh
    refreshes: int = 0  # refreshes that followed a training step
    converged: bool = False
    finished: bool = False
    seconds: float = 0.0  # spent on the current epoch before it was interrupted
    sums: dict[str, float] = field(default_factory=dict)  # of the current epoch's terms
    n_rows: int = 0  # over which they were summed
    history: list[dict] = field(default_factory=list)


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

    Attributes
    ----------
    n_total : int
        Number of rows of all processes.
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
    ):
        self.rows, self.device, self.seed = rows, rows.device, seed
        self.batch_size, self.precision = batch_size, precision
        self.callbacks, self.checkpoint = callbacks, checkpoint or Checkpoint()
        self.group = group or Group()
        self.n_total = int(self.group.sum(torch.tensor(rows.n_samples)))
        self.bounds, self.shares = shared_bounds(rows.n_samples, batch_size, self.group)
        self.history: list[dict] = []
        rows.keep_on_device()

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

    def train(
        self,
        objective: Objective,
        *,
        stage: str,
        max_epochs: int,
        optimizer: str = "adam",
        learning_rate: float = 1e-3,
        schedule: str = "constant",
    ) -> int:
        """Minimise the objective; return the number of epochs begun.

        Raises
        ------
        ValueError
            When the loss is no longer finite.
        MemoryError
            When the device runs out of memory.
        """
        objective.to(self.device)
        self.group.copy_first_(list(objective.model.state_dict().values()))
        run = _Run(
            trainer=self,
            stage=stage,
            objective=objective,
            optimizer=_make_optimizer(optimizer, objective, learning_rate),
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
        return len(run.progress.history)


class _Run:
    """One stage on its way: `Trainer.train` in readable pieces."""

    def __init__(self, trainer, stage, objective, optimizer, rate):
        self.trainer, self.stage, self.objective = trainer, stage, objective
        self.optimizer, self.rate = optimizer, rate
        self.progress = _Progress()
        seed, device, group = trainer.seed, trainer.device, trainer.group
        # The first process draws what a fit in one process does.
        own = [stage, *(["process", str(group.rank)] if group.rank else [])]
        self.generators = {
            "order": generator(seed, *own, "order"),
            "noise": generator(seed, *own, "noise", device=device),
        }
        objective.generator, objective.group = self.generators["noise"], group
        dtype = resolve_precision(trainer.precision, device, objective.model)
        self.autocast = torch.autocast(device.type, dtype) if dtype else nullcontext()

    @contextmanager
    def randomness(self):
        """Torch's global generator belongs to this stage if a module draws from it."""
        if not draws_globally(self.objective):
            yield
            return
        seed = derive_seed(self.trainer.seed, self.stage, "global")
        with private_global_generator(seed, self.trainer.device) as generators:
            self.generators.update(generators)
            yield

    def epoch(self):
        """One pass over the rows, or what is left of it after an interruption."""
        progress, trainer = self.progress, self.trainer
        began = time.perf_counter() - progress.seconds
        order = self.generators["order"]
        if progress.order is None:
            progress.order = order.get_state()
        order.set_state(progress.order)
        self.terms: list[dict[str, Tensor]] = []
        self.sizes: list[int] = []
        self.folded: dict[str, Tensor] = {}  # sums over steps before those
        self.n_rows = 0
        self.objective.train()
        for batch in trainer.rows.batches(trainer.bounds[progress.position :], order):
            if self._refresh_is_due():
                self._refresh(began)
                if progress.converged:
                    break
            self._step(batch)
        self._collect_terms()
        self._close_epoch(began)

    def _refresh_is_due(self):
        interval, progress = self.objective.refresh_interval, self.progress
        if interval is None or progress.refreshed_at == progress.step:
            return False
        return progress.step % interval == 0

    def _refresh(self, began):
        progress = self.progress
        with self.autocast:  # labels and targets need no more than the steps do
            converged = self.objective.refresh(self.trainer)
        self.objective.train()
        progress.refreshed_at = progress.step
        progress.refreshes += progress.step > 0
        # The first refresh after a step compares with the start, before any target.
        progress.converged = bool(converged) and progress.refreshes >= 2
        if self._checkpoint_is_due():
            self._collect_terms()
            progress.seconds = time.perf_counter() - began
            self.save()

    def _checkpoint_is_due(self):
        checkpoint, group = self.trainer.checkpoint, self.trainer.group
        return checkpoint.folder is not None and group.first(checkpoint.due())

    def _step(self, batch):
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate(self.progress.step)
        with self.autocast:
            terms = self.objective.losses(batch)
        first, *others = terms.values()
        loss = sum(others, start=first)
        if self.trainer.group.size == 1:
            loss.backward()
        else:  # the mean over the rows of all processes
            (loss * self.trainer.shares[self.progress.position]).backward()
            weights = self.objective.parameters()
            self.trainer.group.sum_([w.grad for w in weights if w.grad is not None])
        self.optimizer.step()
        # What optimizer.zero_grad() does, at a tenth of its overhead.
        for group in self.optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None
        with self.autocast:
            self.objective.after_step(batch)
        # Kept as tensors: reading a number here would wait for the device.
        self.terms.append({name: term.detach() for name, term in terms.items()})
        self.sizes.append(len(batch.index))
        if len(self.terms) == _STEPS_TO_FOLD:
            self._fold_terms()
        self.progress.step += 1
        self.progress.position += 1

    def _fold_terms(self):
        """Add up the terms of the last steps, on the device.

        Kept for a whole epoch of millions of steps, they would fragment the heap.
        """
        if not self.terms:
            return
        sizes = torch.tensor(self.sizes, dtype=torch.float64)
        sizes = sizes.to(self.trainer.device, non_blocking=True)
        for name in self.terms[0]:
            values = torch.stack([terms[name] for terms in self.terms]).double()
            self.folded[name] = self.folded.get(name, 0.0) + values @ sizes
        self.n_rows += sum(self.sizes)
        self.terms, self.sizes = [], []

    def _collect_terms(self):
        """Add the terms of the steps since the last call to the sums of the epoch."""
        self._fold_terms()
        sums, group = self.progress.sums, self.trainer.group
        for name, total in self.folded.items():
            sums[name] = sums.get(name, 0.0) + float(group.sum(total))  # synchronises
        self.progress.n_rows += int(group.sum(torch.tensor(self.n_rows)))
        self.folded, self.n_rows = {}, 0

    def _close_epoch(self, began):
        progress = self.progress
        if progress.n_rows:  # else convergence was found before the first step
            terms = {name: s / progress.n_rows for name, s in progress.sums.items()}
            record = {
                "stage": self.stage,
                "epoch": progress.epoch,
                "loss": sum(terms.values()),
                **terms,
                "learning_rate": self.rate(progress.step - 1),
                **self.objective.metrics(),
                "seconds": time.perf_counter() - began,
            }
            if not math.isfinite(record["loss"]):
                loss = f"The loss is {record['loss']}"
                self._raise_divergence(loss, progress.epoch)
            progress.history.append(record)
            stop = [c.on_epoch_end(record) for c in self.trainer.callbacks]
            progress.finished = self.trainer.group.first(any(s is True for s in stop))
        progress.finished |= progress.converged
        progress.epoch += 1
        progress.position, progress.order = 0, None
        progress.sums, progress.n_rows, progress.seconds = {}, 0, 0.0
        if self.objective.refresh_interval is None and self._checkpoint_is_due():
            self.save()

    def check_weights(self):
        """The last step may ruin the weights after the last loss was computed."""
        if not all(p.isfinite().all() for p in self.objective.parameters()):
            self._raise_divergence("Weights are not finite", self.progress.epoch - 1)

    def _raise_divergence(self, what, epoch):
        raise ValueError(
            f"{what} in stage {self.stage!r}, epoch {epoch}. Scale the features of X, "
            "use a smaller learning_rate, or precision='float32'."
        )

    def save(self):
        """Write everything that the rest of the stage depends on."""
        if self.trainer.checkpoint.folder is None:
            return
        state = {
            "objective": self.objective.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "generators": {n: g.get_state() for n, g in self.generators.items()},
            "progress": vars(self.progress),
        }
        shared = self.trainer.group.size > 1
        self.trainer.checkpoint.save(self.stage, state, keep_before=shared)

    def restore(self):
        """Go on from the last checkpoint of this stage, if there is one."""
        state = self._last_common_state()
        if state is None:
            return
        self.objective.load_state_dict(state["objective"])
        self.optimizer.load_state_dict(state["optimizer"])
        for name, source in self.generators.items():
            source.set_state(state["generators"][name])
        self.progress = _Progress(**state["progress"])

    def _last_common_state(self):
        """The last state that all processes have: some may have died before saving."""
        load, group = self.trainer.checkpoint.load, self.trainer.group
        if group.size == 1:
            return load(self.stage)
        states = {}
        for state in map(load, (before(self.stage), self.stage)):
            if state is not None:
                progress = state["progress"]
                states[progress["step"], progress["finished"]] = state
        common = set.intersection(*map(set, group.gather_objects(list(states))))
        return states[max(common)] if common else None


def _make_optimizer(name, objective, learning_rate) -> torch.optim.Optimizer:
    parameters = [p for p in objective.parameters() if p.requires_grad]
    if name == "sgd":
        return torch.optim.SGD(
            parameters, lr=learning_rate, momentum=0.9, nesterov=True, fused=True
        )
    return torch.optim.Adam(parameters, lr=learning_rate, fused=True)
