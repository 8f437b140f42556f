"""Clusterings of images, beside the figures that papers publish.

Run it from the root of the repository, with the folder of the data sets that
scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/quality.py

It takes hours: one seed on MNIST is more than ten minutes. It writes every run into
``benchmarks/quality.csv`` and sums them up in ``benchmarks/quality.rst``; ``_runs.py``
tells how.
"""

import functools

import _runs
import numpy as np
from _methods import (
    ENSEMBLE,
    IMSAT,
    JULE,
    K_MEANS,
    METHODS,
    TWO_SPACES,
    TWO_STEP,
)
from _runs import DIGITS, DataSet

from skdeepcluster import datasets

XIE, GUO = "Xie et al. 2016", "Guo et al. 2017"
YANG, JIANG = "Yang et al. 2017", "Jiang et al. 2017"
FARD, AFFELDT, HU = "Moradi Fard et al. 2020", "Affeldt et al. 2020", "Hu et al. 2017"
# ACC, with as many places as are printed.
MNIST = {
    K_MEANS: ("0.5349", XIE),
    TWO_STEP: ("0.8184", XIE),
    "DECClustering": ("0.8430", XIE),
    "IDECClustering": ("0.8806", GUO),
    "DCNClustering": ("0.83", YANG),
    "DKMClustering": ("0.840", FARD),
    "VaDEClustering": ("0.9446", JIANG),
    ENSEMBLE: ("0.9323", AFFELDT),
    IMSAT: ("0.984", HU),
}
USPS = {
    TWO_STEP: ("0.6931", GUO),
    "DECClustering": ("0.7408", GUO),
    "IDECClustering": ("0.7605", GUO),
    "DKMClustering": ("0.757", FARD),
    ENSEMBLE: ("0.818", AFFELDT),
}


def mnist_10000():
    """10,000 of the images, drawn at random."""
    X, y = datasets.fetch_mnist(return_X_y=True)
    rows = np.random.default_rng(0).permutation(len(y))[:10_000]
    return X[rows], y[rows]


SETS = {
    # The long ones first, so that the processes end together.
    "mnist": DataSet(
        functools.partial(datasets.fetch_mnist, return_X_y=True),
        "70,000 images of 28 x 28 pixels, 10 digits",
        seeds=range(3),
        published=MNIST,
    ),
    "fashion_mnist": DataSet(
        functools.partial(datasets.fetch_fashion_mnist, return_X_y=True),
        "70,000 images of 28 x 28 pixels, 10 kinds of clothing",
        seeds=range(3),
        on_request=True,
    ),
    "mnist_10000": DataSet(
        mnist_10000,
        "10,000 of the images of MNIST, 28 x 28 pixels, 10 digits",
        seeds=range(3),
        on_request=True,
    ),
    "usps": DataSet(
        functools.partial(datasets.fetch_usps, return_X_y=True),
        "9,298 images of 16 x 16 pixels, 10 digits",
        published=USPS,
    ),
    "digits": DIGITS,
}

ABOUT = """
Published figures were found with the networks, the scaling and the lengths of training
of their papers, which differ from the defaults here. Those of DEC on USPS are from the
paper on IDEC. ``benchmarks/quality.py`` makes this page from
``benchmarks/quality.csv``. The sources:

- Xie et al. 2016: J. Xie, R. Girshick, A. Farhadi. Unsupervised deep embedding for
  clustering analysis. International Conference on Machine Learning.
- Guo et al. 2017: X. Guo, L. Gao, X. Liu, J. Yin. Improved deep embedded clustering
  with local structure preservation. International Joint Conference on Artificial
  Intelligence.
- Yang et al. 2017: B. Yang, X. Fu, N. D. Sidiropoulos, M. Hong. Towards
  K-means-friendly spaces: simultaneous deep learning and clustering. International
  Conference on Machine Learning.
- Jiang et al. 2017: Z. Jiang, Y. Zheng, H. Tan, B. Tang, H. Zhou. Variational deep
  embedding: an unsupervised and generative approach to clustering. International Joint
  Conference on Artificial Intelligence.
- Moradi Fard et al. 2020: M. Moradi Fard, T. Thonet, E. Gaussier. Deep k-means: jointly
  clustering with k-means and learning representations. Pattern Recognition Letters.
- Affeldt et al. 2020: S. Affeldt, L. Labiod, M. Nadif. Spectral clustering via ensemble
  deep autoencoder learning (SC-EDAE). Pattern Recognition.
- Hu et al. 2017: W. Hu, T. Miyato, S. Tokui, E. Matsumoto, M. Sugiyama. Learning
  discrete representations via information maximizing self-augmented training.
  International Conference on Machine Learning.
"""


def main(argv=None):
    # Some take fewer rows than MNIST has.
    methods = [m for m in METHODS if m not in (JULE, TWO_SPACES)]
    _runs.main(argv, __file__, "Images", ABOUT, SETS, methods)


if __name__ == "__main__":
    main()
