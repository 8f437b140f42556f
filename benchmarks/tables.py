"""Clusterings of small tables.

Run it from the root of the repository, with the folder of the data sets that
scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/tables.py

It writes every run into ``benchmarks/tables.csv`` and sums them up in
``benchmarks/tables.rst``; ``_runs.py`` tells how.
"""

import functools

import _runs
import numpy as np
from _runs import DIGITS, DataSet
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from skdeepcluster import datasets

VIEWS = ("fac", "fou", "kar", "mor", "pix", "zer")


def arrays(load):
    return functools.partial(load, return_X_y=True)


def mfeat():
    pairs = [datasets.fetch_mfeat(view=view, return_X_y=True) for view in VIEWS]
    return [X for X, _ in pairs], pairs[0][1]


def reuters():
    """The official test part of R8: all of R8 would take most of the time of a run."""
    r8 = datasets.fetch_reuters(subset="R8")
    return r8.data[r8.n_train :], r8.target[r8.n_train :]


def unequal_sizes():
    """Three Gaussian clusters of 500 rows and three of 50, in 20 dimensions.

    Centres are normal with standard deviation 0.7 in each dimension and rows normal
    around them with 1. Who knew the centres would reach an ARI of 0.85.
    """
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(6), [500, 500, 500, 50, 50, 50])
    X = rng.normal(scale=0.7, size=(6, 20))[y] + rng.normal(size=(len(y), 20))
    order = rng.permutation(len(y))
    return X[order], y[order]


def noise_columns():
    """The 13 columns of the wines, standardised, and 100 of pure standard noise."""
    X, y = load_wine(return_X_y=True)
    noise = np.random.default_rng(0).normal(size=(len(X), 100))
    return np.hstack([StandardScaler().fit_transform(X), noise]), y


SCALED = (StandardScaler(),)
SETS = {
    # The long ones first, so that the processes end together.
    "mfeat": DataSet(
        mfeat,
        "2,000 digits, 10 classes; scores are means over the six views, of 6 to 240 "
        "columns, seconds their sum",
        SCALED,
    ),
    "reuters": DataSet(
        reuters, "test part of R8: 2,189 documents, 8 topics; tf-idf of 2,000 words"
    ),
    "isolet": DataSet(
        arrays(datasets.fetch_isolet), "1,560 spoken letters, 26 classes, 617 columns"
    ),
    "digits": DIGITS,
    "unequal_sizes": DataSet(
        unequal_sizes,
        "1,650 rows from six Gaussian clusters in 20 dimensions, three of 500 rows and "
        "three of 50",
    ),
    "mice_protein": DataSet(
        arrays(datasets.fetch_mice_protein),
        "1,080 rows, 8 classes, 77 columns; gaps are filled with medians",
        (SimpleImputer(strategy="median"), *SCALED),
    ),
    "noise_columns": DataSet(
        noise_columns,
        "the 178 wines, with 100 columns of noise beside the 13, all of variance 1",
    ),
    "breast_cancer": DataSet(
        arrays(load_breast_cancer), "569 rows, 2 classes, 30 columns", SCALED
    ),
    "wine": DataSet(arrays(load_wine), "178 rows, 3 classes, 13 columns", SCALED),
    "iris": DataSet(arrays(load_iris), "150 rows, 3 classes, 4 columns, all in cm"),
}

ABOUT = "``benchmarks/tables.py`` makes this page from ``benchmarks/tables.csv``."


def main(argv=None):
    _runs.main(argv, __file__, "Small tables", ABOUT, SETS)


if __name__ == "__main__":
    main()
