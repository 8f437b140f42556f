"""Designs of ComposedClustering on small tables, each with one thing changed.

Run it from the root of the repository, with the folder of the data sets that
scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/designs.py

It writes every run into ``benchmarks/designs.csv`` and sums them up in
``benchmarks/designs.rst``; ``_runs.py`` tells how.
"""

import dataclasses

import _runs
import tables
from _methods import COMPOSED, DESIGNS, K_MEANS, TWO_STEP

LONG = ("mfeat", "reuters")
SETS = {
    name: dataclasses.replace(data, seeds=range(3))
    for name, data in tables.SETS.items()
    if name not in LONG
}

ABOUT = """
"ComposedClustering" has its defaults, which are those of IDEC. Each of the other
designs differs from it in what its name says, and starts from the same autoencoder.
``benchmarks/designs.py`` makes this page from ``benchmarks/designs.csv``.
"""


def main(argv=None):
    methods = [K_MEANS, TWO_STEP, COMPOSED, *DESIGNS]
    _runs.main(argv, __file__, "Designs", ABOUT, SETS, methods)


if __name__ == "__main__":
    main()
