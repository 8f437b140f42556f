"""Clusterings of images as images: convolutions and random views.

Run it from the root of the repository, with the folder of the data sets that
scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/images.py

It takes hours without a GPU. It writes every run into ``benchmarks/images.csv`` and
sums them up in ``benchmarks/images.rst``; ``_runs.py`` tells how.
"""

import _runs
import quality
from _methods import DAC, DCEC, DEPICT, JULE, METHODS_OF_IMAGES
from _runs import DataSet
from sklearn.datasets import load_digits

from skdeepcluster import datasets

GUO = "Guo et al. 2017"
# ACC, as printed.
DIZAJI, YANG, CHANG = "Dizaji et al. 2017", "Yang et al. 2016", "Chang et al. 2017"
MNIST = {
    DCEC: ("0.8897", GUO),
    DEPICT: ("0.965", DIZAJI),
    JULE: ("0.964", YANG),
    DAC: ("0.978", CHANG),
}
USPS = {DCEC: ("0.7900", GUO), DEPICT: ("0.964", DIZAJI), JULE: ("0.950", YANG)}


def digits():
    bunch = load_digits()
    return bunch.images, bunch.target


def mnist():
    bunch = datasets.fetch_mnist()
    return bunch.images, bunch.target


def mnist_10000():
    """10,000 of the images, drawn at random."""
    X, target = quality.mnist_10000()
    return X.reshape(-1, 28, 28), target


def usps():
    bunch = datasets.fetch_usps()
    return bunch.images, bunch.target


def coil20():
    bunch = datasets.fetch_coil20()
    return bunch.images, bunch.target


SETS = {
    # The long ones first, so that the processes end together.
    "mnist": DataSet(
        mnist,
        "70,000 images of 28 x 28 pixels, 10 digits",
        seeds=range(3),
        on_request=True,
        published=MNIST,
    ),
    "mnist_10000": DataSet(
        mnist_10000,
        "10,000 of the images of MNIST, 28 x 28 pixels, 10 digits",
        seeds=range(3),
    ),
    "usps": DataSet(
        usps,
        "9,298 images of 16 x 16 pixels, 10 digits",
        seeds=range(3),
        published=USPS,
    ),
    "coil20": DataSet(
        coil20,
        "1,440 images of 32 x 32 pixels: 20 things from 72 sides",
        seeds=range(3),
    ),
    "digits": DataSet(digits, "1,797 images of 8 x 8 pixels, 10 digits"),
}

ABOUT = """
Methods are given images, not flat rows: the autoencoder is convolutional, and views are
those of images. By default DCEC's autoencoder is trained for 200 epochs on USPS and 29
on all of MNIST, and its clusters for at most 108 and 15. ``benchmarks/images.py`` makes
this page from ``benchmarks/images.csv``. The sources of what is published; DCEC's is of
200 epochs:

- Guo et al. 2017: X. Guo, X. Liu, E. Zhu, J. Yin. Deep clustering with convolutional
  autoencoders. Neural Information Processing.
- Dizaji et al. 2017: K. Ghasedi Dizaji, A. Herandi, C. Deng, W. Cai, H. Huang. Deep
  clustering via joint convolutional autoencoder embedding and relative entropy
  minimization. International Conference on Computer Vision.
- Yang et al. 2016: J. Yang, D. Parikh, D. Batra. Joint unsupervised learning of deep
  representations and image clusters. Conference on Computer Vision and Pattern
  Recognition.
- Chang et al. 2017: J. Chang, L. Wang, G. Meng, S. Xiang, C. Pan. Deep adaptive image
  clustering. International Conference on Computer Vision.
"""


def main(argv=None):
    _runs.main(argv, __file__, "Images as images", ABOUT, SETS, METHODS_OF_IMAGES)


if __name__ == "__main__":
    main()
