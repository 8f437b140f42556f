"""What a GPU changes: DEC on MNIST in seconds, recorded steps, many runs.

Run it from the root of the repository on a machine with a CUDA device, with the folder
of the data sets that scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/gpu.py

It writes ``benchmarks/gpu.csv`` and ``benchmarks/gpu.rst``.
"""

import statistics
import time
from pathlib import Path
from unittest import mock

import torch
from _methods import environment
from _page import heading, paragraph, simple_table, versions_table
from _results import write
from sklearn.datasets import load_digits

from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.datasets import fetch_mnist
from skdeepcluster.engine import _stage, _trainer
from skdeepcluster.metrics import clustering_accuracy

OUTPUT = Path(__file__).with_suffix(".csv")
REPEATS = 5
ABOUT = """
Seconds of the day on one GPU. MNIST: DEC with its defaults, pre-training included.
Steps and runs: an autoencoder of 64-128-64-10 units with DEC on the 1,797 digits of
scikit-learn; each pair is run in turns.
"""


def seconds(function):
    torch.cuda.synchronize()
    begin = time.perf_counter()
    result = function()
    torch.cuda.synchronize()
    return time.perf_counter() - begin, result


def small(**settings):
    X, _ = load_digits(return_X_y=True)
    autoencoder = Autoencoder(hidden_layer_sizes=(128, 64), max_epochs=100)
    dec = DECClustering(
        10, autoencoder=autoencoder, max_epochs=50, tol=0, random_state=0, **settings
    )
    return dec.fit(X)


def one_by_one():
    """The same with steps that are not recorded."""

    def never(device):
        return False

    with (
        mock.patch.object(_stage, "can_record", never),
        mock.patch.object(_trainer, "can_record", never),
    ):
        return small()


def ratios(one, other):
    """Of the seconds, in pairs of which each goes first in turn."""
    found = []
    for repeat in range(REPEATS):
        sides = {"one": one, "other": other}
        order = list(sides) if repeat % 2 else list(sides)[::-1]
        spent = {name: seconds(sides[name])[0] for name in order}
        found.append(spent["one"] / spent["other"])
    return found


def measure():
    """What was measured, its median, least and most."""
    X, y = fetch_mnist(return_X_y=True)
    small(), one_by_one()  # libraries load
    times, accuracies = [], []
    for seed in range(3):
        spent, dec = seconds(lambda s=seed: DECClustering(10, random_state=s).fit(X))
        times.append(spent)
        accuracies.append(clustering_accuracy(y, dec.labels_))
    yield "DEC on MNIST, seconds", times
    yield "DEC on MNIST, ACC", accuracies
    yield "recorded steps / steps one by one, whole fits", ratios(small, one_by_one)
    yield "ten runs / one run", ratios(lambda: small(n_runs=10), small)


def main():
    """Measure, write the table, print it."""
    if not torch.cuda.is_available():
        raise SystemExit("This benchmark needs a CUDA device.")
    known = {**environment(), "gpu": torch.cuda.get_device_name()}
    lines = [["What", "Median", "Least", "Most", "Runs"]]
    for what, values in measure():
        three = (statistics.median(values), min(values), max(values))
        lines.append([what, *(f"{value:.4g}" for value in three), str(len(values))])
        print(lines[-1], flush=True)
    head, *measured = lines
    rows = [{**dict(zip(head, line, strict=True)), **known} for line in measured]
    write(OUTPUT, rows)
    parts = [heading("On a GPU", "="), paragraph(ABOUT), simple_table(lines)]
    parts += [heading("Hardware and versions"), simple_table(versions_table(known))]
    OUTPUT.with_suffix(".rst").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
