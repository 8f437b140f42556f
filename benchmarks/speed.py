"""How fast training is, beside a hand-written loop and beside ClustPy; memory.

Run it from the root of the repository, on a machine that does nothing else::

    python benchmarks/speed.py

It writes ``benchmarks/speed.csv`` and, as tables, ``benchmarks/speed.rst``. Times are
compared within pairs of runs that follow each other, each side going first in turn: the
median ratio of the pairs and its range say more than seconds, which change with what
else the machine does.

loop
    One epoch of training against the shortest loop that does the same arithmetic: same
    network, loss, optimiser, precision and batches of 256 rows, but no shuffling, no
    history and no new targets. The time of a run is that of its fastest epoch: what
    else the machine does only makes epochs slower.
clustpy
    Whole fits, and their mean epochs, against ClustPy's methods of the same name, with
    the same network, batches, epochs and one start of k-means (mixture). Its optimiser
    is Adam as it comes, in float32; ours the fused one, in the precision that
    ``"auto"`` chooses. Skipped where ClustPy is not installed.
memory
    What ``predict`` adds to the memory of a fresh process at its peak (Linux only).
"""

import argparse
import csv
import importlib.metadata
import importlib.util
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from _clustpy import compare_with_clustpy
from _loop import compare_with_loop
from _methods import environment
from _page import NOTHING, heading, simple_table, versions_table
from _profile import write_profile
from _speed import (
    WIDE,
    fitted,
    image_rows,
    ours,
    spread,
)
from threadpoolctl import threadpool_limits

from skdeepcluster import DECClustering

COLUMNS = (
    *("part", "method", "network", "rows", "precision", "quantity"),
    *("ours", "other", "repetitions", "median", "min", "max", "note"),
)


# -- memory ----------------------------------------------------------------------------


def measure_memory(repeats):
    """One row: the peak that `predict` adds, each time in a fresh process."""
    if not Path("/proc/self/status").exists():
        yield {"part": "memory", "note": "skipped: this is not Linux"}
        return
    setting, rows = WIDE, 70_000
    dec = ours("DECClustering", setting, 1, max_epochs=1)
    pickled = pickle.dumps(fitted(dec, image_rows(2_000, setting.sizes[0])))
    added = []
    for _ in range(repeats):
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            arguments = (pickled, rows, torch.get_num_threads())
            added.append(pool.submit(added_by_predict, *arguments).result())
    yield {
        "part": "memory",
        "method": "DECClustering.predict",
        "network": setting.network,
        "rows": rows,
        "precision": "float32",
        "quantity": "MiB added at the peak",
        **spread(added),
    }


def added_by_predict(pickled, n_rows, threads):
    """MiB by which `predict` raises the peak of this process."""
    torch.set_num_threads(threads)
    dec = pickle.loads(pickled)
    shape = n_rows, dec.n_features_in_
    X = np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)
    dec.predict(X[:256])  # libraries load
    with suppress(OSError):  # the peak falls to what is in use, where that is allowed
        Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory()
    dec.predict(X)
    return peak_memory() - before


def peak_memory():
    """Peak resident memory of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no line VmHWM.")


# -- output ----------------------------------------------------------------------------

PARTS = {
    "loop": compare_with_loop,
    "clustpy": compare_with_clustpy,
    "memory": measure_memory,
}
TITLES = {
    "loop": "Training against a hand-written loop",
    "clustpy": "Training against ClustPy",
    "memory": "Memory",
}
HEADINGS = ("Method", "Network", "Rows", "Precision", "Quantity", "Ours", "Other")


def line(result):
    """One result for the eye: medians, then the median ratio and its range."""
    cells = [str(result.get(name, NOTHING)) for name in COLUMNS[1:6]]
    for name in COLUMNS[6:8]:
        cells.append(number(result[name]) if name in result else NOTHING)
    if "median" not in result:
        return [*cells, result["note"]]
    values = [number(result[name]) for name in ("median", "min", "max")]
    return [*cells, "{} ({} to {})".format(*values)]


def number(value):
    """Four digits at most."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"


def write_csv(file, results, known):
    """All results, each with the hardware and the versions."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*COLUMNS, *known], lineterminator="\n")
        writer.writeheader()
        for result in results:
            rounded = {
                name: f"{value:.5g}" if isinstance(value, float) else value
                for name, value in result.items()
            }
            writer.writerow({**rounded, **known})


def without_constants(table):
    """What all lines share, as one sentence or none, and the table of the rest."""
    head, *lines = zip(*table, strict=True)  # by columns; the first is the method
    constant = [column for column in lines[:-1] if len(set(column[1:])) == 1]
    rest = [head, lines[-1], *(c for c in lines[:-1] if c not in constant)]
    said = [f"{column[0]}: {column[1]}" for column in constant if column[1] != NOTHING]
    sentence = ["; ".join(said) + "."] if said else []
    return sentence, [list(row) for row in zip(*rest, strict=True)]


def write_tables(file, results, known):
    """The results as reStructuredText, one table per part."""
    parts = [heading("Speed and memory", "=")]
    for part in dict.fromkeys(result["part"] for result in results):
        last = "MiB" if part == "memory" else "Ours / other"
        head = [*HEADINGS, f"{last}: median (min to max)"]
        lines = [line(result) for result in results if result["part"] == part]
        same, table = without_constants([head, *lines])
        parts += [heading(TITLES[part]), *same, simple_table(table)]
    parts += [heading("Hardware and versions"), simple_table(versions_table(known))]
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def main():
    """Run the parts, write the table, print it."""
    parser = argparse.ArgumentParser(description="Speed and memory.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).with_name("speed.csv")
    )
    parser.add_argument(
        "--profile", action="store_true", help="show where an epoch goes; nothing else"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with threadpool_limits(arguments.threads):  # scikit-learn's k-means has its own
        fitted(DECClustering(2, max_epochs=1), np.eye(50))  # libraries load
        if arguments.profile:
            write_profile(Path(__file__).with_name("profile.rst"))
            return
        results = []
        for part in arguments.only:
            for result in PARTS[part](arguments.repeats):
                results.append(result)
                print(part, *line(result), sep=" | ", flush=True)

    known = environment()
    with suppress(importlib.metadata.PackageNotFoundError):
        known["clustpy"] = importlib.metadata.version("clustpy")
    write_csv(arguments.output, results, known)
    write_tables(arguments.output.with_suffix(".rst"), results, known)
    print(f"\n{known}\n{arguments.output}")


if __name__ == "__main__":
    main()
