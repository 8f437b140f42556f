"""How cost grows with rows, features and clusters.

Run it from the root of the repository::

    python benchmarks/scaling.py rows features clusters

One epoch of pre-training and one of DEC, each with its looks at all rows, in seconds of
the processor with one thread; and what the process holds at its peak above what it held
before (RssAnon, Linux only). Rows are float32 in a memory map. It writes
``benchmarks/scaling.csv`` and, with what is there of all parts,
``benchmarks/scaling.rst`` and the picture ``benchmarks/scaling.png``.
"""

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from _methods import environment
from _page import heading, paragraph, simple_table, versions_table
from _results import read, write
from larger_than_memory import Watch
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from threadpoolctl import threadpool_limits

from skdeepcluster import Autoencoder, DECClustering

OUTPUT = Path(__file__).with_suffix(".csv")
FITS = ("Autoencoder", "DEC")
# Rows, features, clusters; the first of each part loads what is not there yet.
PARTS = {
    "rows": [(n, 32, 10) for n in (10_000, 100_000, 1_000_000, 10_000_000)],
    "features": [(10_000, d, 10) for d in (32, 128, 512, 2_048, 8_192)],
    "clusters": [(50_000, 32, k) for k in (10, 30, 100, 300, 1_000)],
}
ABOUT = """
One epoch of pre-training a network with two hidden layers of 128 and 64 units and ten
components, and one epoch of DEC from there with one start of k-means: the seconds of
``fit`` on one thread, as the processor counts them, and the memory that it adds at its
peak. Rows are float32 in a memory-mapped file; above a gigabyte they are read in
blocks. Per unit: seconds per million rows, per thousand features and 10,000 rows, and
per hundred clusters and 50,000 rows; where that stays, the cost is linear.
"""
UNITS = {"rows": 1e6, "features": 1e3, "clusters": 1e2}


def make_rows(file, n_rows, n_features):
    """Noisy copies of ten random rows, written block by block."""
    rng = np.random.default_rng(0)
    centers = rng.normal(0, 2, size=(10, n_features)).astype(np.float32)
    with file.open("wb") as stream:
        for start in range(0, n_rows, 2**16):
            size = min(2**16, n_rows - start)
            noise = rng.standard_normal((size, n_features), dtype=np.float32)
            (centers[rng.integers(10, size=size)] + noise).tofile(stream)
    return np.memmap(file, np.float32, "r", shape=(n_rows, n_features))


def fits(n_clusters):
    """The estimators by name; the second starts from the first."""
    autoencoder = Autoencoder(
        10,
        hidden_layer_sizes=(128, 64),
        max_epochs=1,
        batch_size=256,
        random_state=0,
    )
    dec = DECClustering(
        n_clusters,
        autoencoder=FrozenEstimator(autoencoder),
        max_epochs=1,
        batch_size=256,
        init="kmeans",
        n_init=1,
        random_state=0,
    )
    return dict(zip(FITS, (autoencoder, dec), strict=True))


def measure(part, n_rows, n_features, n_clusters):
    """A row for each fit."""
    with tempfile.TemporaryDirectory() as folder:
        X = make_rows(Path(folder) / "rows", n_rows, n_features)
        for name, estimator in fits(n_clusters).items():
            with Watch() as watch, warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                begin = time.process_time()
                estimator.fit(X)
                seconds = time.process_time() - begin
            if part == "clusters" and name == "Autoencoder":
                continue  # which knows of none
            row = {
                "part": part,
                "fit": name,
                "rows": n_rows,
                "features": n_features,
                "clusters": n_clusters,
                "seconds": f"{seconds:.3g}",
                "MiB": f"{watch.added:.0f}",
            }
            print(row, flush=True)
            yield {**row, **environment()}


def draw(rows):
    """Seconds over rows, features and clusters, with lines of slope one."""
    parts = [part for part in PARTS if any(row["part"] == part for row in rows)]
    figure, panels = plt.subplots(
        1, len(parts), figsize=(3.6 * len(parts), 3.2), layout="constrained"
    )
    for part, axes in zip(parts, np.atleast_1d(panels), strict=True):
        for name, color in zip(FITS, ("#4477aa", "#cc6677"), strict=True):
            own = [r for r in rows if (r["part"], r["fit"]) == (part, name)]
            if not own:
                continue
            x = np.array([float(row[part]) for row in own])
            seconds = np.array([float(row["seconds"]) for row in own])
            axes.loglog(x, seconds, "o-", color=color, label=name)
            line = seconds[-1] * x / x[-1]
            axes.loglog(x, line, ":", color=color, lw=1)
        axes.set(xlabel=part, ylabel="seconds" if part == parts[0] else "")
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=8)
    figure.savefig(OUTPUT.with_suffix(".png"), dpi=150)


def page(rows):
    parts = [heading("Scaling", "="), paragraph(ABOUT)]
    parts.append(
        ".. image:: /../benchmarks/scaling.png\n"
        "   :alt: Seconds over the number of rows, features and clusters.\n\n"
        "Dotted: linear through the last point."
    )
    for part, unit in UNITS.items():
        own = [row for row in rows if row["part"] == part]
        if own:
            table = [["Fit", part.capitalize(), "Seconds", "Per unit", "MiB"]]
            for row in sorted(own, key=lambda row: FITS.index(row["fit"])):
                per_unit = float(row["seconds"]) / float(row[part]) * unit
                cells = (f"{int(row[part]):,}", row["seconds"], f"{per_unit:.3g}")
                table.append([row["fit"], *cells, row["MiB"]])
            parts += [heading(part.capitalize()), simple_table(table)]
    known = {name: rows[0][name] for name in environment()}
    parts += [heading("Hardware and versions"), simple_table(versions_table(known))]
    return "\n\n".join(parts) + "\n"


def main():
    """Measure the parts that are asked for; write table, page and picture."""
    parser = argparse.ArgumentParser(description="Scaling.")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for row in read(OUTPUT) if row["part"] not in arguments.parts]
    with threadpool_limits(1):
        for part in arguments.parts:
            list(measure(part, *PARTS[part][0]))  # libraries load
            for case in PARTS[part]:
                rows += measure(part, *case)
                write(OUTPUT, rows)
    draw(rows)
    OUTPUT.with_suffix(".rst").write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
