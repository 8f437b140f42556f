"""Clusterings of rows of which there are two descriptions.

Run it from the root of the repository, with the folder of the data sets that
scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/two_modalities.py

It adds what is missing to ``benchmarks/two_modalities.csv`` and sums it up in
``benchmarks/two_modalities.rst``. Labels enter the scores only.
"""

import argparse
import functools
import itertools
import time
from pathlib import Path

import _runs
import numpy as np
from _methods import SCORES, environment, prepare_process
from _page import (
    by_set_and_method,
    heading,
    known_table,
    paragraph,
    set_table,
    simple_table,
)
from _results import missing
from sklearn.cluster import KMeans, SpectralClustering
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler

from skdeepcluster import CMSCDCCAClustering, TURTLEClustering, datasets

ABOUT = """
Mean ± standard deviation (n - 1) over seeds. KMeans (20 starts) and SpectralClustering
(a graph of ten nearest neighbours) are given the columns of both descriptions beside
each other; the others are told which columns are whose. All else is at the defaults but
for the number of clusters and the seed. The machine had other work to do as well:
seconds tell orders of magnitude. ``benchmarks/two_modalities.py`` makes this page.
"""


def mfeat(*views):
    pairs = [datasets.fetch_mfeat(view=view, return_X_y=True) for view in views]
    return [StandardScaler().fit_transform(X) for X, _ in pairs], pairs[0][1]


def halves():
    images, y = load_digits().images, load_digits().target
    return [images[:, :, side].reshape(-1, 32) for side in (slice(4), slice(4, 8))], y


SETS = {  # name: (descriptions and classes, what they are)
    "digits": (halves, "1,797 digits, 10 classes: left and right halves of the images"),
    "fac_fou": (
        functools.partial(mfeat, "fac", "fou"),
        "2,000 digits, 10 classes: 216 profile correlations and 76 Fourier "
        "coefficients of mfeat, standardised",
    ),
    "pix_fac": (
        functools.partial(mfeat, "pix", "fac"),
        "2,000 digits, 10 classes: 240 pixels and 216 profile correlations of mfeat, "
        "standardised",
    ),
}


def k_means(X, spaces, k, seed):
    return KMeans(k, n_init=20, random_state=seed).fit_predict(X)


def spectral(X, spaces, k, seed):
    return SpectralClustering(
        k, affinity="nearest_neighbors", random_state=seed
    ).fit_predict(X)


def turtle(X, spaces, k, seed):
    return TURTLEClustering(k, spaces=spaces, random_state=seed).fit_predict(X)


def cmsc_dcca(X, spaces, k, seed):
    return CMSCDCCAClustering(k, spaces=spaces, random_state=seed).fit_predict(X)


METHODS = {
    "KMeans": k_means,
    "SpectralClustering": spectral,
    "TURTLEClustering": turtle,
    "CMSCDCCAClustering": cmsc_dcca,
}


def measure(name, data, method, seed):
    """One row of results, of the descriptions and classes of a set."""
    parts, y = data
    widths = [part.shape[1] for part in parts]
    ends = np.cumsum(widths)
    spaces = [slice(end - width, end) for end, width in zip(ends, widths, strict=True)]
    X = np.hstack(parts)
    begin = time.perf_counter()
    labels = METHODS[method](X, spaces, len(np.unique(y)), seed)
    return {
        "set": name,
        "method": method,
        "seed": seed,
        **{score: float(function(y, labels)) for score, function in SCORES.items()},
        "seconds": time.perf_counter() - begin,
        "dtype": X.dtype,
        "precision": "",
        **environment(),
    }


def page(rows):
    """The text of the page, in reStructuredText."""
    parts = [heading("Two modalities", "="), paragraph(ABOUT)]
    for name, cells in by_set_and_method(rows).items():
        own = {method: cells[method] for method in METHODS if method in cells}
        parts += [heading(name), paragraph(f"{SETS[name][1]}.")]
        parts.append(simple_table(set_table(own, {})))
    parts.append(heading("Hardware and versions"))
    parts.append(simple_table(known_table(rows, list(environment()))))
    return "\n\n".join(parts) + "\n"


def main(argv=None):
    parser = argparse.ArgumentParser(description="Two modalities.")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS))
    parser.add_argument("--seeds", type=int, nargs="+", default=range(5))
    output = Path(__file__).with_suffix(".csv")
    parser.add_argument("--output", type=Path, default=output)
    arguments = parser.parse_args(argv)
    rows = _runs.read(arguments.output)
    _runs.rewrite(arguments.output, rows)
    prepare_process(1)
    wanted = itertools.product(arguments.sets, arguments.methods, arguments.seeds)
    for (name, seed), methods in missing(wanted, rows).items():
        data = SETS[name][0]()
        for method in methods:
            row = measure(name, data, method, seed)
            _runs.append(arguments.output, row)
            print(name, method, seed, f"{row['acc']:.3f}", flush=True)
    rows = sorted(_runs.read(arguments.output), key=_runs.key)
    _runs.rewrite(arguments.output, rows)
    arguments.output.with_suffix(".rst").write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
