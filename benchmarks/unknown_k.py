"""How many clusters methods find that are not told, and how good these are.

Run it from the root of the repository, with the folder of the data sets that
scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/unknown_k.py

It adds what is missing to ``benchmarks/unknown_k.csv`` and sums it up in
``benchmarks/unknown_k.rst``. Labels enter the scores, and what is "told" the number of
classes.
"""

import argparse
import csv
import functools
import itertools
import time
from pathlib import Path

import numpy as np
from _methods import MIXTURE, Starts, cluster, environment, prepare_process
from _page import NOTHING, heading, known_table, paragraph, simple_table
from _results import missing, read
from joblib import Parallel, delayed
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.datasets import load_digits, make_blobs
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import BayesianGaussianMixture
from sklearn.preprocessing import StandardScaler

from skdeepcluster import DCNClustering, UNSEENClustering, datasets
from skdeepcluster.model_selection import select_n_clusters

PATH = Path(__file__).with_suffix(".csv")
MOST = 35
STABILITY = "stability of k-means"


def mfeat():
    X, y = datasets.fetch_mfeat(view="fac", return_X_y=True)
    return StandardScaler().fit_transform(X), y


SETS = {  # name: (rows and classes, what they are)
    "blobs": (
        functools.partial(
            make_blobs, 1500, n_features=20, centers=7, cluster_std=3, random_state=0
        ),
        "1,500 rows of 7 Gaussian clusters in 20 dimensions",
    ),
    "digits": (
        functools.partial(load_digits, return_X_y=True),
        "1,797 images of 8 x 8 pixels, 10 digits, as flat rows",
    ),
    "mfeat": (mfeat, "2,000 digits, 10 classes; the view ``fac``, standardised"),
    "usps": (
        functools.partial(datasets.fetch_usps, return_X_y=True),
        "9,298 images of 16 x 16 pixels, 10 digits, as flat rows",
    ),
}


# -- methods: rows, number of classes, fitted autoencoder, seed -> labels --------------


def unseen(X, n_classes, autoencoder, seed):
    start = FrozenEstimator(autoencoder)
    return UNSEENClustering(autoencoder=start, random_state=seed).fit_predict(X)


def dcn_from_k_means(X, n_classes, autoencoder, seed):
    start = FrozenEstimator(autoencoder)
    settings = {"init": "kmeans", "random_state": seed}  # UNSEEN's start
    return DCNClustering(n_classes, autoencoder=start, **settings).fit_predict(X)


def mixture(X, n_classes, autoencoder, seed):
    z = autoencoder.transform(X).astype(np.float64)
    return BayesianGaussianMixture(
        n_components=MOST,
        covariance_type="diag",
        max_iter=1000,
        random_state=seed,
    ).fit_predict(z)


def density(X, n_classes, autoencoder, seed):
    z = autoencoder.transform(X)
    return HDBSCAN(min_cluster_size=max(5, len(X) // 100)).fit_predict(z)


def stability(X, n_classes, autoencoder, seed):
    z = autoencoder.transform(X)
    found = select_n_clusters(
        KMeans(n_init=10), z, n_clusters=range(2, 21), random_state=seed
    )
    return k_means(X, found.most_stable, autoencoder, seed)


def k_means(X, n_clusters, autoencoder, seed):
    z = autoencoder.transform(X)
    return KMeans(n_clusters, n_init=10, random_state=seed).fit_predict(z)


def told(method):
    """One of those that the other benchmarks compare."""

    def labels(X, n_classes, autoencoder, seed):
        return cluster(method, X, n_classes, seed, autoencoder)

    return labels


METHODS = {
    "UNSEENClustering": unseen,
    "DCNClustering, told": told("DCNClustering"),
    "DCNClustering from k-means, told": dcn_from_k_means,
    f"Autoencoder + {STABILITY}": stability,
    "Autoencoder + KMeans, told": k_means,
    "Autoencoder + BayesianGaussianMixture": mixture,
    f"{MIXTURE}, told": told(MIXTURE),
    "Autoencoder + HDBSCAN": density,
}


def run(name, seed, methods, output):
    """Append one row for each method."""
    prepare_process(1)
    X, y = SETS[name][0]()
    autoencoder, before = Starts(X, seed).of("DCNClustering")
    for method in methods:
        begin = time.perf_counter()
        labels = METHODS[method](X, len(np.unique(y)), autoencoder, seed)
        row = {
            "set": name,
            "method": method,
            "seed": seed,
            "n_clusters": len(np.unique(labels[labels >= 0])),  # -1: of none
            "ari": f"{adjusted_rand_score(y, labels):.4f}",
            "seconds": f"{before + time.perf_counter() - begin:.1f}",
            **environment(),
        }
        is_new = not output.exists()
        with output.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, row, lineterminator="\n")
            if is_new:
                writer.writeheader()
            writer.writerow(row)
        print(*list(row.values())[:6], flush=True)


# -- the page ------------------------------------------------------------------------

ABOUT = f"""
Mean ± standard deviation (n - 1) over seeds. All methods start from the
same autoencoder with its defaults. Below each method that has to find the number of
clusters stands what it is when it is told the number of classes. UNSEENClustering
begins with at most {MOST} clusters of k-means; told, it is DCNClustering, which by
default may also begin with clusters that merge. The most stable number of clusters of
k-means, from 2 to 20, is that of
:func:`~skdeepcluster.model_selection.select_n_clusters` in the embedding. The Bayesian
mixture begins with {MOST} components; both mixtures have diagonal covariances. HDBSCAN
has clusters of at least a hundredth of the rows, and rows of no cluster count as one
more in the ARI. The machine had other work to do as well: seconds tell orders of
magnitude.
"""


def page(rows):
    parts = [heading("Unknown number of clusters", "="), paragraph(ABOUT)]
    for name, (_, about) in SETS.items():
        of_set = [row for row in rows if row["set"] == name]
        if not of_set:
            continue
        lines = [["Method", "Clusters", "Each", "ARI", "Seconds", "Runs"]]
        for method in METHODS:
            own = sorted(
                (row for row in of_set if row["method"] == method),
                key=lambda row: int(row["seed"]),
            )
            if own:
                lines.append(line(method, own))
        parts += [heading(name), paragraph(f"{about}."), simple_table(lines)]
    parts += [
        heading("Hardware and versions"),
        simple_table(known_table(rows, list(environment()))),
    ]
    return "\n\n".join(parts) + "\n"


def line(method, rows):
    each = " ".join(row["n_clusters"] for row in rows)
    columns = [("n_clusters", 1), ("ari", 3), ("seconds", 0)]
    clusters, ari, seconds = (
        spread([float(row[column]) for row in rows], digits)
        for column, digits in columns
    )
    return [method, clusters, each, ari, seconds, str(len(rows))]


def spread(values, digits):
    deviation = f"{np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else NOTHING
    return f"{np.mean(values):.{digits}f} ± {deviation}"


def main():
    parser = argparse.ArgumentParser(description="Unknown number of clusters.")
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))
    parser.add_argument("--jobs", type=int, default=2, help="number of processes")
    parser.add_argument("--output", type=Path, default=PATH)
    arguments = parser.parse_args()
    wanted = itertools.product(arguments.sets, arguments.methods, arguments.seeds)
    Parallel(n_jobs=arguments.jobs)(
        delayed(run)(name, seed, methods, arguments.output)
        for (name, seed), methods in missing(wanted, read(arguments.output)).items()
    )
    text = page(read(arguments.output))
    arguments.output.with_suffix(".rst").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
