"""Where an epoch goes: shares of the time per kind of work, and the top operators."""

import time
from collections import Counter
from unittest import mock

import numpy as np
from _page import heading, paragraph, simple_table
from _speed import METHODS, SMALL, WIDE, fitted, ours, precisions
from torch.profiler import ProfilerActivity, profile, record_function

from skdeepcluster.engine import Trainer

ABOUT = """
Shares of the time of the last stage of a fit, in percent, as torch's profiler sees it:
every operator's own time, by what it does. "Targets" are the looks at all rows with
everything in them, "rows" the gathering of a batch, "Python" what is in no operator:
the interpreter and torch's own overhead. The profiler makes steps longer, mostly in
"Python"; the column "Slower" says by how much, and "Step" is the time of a step without
it, in milliseconds of the processor, with its share of the targets.
``benchmarks/speed.py --profile`` makes this page.
"""
KINDS = ("products", "casts, copies", "optimiser", "other", "rows", "targets", "Python")
PRODUCTS = {"mm", "addmm", "bmm", "addmm_", "mkldnn_linear", "linear", "matmul"}
COPIES = {"copy_", "_to_copy", "to", "clone", "contiguous", "cat", "fill_", "zero_"}
GATHERS = {"index_select", "index", "gather"}


def cases():
    """Setting, precision and rows per batch of each block of the table."""
    wide = WIDE._replace(epochs=2)
    yield SMALL, "float32", 256
    for precision in precisions():
        for batch_size in (256,) if precision == "float32" else (256, 1024):
            yield wide, precision, batch_size


def write_profile(path):
    """Profile every method in every case; print the tables and write the page."""
    lines = [["Method", "Network", "Precision", "Batch", *KINDS, "Step", "Slower"]]
    operators = {}
    for setting, precision, batch_size in cases():
        X = setting.rows()
        for method in METHODS:
            name = method.removesuffix("Clustering")
            found = Profile(method, setting, precision, batch_size, X)
            lines.append([name, setting.network, precision, str(batch_size)])
            lines[-1] += found.cells()
            print(" | ".join(lines[-1]), flush=True)
            if batch_size == 256:
                operators[name, setting.network, precision] = found.top(8)
    parts = [heading("Where an epoch goes", "="), paragraph(ABOUT), simple_table(lines)]
    parts += [heading("The longest operators"), operators_table(operators)]
    text = "\n\n".join(parts) + "\n"
    path.write_text(text, encoding="utf-8")
    print(text)


def operators_table(operators):
    """One line per operator of each case: its share of all time, and its calls."""
    lines = [["Method", "Network", "Precision", "Operators, with percent of the time"]]
    for case, top in operators.items():
        shares = (f"``{name}`` {share:.0f}" for name, share in top)
        lines.append([*case, ", ".join(shares)])
    return simple_table(lines)


class Profile:
    """The last stage of one fit under the profiler.

    Attributes
    ----------
    seconds : Counter
        By kind.
    operators : Counter
        Own seconds of each operator.
    """

    def __init__(self, method, setting, precision, batch_size, X):
        self.n_steps = setting.epochs * -(-len(X) // batch_size)
        alone = method == "Autoencoder"

        def train_fit():
            estimator = ours(
                method,
                setting,
                setting.epochs if alone else 0,
                max_epochs=setting.epochs,
                batch_size=batch_size,
                precision=precision,
            )
            return fitted(estimator, X)

        self.plain = stage_seconds(train_fit)
        self.total, self.slow, events = profiled_stage(train_fit)
        self.seconds, self.operators = Counter(), Counter()
        for event in events:
            if event.name.startswith("aten::"):
                own = event.self_cpu_time_total / 1e6
                self.seconds[kind(event)] += own
                self.operators[event.name.removeprefix("aten::")] += own
        self.seconds["Python"] = self.total - self.seconds.total()

    def cells(self):
        shares = [f"{100 * self.seconds[kind] / self.total:.0f}" for kind in KINDS]
        step = 1e3 * self.plain / self.n_steps
        return [*shares, f"{step:.3g}", f"{self.slow / self.plain:.2f}"]

    def top(self, number):
        """The names of the longest operators and their percentages."""
        return [
            (n, 100 * s / self.total) for n, s in self.operators.most_common(number)
        ]


def kind(event):
    """What an operator's own time belongs to."""
    ancestor = event
    while ancestor is not None:
        if ancestor.name == "targets":
            return "targets"
        if ancestor.name.startswith("Optimizer.step"):
            return "optimiser"
        ancestor = ancestor.cpu_parent
    name = event.name.removeprefix("aten::")
    if name in PRODUCTS:
        return "products"
    if name in GATHERS:
        return "rows"
    return "casts, copies" if name in COPIES else "other"


def stage_seconds(fit):
    """CPU seconds of the last call of `Trainer.train` in a fit."""
    train, spent = Trainer.train, []

    def timed(trainer, *args, **kwargs):
        begin = time.process_time()
        try:
            return train(trainer, *args, **kwargs)
        finally:
            spent.append(time.process_time() - begin)

    with mock.patch.object(Trainer, "train", timed):
        fit()
    return spent[-1]


def profiled_stage(fit):
    """Seconds and CPU seconds of the same under the profiler, and its events."""
    train, spent = Trainer.train, []

    def profiled(trainer, objective, **kwargs):
        objective.refresh = marked("targets", objective.refresh)
        with profile(activities=[ProfilerActivity.CPU]) as prof:
            begin = time.perf_counter(), time.process_time()
            result = train(trainer, objective, **kwargs)
            end = time.perf_counter(), time.process_time()
        seconds, cpu_seconds = np.subtract(end, begin)
        spent[:] = [seconds, cpu_seconds, prof.events()]
        return result

    with mock.patch.object(Trainer, "train", profiled):
        fit()
    return spent


def marked(name, function):
    """The function, with a name for its time in the profile."""

    def call(*args):
        with record_function(name):
            return function(*args)

    return call
