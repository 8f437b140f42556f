"""Clusterings with training in bfloat16 beside float32.

Run it from the root of the repository, with the folder of the data sets that
scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/precision.py

Every method of the package on some of the sets of the other benchmarks, with the same
seeds in both precisions. It writes the rows of each seed into
``benchmarks/precision.csv`` as soon as they are there and sums them up in
``benchmarks/precision.rst``; what the file has is not run again.
"""

import argparse
import csv
import time
from pathlib import Path

import numpy as np
from _methods import (
    COMPOSED,
    DCEC,
    SCORES,
    TWO_STEP,
    deep_clusterers,
    environment,
    prepare_process,
)
from _page import heading, paragraph, simple_table, versions_table
from _results import read
from joblib import Parallel, delayed
from quality import SETS as IMAGES
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from tables import SETS as TABLES

from skdeepcluster import Autoencoder

OUTPUT = Path(__file__).with_suffix(".csv")
SETS = {**TABLES, **IMAGES}
DEFAULT = ["digits", "isolet", "usps"]
PRECISIONS = ("float32", "bfloat16")
METHODS = [
    TWO_STEP,
    *(name for name in deep_clusterers() if name not in (DCEC, COMPOSED)),
]
COLUMNS = ["set", "precision", "method", "seed", *SCORES, "seconds", *environment()]
ABOUT = """
ARI and ACC with both precisions of training, mean ± standard deviation over the same
seeds, and the mean difference of the ARI of a seed, bfloat16 minus float32, with its
standard error; the last column is the ratio of the seconds, pre-training included. All
methods start from k-means; all other settings are the defaults.
"""


def run(name, precision, seed):
    """A row for each method, from one autoencoder."""
    prepare_process(1)
    views, y = SETS[name].views()
    X, n_clusters = views[0], len(np.unique(y))
    begin = time.process_time()
    autoencoder = Autoencoder(precision=precision, random_state=seed).fit(X)
    before = time.process_time() - begin
    rows = []
    for method in METHODS:
        begin = time.process_time()
        if method == TWO_STEP:
            k_means = KMeans(n_clusters, n_init=20, random_state=seed)
            labels = k_means.fit_predict(autoencoder.transform(X))
        else:
            clusterer = deep_clusterers()[method](
                n_clusters,
                autoencoder=FrozenEstimator(autoencoder),
                precision=precision,
                random_state=seed,
            )
            if "init" in clusterer.get_params(deep=False):
                clusterer.set_params(init="kmeans")
            labels = clusterer.fit_predict(X)
        seconds = before + time.process_time() - begin
        scores = {name: f"{score(y, labels):.4f}" for name, score in SCORES.items()}
        values = (name, precision, method, seed, *scores.values(), f"{seconds:.2f}")
        print(*values, flush=True)
        rows.append([*values, *environment().values()])
    with OUTPUT.open("a", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def table(rows):
    """A line per method, both precisions beside each other."""
    header = [f"{score} {kind}" for score in ("ARI", "ACC") for kind in PRECISIONS]
    lines = [["Method", *header, "Difference", "Seconds, ratio", "Seeds"]]
    for method in METHODS:
        own = {
            kind: {
                row["seed"]: row
                for row in rows
                if (row["method"], row["precision"]) == (method, kind)
            }
            for kind in PRECISIONS
        }
        seeds = sorted(set.intersection(*map(set, own.values())))
        if len(seeds) < 2:
            continue

        def values(column, kind, own=own, seeds=seeds):
            return np.array([float(own[kind][seed][column]) for seed in seeds])

        cells = []
        for column in ("ari", "acc"):
            for kind in PRECISIONS:
                found = values(column, kind)
                cells.append(f"{found.mean():.3f} ± {found.std(ddof=1):.3f}")
        exact, rounded = (values("ari", kind) for kind in PRECISIONS)
        error = (rounded - exact).std(ddof=1) / np.sqrt(len(seeds))
        cells.append(f"{(rounded - exact).mean():+.3f} ± {error:.3f}")
        slow, fast = (values("seconds", kind) for kind in PRECISIONS)
        lines.append([method, *cells, f"{np.median(fast / slow):.2f}", str(len(seeds))])
    return simple_table(lines)


def page():
    rows = read(OUTPUT)
    parts = [heading("Precision", "="), paragraph(ABOUT)]
    for name in dict.fromkeys(row["set"] for row in rows):
        own = [row for row in rows if row["set"] == name]
        parts += [heading(name), SETS[name].about + ".", table(own)]
    known = {name: rows[0][name] for name in environment()}
    parts += [heading("Hardware and versions"), simple_table(versions_table(known))]
    return "\n\n".join(parts) + "\n"


def main():
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(description="Precision.")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=DEFAULT)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(5)))
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if not OUTPUT.exists():
        with OUTPUT.open("w", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writeheader()
    done = {(row["set"], row["precision"], int(row["seed"])) for row in read(OUTPUT)}
    wanted = [
        (name, precision, seed)
        for name in arguments.sets
        for seed in arguments.seeds
        for precision in PRECISIONS
    ]
    missing = [case for case in wanted if case not in done]
    Parallel(n_jobs=arguments.jobs)(delayed(run)(*case) for case in missing)
    text = page()
    OUTPUT.with_suffix(".rst").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
