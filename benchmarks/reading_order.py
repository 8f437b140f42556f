"""Whether rows that are read in the order that a disk likes cluster as well.

Run it from the root of the repository, with the folder of the data sets that
scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/reading_order.py

MNIST, sorted by digit, which is the worst case: once kept in memory and mixed as a
whole, once read from a file in windows that hold a fortieth of it, the share that they
have of a file of 10 GB, with as many blocks in each. It writes every fit into
``benchmarks/reading_order.csv`` and the page ``benchmarks/reading_order.rst``.
"""

import argparse
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
from _methods import SCORES, TWO_STEP, environment, prepare_process
from _page import heading, paragraph, simple_table, versions_table
from _results import write
from joblib import Parallel, delayed

from skdeepcluster import DECClustering
from skdeepcluster.datasets import fetch_mnist
from skdeepcluster.engine import _rows

OUTPUT = Path(__file__).with_suffix(".csv")
KEPT, READ = "kept in memory", "read in windows"
WINDOWS, BLOCKS = 40, 256  # windows of the file, blocks of a window
ABOUT = f"""
MNIST sorted by digit, DEC with its defaults. "{KEPT.capitalize()}": all rows are
mixed. "{READ.capitalize()}": {WINDOWS} windows of {BLOCKS} blocks of consecutive rows,
drawn from all over the file, and rows mixed within a window. {TWO_STEP} is k-means
on the embedding with which DEC begins. Mean ± standard deviation over the seeds.
"""


def fit(order, seed):
    """The scores of one fit, a row for each method."""
    prepare_process(1)
    X, y = fetch_mnist(return_X_y=True)
    by_digit = np.argsort(y, kind="stable")
    X, y = np.ascontiguousarray(X[by_digit], dtype=np.float32), y[by_digit]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows"
        X.tofile(file)
        rows = np.memmap(file, np.float32, "r", shape=X.shape)
        if order == READ:
            window = X.nbytes // WINDOWS
            with (
                mock.patch.object(_rows, "WINDOW_BYTES", window),
                mock.patch.object(_rows, "BLOCK_BYTES", window // BLOCKS),
                mock.patch.object(_rows, "RESIDENT_BYTES", 0),
            ):
                dec = DECClustering(10, random_state=seed).fit(rows)
        else:
            dec = DECClustering(10, random_state=seed).fit(rows)
    for method, labels in ((TWO_STEP, dec.init_labels_), ("DEC", dec.labels_)):
        scores = {name: f"{score(y, labels):.4f}" for name, score in SCORES.items()}
        print(order, seed, method, scores, flush=True)
        yield {
            "order": order,
            "seed": seed,
            "method": method,
            **scores,
            **environment(),
        }


def lines(rows):
    """A line per order and method."""
    table = [["Rows", "Method", *(name.upper() for name in SCORES), "Seeds"]]
    for order in (KEPT, READ):
        for method in (TWO_STEP, "DEC"):
            own = [r for r in rows if (r["order"], r["method"]) == (order, method)]
            cells = []
            for name in SCORES:
                values = np.array([float(r[name]) for r in own])
                cells.append(f"{values.mean():.3f} ± {values.std(ddof=1):.3f}")
            table.append([order, method, *cells, str(len(own))])
    return table


def main():
    """Run, write the table, print it."""
    parser = argparse.ArgumentParser(description="Order of reading.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    wanted = [(order, seed) for seed in arguments.seeds for order in (KEPT, READ)]
    each = (delayed(lambda *case: list(fit(*case)))(*case) for case in wanted)
    rows = [row for found in Parallel(n_jobs=arguments.jobs)(each) for row in found]
    write(OUTPUT, rows)
    table = simple_table(lines(rows))
    parts = [heading("Order of reading", "="), paragraph(ABOUT), table]
    parts += [heading("Hardware and versions")]
    parts += [simple_table(versions_table(environment()))]
    text = "\n\n".join(parts) + "\n"
    OUTPUT.with_suffix(".rst").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
