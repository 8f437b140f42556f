"""One stage of training on its way."""

import math
import time
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field

import torch
from torch import Tensor

from skdeepcluster.engine._checkpoint import before
from skdeepcluster.engine._precision import resolve_precision
from skdeepcluster.engine._randomness import (
    derive_seed,
    draws_globally,
    generator,
    private_global_generator,
)
from skdeepcluster.engine._recording import STEPS_BEFORE, RecordedStep, can_record

_STEPS_TO_FOLD = 64


@dataclass
class _Progress:
    """How far a stage has come; together with the weights this is a checkpoint."""

    epoch: int = 0
    step: int = 0  # over all epochs
    position: int = 0  # batches of the current epoch that are done
    orders: list[Tensor] | None = None  # generators' states before the current epoch
    refreshed_at: int = -1  # step of the last refresh
    refreshes: int = 0  # refreshes that followed a training step
    converged: bool = False
    finished: bool = False
    seconds: float = 0.0  # spent on the current epoch before it was interrupted
    # Of the current epoch, for each run: sums of the terms, and over how many rows.
    sums: dict[str, list[float]] = field(default_factory=dict)
    n_rows: list[int] = field(default_factory=list)
    history: list[dict] = field(default_factory=list)


class Stage:
    """What `Trainer.train` does, in readable pieces."""

    def __init__(self, trainer, stage, seeds, objective, optimizer, rate):
        self.trainer, self.stage, self.objective = trainer, stage, objective
        self.optimizer, self.rate = optimizer, rate
        self.n_runs = len(objective.parts)
        self.progress = _Progress()
        device, group = trainer.device, trainer.group
        # The first process draws what a fit in one process does.
        own = [stage, *(["process", str(group.rank)] if group.rank else [])]
        self.orders = [generator(seed, *own, "order") for seed in seeds]
        noise = generator(seeds[0], *own, "noise", device=device)
        self.generators = {"noise": noise, **dict(enumerate(self.orders))}
        objective.bind(noise, group)
        # Of several processes, with state that changes its shape, with generators that
        # are not ours or with rows that are read from elsewhere, as usual.
        self.can_record = (
            can_record(device)
            and group.size == 1
            and objective.has_fixed_shapes
            and not draws_globally(objective)
            and (trainer.rows.is_resident or not objective.takes_rows)
        )
        self.recorded: dict[int, RecordedStep] = {}  # by the length of the batch
        self.n_steps = 0  # of this shape of the stage, which recording waits for
        dtype = resolve_precision(trainer.precision, device, objective.model)
        self.autocast = nullcontext()
        if dtype is not None:  # a recorded step cannot rely on casts of another step
            self.autocast = torch.autocast(
                device.type, dtype, cache_enabled=not self.can_record
            )

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
        progress = self.progress
        began = time.perf_counter() - progress.seconds
        if progress.orders is None:
            progress.orders = [order.get_state() for order in self.orders]
            progress.n_rows = [0] * self.n_runs
        for order, state in zip(self.orders, progress.orders, strict=True):
            order.set_state(state)
        self.terms: list[dict[str, Tensor]] = []
        self.sizes: list[int] = []
        self.folded: dict[str, Tensor] = {}  # sums over steps before those
        self.n_rows = 0
        self.objective.train()
        for batch in self._batches(began):
            if self._refresh_is_due():
                self._refresh(began)
            if progress.converged:
                break
            self._step(batch)
        self._collect_terms()
        self._close_epoch(began)

    def _batches(self, began):
        """What is left of the epoch, in the order that the objective asks for."""
        if self._refresh_is_due():  # the order may depend on it
            self._refresh(began)
        rows, bounds = self.trainer.rows, self.trainer.bounds[self.progress.position :]
        order = self.objective.row_order(self.orders[0])
        if order is None:
            return rows.batches(bounds, *self.orders)
        return rows.batches_of(order, bounds)

    def _refresh_is_due(self):
        interval, progress = self.objective.refresh_interval, self.progress
        if interval is None or progress.refreshed_at == progress.step:
            return False
        return progress.step % interval == 0

    def _refresh(self, began):
        progress = self.progress
        with self.autocast:  # labels and targets need no more than the steps do
            converged = torch.as_tensor(self.objective.refresh(self.trainer))
        self._forget(self.objective.renewed)
        self.objective.train()
        progress.refreshed_at = progress.step
        progress.refreshes += progress.step > 0
        # The first refresh after a step compares with the start, before any target.
        if progress.refreshes >= 2 and converged.any():
            progress.converged = bool(converged.all())
            if not progress.converged:
                self._go_on_with((~converged).nonzero().flatten())
        if self._checkpoint_is_due():
            self._collect_terms()
            progress.seconds = time.perf_counter() - began
            self.save()

    def _forget(self, renewed):
        """Let the optimiser start anew with weights that were drawn anew."""
        for parameter in renewed:
            for value in self.optimizer.state.get(parameter, {}).values():
                if isinstance(value, Tensor):  # in place, for steps that are recorded
                    value.zero_()

    def _go_on_with(self, going_on):
        """Without the other runs, which have converged."""
        self._collect_terms()
        self.objective.keep(going_on)
        self.recorded, self.n_steps = {}, 0
        going_on = going_on.to(self.trainer.device)
        for state in self.optimizer.state.values():
            for name, value in state.items():
                if isinstance(value, Tensor) and value.ndim:  # else a count of steps
                    state[name] = value[going_on]

    def _checkpoint_is_due(self):
        checkpoint, group = self.trainer.checkpoint, self.trainer.group
        return checkpoint.folder is not None and group.first(checkpoint.due())

    def _step(self, batch):
        rate = self.rate(self.progress.step)
        for group in self.optimizer.param_groups:
            own = rate * group.get("factor", 1.0)
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(own)
            else:
                group["lr"] = own
        # Kept as tensors: reading a number here would wait for the device.
        self.terms.append(self._recorded_or_made(batch))
        self.sizes.append(batch.index.shape[-1])
        if len(self.terms) == _STEPS_TO_FOLD:
            self._fold_terms()
        self.progress.step += 1
        self.progress.position += 1

    def _recorded_or_made(self, batch):
        """The terms of a step, played from a recording where there is one."""
        length = batch.index.shape[-1]
        if length in self.recorded:
            return self.recorded[length](batch)
        is_usual = length in self.trainer.usual_lengths
        if not self.can_record or not is_usual or self.n_steps < STEPS_BEFORE:
            self.n_steps += 1
            return self._make_step(batch)
        noise = [g for g in self.generators.values() if can_record(g.device)]
        self.recorded[length] = RecordedStep(self._make_step, batch, noise)
        return self.recorded[length](batch)

    def _make_step(self, batch) -> dict[str, Tensor]:
        """One step, without a look at any number."""
        terms: dict[str, Tensor] = {}
        for losses, weights in self.objective.updates(batch):
            terms |= self._update(losses, weights)
        with self.autocast:
            self.objective.after_step(batch)
        return terms

    def _update(self, losses, weights) -> dict[str, Tensor]:
        """One step of the optimiser, which leaves weights without a gradient alone."""
        with self.autocast:
            terms = losses()
        first, *others = terms.values()
        loss = sum(others, start=first)
        if loss.ndim:
            loss = loss.sum()  # over runs
        if self.trainer.group.size == 1:
            loss.backward(inputs=weights)
        else:  # the mean over the rows of all processes
            share = self.trainer.shares[self.progress.position]
            (loss * share).backward(inputs=weights)
            trained = self.objective.parameters()
            self.trainer.group.sum_([w.grad for w in trained if w.grad is not None])
        self.optimizer.step()
        # What optimizer.zero_grad() does, at a tenth of its overhead.
        for group in self.optimizer.param_groups:
            for parameter in group["params"]:
                parameter.grad = None
        return {name: term.detach() for name, term in terms.items()}

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
            self.folded[name] = self.folded.get(name, 0.0) + sizes @ values
        self.n_rows += sum(self.sizes)
        self.terms, self.sizes = [], []

    def _collect_terms(self):
        """Add the terms of the steps since the last call to the sums of the epoch."""
        self._fold_terms()
        progress, group = self.progress, self.trainer.group
        running = self.objective.running
        for name, totals in self.folded.items():
            sums = progress.sums.setdefault(name, [0.0] * self.n_runs)
            totals = group.sum(totals).reshape(-1).tolist()  # synchronises
            for run, total in zip(running, totals, strict=True):
                sums[run] += total
        n_rows = int(group.sum(torch.tensor(self.n_rows)))
        for run in running:
            progress.n_rows[run] += n_rows
        self.folded, self.n_rows = {}, 0

    def _close_epoch(self, began):
        progress = self.progress
        trained = [run for run, n_rows in enumerate(progress.n_rows) if n_rows]
        if trained:  # else convergence was found before the first step
            seconds = time.perf_counter() - began
            records = [self._record(run, seconds) for run in trained]
            progress.history.extend(records)
            told = records[0] if self.n_runs == 1 else mean_record(records)
            stop = [c.on_epoch_end(told) for c in self.trainer.callbacks]
            progress.finished = self.trainer.group.first(any(s is True for s in stop))
        progress.finished |= progress.converged
        progress.epoch += 1
        progress.position, progress.orders = 0, None
        progress.sums, progress.n_rows, progress.seconds = {}, [], 0.0
        if self.objective.refresh_interval is None and self._checkpoint_is_due():
            self.save()

    def _record(self, run, seconds) -> dict:
        """Of the epoch that ends; it names the run only where there are several."""
        progress = self.progress
        n_rows = progress.n_rows[run]
        terms = {name: sums[run] / n_rows for name, sums in progress.sums.items()}
        loss = sum(terms.values())
        if not math.isfinite(loss):
            self._raise_divergence(f"The loss is {loss}", progress.epoch)
        return {
            "stage": self.stage,
            **({"run": run} if self.n_runs > 1 else {}),
            "epoch": progress.epoch,
            "loss": loss,
            **terms,
            "learning_rate": self.rate(progress.step - 1),
            **self.objective.parts[run].metrics(),
            "seconds": seconds,
        }

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
        rates = [group["lr"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict(state["optimizer"])
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate  # set in each step; where it lies matters
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


def mean_record(records: list[dict]) -> dict:
    """One record of several runs: numbers as their mean."""
    together = {}
    for name, value in records[0].items():
        is_mean = isinstance(value, (int, float)) and name not in ("run", "epoch")
        if is_mean:
            value = sum(record[name] for record in records) / len(records)
        together[name] = value
    together["run"] = [record["run"] for record in records]
    return together
