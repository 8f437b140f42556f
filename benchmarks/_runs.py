"""Run methods on data sets with several seeds; keep every run in a CSV file.

Each row is one clustering, with the hardware and the versions, and is written as soon
as it ends: a run that was broken off continues where it stopped. What the file has from
this version of the package is not run again, except with ``--fresh``. At the end the
rows are sorted and summed up in a page beside the file.

The methods share one learner of a kind per set and seed; the seconds of a method are
those of what it starts from and its own. Labels enter the scores only.
"""

import argparse
import csv
import functools
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from _methods import (
    MEASURED,
    METHODS,
    Starts,
    environment,
    measure,
    precision,
    prepare_process,
)
from _page import page
from _results import missing
from joblib import Parallel, delayed
from sklearn.base import TransformerMixin
from sklearn.datasets import load_digits
from sklearn.pipeline import make_pipeline
from threadpoolctl import threadpool_limits

from skdeepcluster import __version__


@dataclass(frozen=True)
class DataSet:
    """What a benchmark has to know about a set.

    ``load()`` gives rows and classes; a list of arrays instead of one are views of the
    same rows, which are clustered one by one. `published` holds the ACC that papers
    print, with the source, by method.
    """

    load: Callable
    about: str
    prepare: tuple[TransformerMixin, ...] = ()  # in front of every method
    seeds: Sequence[int] = range(5)
    on_request: bool = False
    published: dict[str, tuple[str, str]] = field(default_factory=dict)

    def views(self):
        """All views as the methods get them, and the classes."""
        X, y = self.load()
        views = X if isinstance(X, list) else [X]
        if self.prepare:
            views = [make_pipeline(*self.prepare).fit_transform(X) for X in views]
        return views, y


DIGITS = DataSet(
    functools.partial(load_digits, return_X_y=True),
    "1,797 images of 8 x 8 pixels, 10 digits",
)


def run(name, data, seed, methods, output, threads):
    """Write one row for each of the methods on one set with one seed."""
    prepare_process(threads)
    views, y = data.views()
    starts = [Starts(X, seed) for X in views]
    for method in methods:
        with threadpool_limits(threads):
            measured = [
                measure(method, X, y, seed, start)
                for X, start in zip(views, starts, strict=True)
            ]
        row = {
            "set": name,
            "method": method,
            "seed": seed,
            **{column: np.mean([m[column] for m in measured]) for column in MEASURED},
            "seconds": sum(m["seconds"] for m in measured),
            "dtype": views[0].dtype,
            "precision": precision(starts[0].of(method)[0]),
            **environment(),
        }
        append(output, row)
        numbers = "".join(f"{row[column]:>9.3f}" for column in MEASURED)
        print(f"{name:<15}{method:<31}seed {seed}{numbers}", flush=True)


# -- the file ------------------------------------------------------------------------


def columns():
    known = ["dtype", "precision", *environment()]
    return ["set", "method", "seed", *MEASURED, *known]


def formatted(row):
    return {**row, **{column: f"{row[column]:.4f}" for column in MEASURED}}


def append(path, row):
    """One write of one line at the end, which other processes do not tear."""
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns(), lineterminator="\n")
        writer.writerow(formatted(row))


def read(path):
    """The rows of the file; a line without its end was broken off and is left out."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(line for line in file if line.endswith("\n"))
        if reader.fieldnames != columns():
            raise SystemExit(f"{path} has other columns. Move it, or give --output.")
        rows = list(reader)
    for row in rows:
        row["seed"] = int(row["seed"])
        row.update({column: float(row[column]) for column in MEASURED})
    return rows


def rewrite(path, rows):
    scratch = path.with_suffix(".part")
    with scratch.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns(), lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(formatted, rows))
    os.replace(scratch, path)


def key(row):
    return row["set"], row["method"], row["seed"], row["skdeepcluster"]


# -- the command ---------------------------------------------------------------------


def parse(argv, script, title, sets, methods):
    defaults = [name for name, data in sets.items() if not data.on_request]
    parser = argparse.ArgumentParser(description=f"{title}.")
    parser.add_argument("--sets", nargs="+", choices=list(sets), default=defaults)
    parser.add_argument("--methods", nargs="+", choices=methods, default=methods)
    parser.add_argument(
        "--seeds", type=int, nargs="+", help="instead of those that each set has"
    )
    parser.add_argument("--fresh", action="store_true", help="run again what is there")
    parser.add_argument("--threads", type=int, default=1, help="of each process")
    parser.add_argument("--jobs", type=int, default=2, help="number of processes")
    parser.add_argument("--output", type=Path, default=script.with_suffix(".csv"))
    return parser.parse_args(argv)


def main(argv, script, title, about, sets, methods=METHODS):
    """Run what is missing, then write the page."""
    arguments = parse(argv, Path(script), title, sets, methods)
    output, threads = arguments.output, arguments.threads
    wanted = [
        (name, method, seed)
        for name in arguments.sets
        for seed in arguments.seeds or sets[name].seeds
        for method in arguments.methods
    ]
    again = {(*run, __version__) for run in wanted} if arguments.fresh else set()
    rows = [row for row in read(output) if key(row) not in again]
    rewrite(output, rows)  # without what was broken off in the middle
    present = [row for row in rows if row["skdeepcluster"] == __version__]
    begin = time.perf_counter()
    Parallel(n_jobs=arguments.jobs)(
        delayed(run)(name, sets[name], seed, methods, output, threads)
        for (name, seed), methods in missing(wanted, present).items()
    )
    rows = sorted(read(output), key=key)
    rewrite(output, rows)
    rows = [row for row in rows if row["skdeepcluster"] == __version__]
    text = page(title, about, rows, sets, methods)
    output.with_suffix(".rst").write_text(text, encoding="utf-8")
    print(
        f"{time.perf_counter() - begin:.0f} s; {output}, {output.with_suffix('.rst')}"
    )
