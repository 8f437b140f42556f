"""Clusterings of scikit-learn's digits over several seeds.

Run it from the root of the repository::

    python benchmarks/digits.py

It writes ``benchmarks/digits.csv``: one row per method and seed, then the mean and the
standard deviation (n - 1) over the seeds, each with the hardware and the versions. It
prints the table of the README. Estimators have their defaults except for the number of
clusters, the seed and the 20 starts of k-means; labels enter the scores only.
"""

import argparse
import csv
import os
import platform
import time
from pathlib import Path

import numpy as np
import scipy
import sklearn
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.pipeline import make_pipeline

import skdeepcluster
from skdeepcluster import Autoencoder, DECClustering, IDECClustering
from skdeepcluster.metrics import clustering_accuracy

START = "DEC and IDEC, their start"
SCORES = {
    "acc": clustering_accuracy,
    "nmi": normalized_mutual_info_score,
    "ari": adjusted_rand_score,
}
MEASURED = [*SCORES, "seconds"]


def clusterers(seed):
    """The methods to compare, by the name they have in the table."""
    k_means = KMeans(n_clusters=10, n_init=20, random_state=seed)
    return {
        "KMeans": k_means,
        "Autoencoder + KMeans": make_pipeline(Autoencoder(random_state=seed), k_means),
        "DECClustering": DECClustering(n_clusters=10, random_state=seed),
        "IDECClustering": IDECClustering(n_clusters=10, random_state=seed),
    }


def run(seed, X, y):
    """Fit every method once; yield one row of the table per method."""
    for name, clusterer in clusterers(seed).items():
        begin = time.perf_counter()
        labels = clusterer.fit_predict(X)
        seconds = time.perf_counter() - begin
        if name == "DECClustering":
            # k-means in the embedding from which this very fit went on.
            yield row(START, seed, y, clusterer.init_labels_, np.nan)
        yield row(name, seed, y, labels, seconds)


def row(name, seed, y, labels, seconds):
    """Scores of one clustering."""
    scores = {score: float(function(y, labels)) for score, function in SCORES.items()}
    return {"method": name, "seed": seed, **scores, "seconds": seconds}


def summary(runs):
    """Mean and standard deviation over the seeds, two rows per method."""
    rows = []
    for name in dict.fromkeys(run["method"] for run in runs):
        own = [run for run in runs if run["method"] == name]
        values = np.array([[run[column] for column in MEASURED] for run in own])
        for seed, numbers in (
            ("mean", values.mean(axis=0)),
            ("std", values.std(axis=0, ddof=1)),
        ):
            numbers = dict(zip(MEASURED, numbers, strict=True))
            rows.append({"method": name, "seed": seed, **numbers})
    return rows


def environment():
    """Hardware and versions."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = [ln.split(":")[1].strip() for ln in lines if ln.startswith("model n")]
        cpu = models[0] if models else cpu
    has_gpu = torch.cuda.is_available()
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if has_gpu else "cpu",
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__,
        "skdeepcluster": skdeepcluster.__version__,
    }


def readme_table(rows):
    """The rows of the README's list-table."""
    cell = {(r["method"], r["seed"], c): r[c] for r in rows for c in MEASURED}
    for name in clusterers(seed=0):
        lines = [f"   * - {name}"]
        for column in MEASURED:
            mean, std = cell[name, "mean", column], cell[name, "std", column]
            digits = 1 if column == "seconds" else 3
            lines.append(f"     - {mean:.{digits}f} ± {std:.{digits}f}")
        yield "\n".join(lines)


def main():
    """Run all seeds, write the table, print it."""
    parser = argparse.ArgumentParser(description="Clusterings of the digits.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).with_name("digits.csv")
    )
    arguments = parser.parse_args()
    if len(arguments.seeds) < 2:
        parser.error("a standard deviation needs two seeds at least")

    torch.set_num_threads(1)  # for networks this small more only get in the way
    X, y = load_digits(return_X_y=True)
    # Libraries load and warm up outside the times.
    DECClustering(2, autoencoder=Autoencoder(max_epochs=1), max_epochs=1).fit(X[:50])
    rows = []
    for seed in arguments.seeds:
        for result in run(seed, X, y):
            rows.append(result)
            print(
                f"{result['method']:<26}seed {seed}"
                + "".join(f"{result[column]:>8.3f}" for column in MEASURED),
                flush=True,
            )
    rows += summary(rows)

    known = environment()
    with arguments.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*rows[0], *known], lineterminator="\n")
        writer.writeheader()
        for values in rows:
            rounded = {column: f"{values[column]:.4f}" for column in MEASURED}
            writer.writerow({**values, **rounded, **known})

    print("", *readme_table(rows), sep="\n")
    print(f"\n{known}\n{arguments.output}")


if __name__ == "__main__":
    main()
