"""How fast training is, beside a hand-written loop and beside ClustPy; memory.

Run it from the root of the repository::

    python benchmarks/speed.py

It writes ``benchmarks/speed.csv`` and, as tables, ``benchmarks/speed.rst``. Times are
compared within pairs of runs that follow each other: the median ratio of the pairs and
its range say more than seconds, which change with what else the machine does. With one
thread on a CPU they are the processor's, else those of the day.

loop
    One epoch of training against the shortest loop that does the same arithmetic: same
    network, loss, optimiser, precision and batches, but no shuffling, no history and no
    looks at all rows, which the estimator is kept from too. Both also against the
    forward and backward matrix products alone. The epochs of all three take turns. The
    longest set is run in the precision alone that ``"auto"`` chooses.
clustpy
    Whole fits, and their mean epochs, against ClustPy's methods of the same name, with
    the same network, batches, epochs and one start of k-means (mixture). Its optimiser
    is Adam as it comes, in float32; ours the fused one. Ours looks at the labels of all
    rows twice in an epoch, ClustPy's makes targets of each batch alone: the same work
    is "no looks at all rows". Skipped where ClustPy is not installed.
predict
    A million rows against scaling, network and nearest centroid in blocks.
imports
    The package against the modules outside it that its files import.
memory
    What ``fit`` and ``predict`` add to the memory of a fresh process at its peak
    (Linux only).
"""

import argparse
import importlib.metadata
from contextlib import suppress
from pathlib import Path

import _speed_table
import numpy as np
import torch
from _clustpy import compare_with_clustpy
from _imports import compare_imports
from _loop import compare_with_loop
from _memory import measure_memory
from _methods import environment
from _predict import compare_predict
from _profile import write_profile
from _speed import fitted
from threadpoolctl import threadpool_limits

from skdeepcluster import DECClustering

PARTS = {
    "loop": compare_with_loop,
    "clustpy": compare_with_clustpy,
    "predict": compare_predict,
    "imports": compare_imports,
    "memory": measure_memory,
}


def parse(argv):
    parser = argparse.ArgumentParser(description="Speed and memory.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).with_name("speed.csv")
    )
    parser.add_argument(
        "--profile", action="store_true", help="show where an epoch goes; nothing else"
    )
    return parser.parse_args(argv)


def run(arguments, known):
    """Run the parts; the rows of each take the place of those it had in the file."""
    results = _speed_table.read(arguments.output, known)
    for part in arguments.only:
        new = []
        for result in PARTS[part](arguments.repeats):
            new.append({**result, **known})
            print(result, flush=True)
        results = [r for r in results if r["part"] != part] + new
        results.sort(key=lambda result: list(PARTS).index(result["part"]))
        _speed_table.write(arguments.output, results, known)


def main(argv=None):
    arguments = parse(argv)
    torch.set_num_threads(arguments.threads)
    known = {**environment(), "clustpy": ""}
    with suppress(importlib.metadata.PackageNotFoundError):
        known["clustpy"] = importlib.metadata.version("clustpy")
    with threadpool_limits(arguments.threads):  # scikit-learn's k-means has its own
        fitted(DECClustering(2, max_epochs=1), np.eye(50))  # libraries load
        if arguments.profile:
            write_profile(Path(__file__).with_name("profile.rst"))
        else:
            run(arguments, known)


if __name__ == "__main__":
    main()
