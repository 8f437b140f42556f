"""Clusterings of documents as tf-idf.

Run it from the root of the repository, with the folder of the data sets that
scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/text.py

It takes hours. It writes every run into ``benchmarks/text.csv`` and sums them up in
``benchmarks/text.rst``; ``_runs.py`` tells how.
"""

import functools

import _runs
from _methods import IMSAT, K_MEANS, LATENT, TWO_STEP
from _runs import DataSet

from skdeepcluster import datasets

SETS = {
    name: DataSet(
        functools.partial(datasets.fetch_reuters, subset=name, return_X_y=True),
        f"{about}; tf-idf of 2,000 words",
        seeds=range(3),
    )
    for name, about in {
        "R8": "7,674 documents, 8 topics of 3,923 to 51 documents",
        "R52": "9,100 documents, 52 topics of 3,923 to 3 documents",
    }.items()
}
METHODS = [
    *(K_MEANS, LATENT, TWO_STEP),
    *("DCNClustering", "DECClustering", "IDECClustering", IMSAT),
]

ABOUT = """
"TruncatedSVD + KMeans" is latent semantic analysis: k-means on 100 components, with
rows of length one. The topics differ in size by a factor of up to 1,300, so that ACC
and ARI say above all how the two largest are treated. ``benchmarks/text.py`` makes this
page from ``benchmarks/text.csv``.
"""


def main(argv=None):
    _runs.main(argv, __file__, "Text", ABOUT, SETS, METHODS)


if __name__ == "__main__":
    main()
