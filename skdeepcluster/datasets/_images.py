"""Loaders of image sets."""

import os

import numpy as np
from sklearn.utils import Bunch

from skdeepcluster.datasets._files import Dataset, load_arrays

DIGITS = tuple("0123456789")


def _to_unit_interval(X: np.ndarray) -> np.ndarray:
    """All values by one line to [0, 1], as they are in the file."""
    return (X - X.min()) / (X.max() - X.min())


MNIST = Dataset(
    file="mnist.npz",
    arrays={
        "X": ((70000, 28, 28), "uint8"),
        "y": ((70000,), "u"),
        "n_train": ((), "i"),
    },
    n_classes=10,
    target_names=DIGITS,
    openml={"X": {"name": "mnist_784", "version": 1}},
    n_train=60000,
    descr="""MNIST: handwritten digits

70,000 grey images of 28 x 28 pixels, values 0 to 255, in 10 classes; the first 60,000
are the official training part. Papers on clustering mostly use all rows.

Origin: Y. LeCun, L. Bottou, Y. Bengio, P. Haffner (1998). Gradient-based learning
applied to document recognition. Proceedings of the IEEE 86(11), 2278-2324.
doi:10.1109/5.726791. Made from NIST's special databases 1 and 3.
Terms: copyright of Y. LeCun and C. Cortes; Creative Commons BY-SA 3.0.
""",
)

FASHION_MNIST = Dataset(
    file="fashion_mnist.npz",
    arrays=MNIST.arrays,
    n_classes=10,
    target_names=(
        "T-shirt/top",
        "Trouser",
        "Pullover",
        "Dress",
        "Coat",
        "Sandal",
        "Shirt",
        "Sneaker",
        "Bag",
        "Ankle boot",
    ),
    openml={"X": {"name": "Fashion-MNIST", "version": 1}},
    n_train=60000,
    descr="""Fashion-MNIST: articles of clothing

70,000 grey images of 28 x 28 pixels, values 0 to 255, in 10 classes of 7,000; the
first 60,000 are the official training part.

Origin: H. Xiao, K. Rasul, R. Vollgraf (2017). Fashion-MNIST: a novel image dataset for
benchmarking machine learning algorithms. arXiv:1708.07747.
Terms: MIT licence, copyright 2017 Zalando SE.
""",
)

USPS = Dataset(
    file="usps.npz",
    arrays={
        "X": ((9298, 16, 16), "float32"),
        "y": ((9298,), "u"),
        "n_train": ((), "i"),
    },
    n_classes=10,
    target_names=DIGITS,
    openml={"X": {"data_id": 41082}},
    adapt=_to_unit_interval,
    descr="""USPS: handwritten digits from envelopes

9,298 grey images of 16 x 16 pixels, values 0 to 1, in 10 classes of 708 to 1,553; the
first 7,291 are the official training part. A download may have another order of rows
and therefore tells no n_train.

Origin: J. J. Hull (1994). A database for handwritten text recognition research. IEEE
Transactions on Pattern Analysis and Machine Intelligence 16(5), 550-554.
doi:10.1109/34.291440.
Terms: none were published with the data; it is shared for research.
""",
)

COIL20 = Dataset(
    file="coil20.npz",
    arrays={
        "X": ((1440, 32, 32), "uint8"),
        "y": ((1440,), "u"),
        "pose": ((1440,), "u"),
    },
    n_classes=20,
    target_names=tuple(f"object {number}" for number in range(1, 21)),
    hint="Put the file into one of these folders.",
    descr="""COIL-20: objects on a turntable

1,440 grey images of 20 objects, 72 of each, turned by 5 degrees from one to the next
(`pose` counts the turns). The size-normalised images of 128 x 128 pixels, here
averaged down to 32 x 32, values 0 to 255. Rows are sorted by object.

Origin: S. A. Nene, S. K. Nayar, H. Murase (1996). Columbia Object Image Library
(COIL-20). Technical report CUCS-005-96, Columbia University.
Terms: made available by the authors for research purposes.
""",
)


def _fetch_images(dataset, data_home, download_if_missing, return_X_y):
    arrays = load_arrays(dataset, ["X"], data_home, download_if_missing)
    images, target = arrays["X"], arrays["y"]
    data = images.reshape(len(images), -1)
    if return_X_y:
        return data, target
    height, width = images.shape[1:]
    bunch = Bunch(
        data=data,
        images=images,
        target=target,
        feature_names=[f"pixel_{r}_{c}" for r in range(height) for c in range(width)],
        target_names=list(dataset.target_names),
        DESCR=dataset.descr,
    )
    if "n_train" in arrays:
        bunch.n_train = int(arrays["n_train"])
    if "pose" in arrays:
        bunch.pose = arrays["pose"].astype(np.int64)
    return bunch


def fetch_mnist(
    *,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load MNIST, 70,000 images of handwritten digits.

    The file is ``mnist.npz``.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder in which to look for the file, before the folder named by the
        environment variable ``SKDEEPCLUSTER_DATA``. Downloads are kept in it too.
    download_if_missing : bool, default=True
        Whether to try OpenML when the file is in neither folder.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch or tuple
        With the attributes

        data : ndarray of shape (70000, 784), uint8
            The images, flattened row by row.
        images : ndarray of shape (70000, 28, 28), uint8
            The same numbers as images.
        target : ndarray of shape (70000,), int64
            The class of each image.
        feature_names, target_names : list of str
            Names of the pixels and of the classes.
        n_train : int
            How many leading rows are the official training part.
        DESCR : str
            Origin and terms of the data.

        or, with `return_X_y`, ``(data, target)``.

    Raises
    ------
    OSError
        When the data set can neither be found nor downloaded.
    ValueError
        When the file is damaged or holds something else.
    """
    return _fetch_images(MNIST, data_home, download_if_missing, return_X_y)


def fetch_fashion_mnist(
    *,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load Fashion-MNIST, 70,000 images of articles of clothing.

    The file is ``fashion_mnist.npz``.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder in which to look for the file, before the folder named by the
        environment variable ``SKDEEPCLUSTER_DATA``. Downloads are kept in it too.
    download_if_missing : bool, default=True
        Whether to try OpenML when the file is in neither folder.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch or tuple
        With the attributes

        data : ndarray of shape (70000, 784), uint8
            The images, flattened row by row.
        images : ndarray of shape (70000, 28, 28), uint8
            The same numbers as images.
        target : ndarray of shape (70000,), int64
            The class of each image.
        feature_names, target_names : list of str
            Names of the pixels and of the classes.
        n_train : int
            How many leading rows are the official training part.
        DESCR : str
            Origin and terms of the data.

        or, with `return_X_y`, ``(data, target)``.

    Raises
    ------
    OSError
        When the data set can neither be found nor downloaded.
    ValueError
        When the file is damaged or holds something else.
    """
    return _fetch_images(FASHION_MNIST, data_home, download_if_missing, return_X_y)


def fetch_usps(
    *,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load USPS, 9,298 images of handwritten digits.

    The file is ``usps.npz``. A download may have its rows in another order.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder in which to look for the file, before the folder named by the
        environment variable ``SKDEEPCLUSTER_DATA``. Downloads are kept in it too.
    download_if_missing : bool, default=True
        Whether to try OpenML when the file is in neither folder.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch or tuple
        With the attributes

        data : ndarray of shape (9298, 256), float32
            The images, flattened row by row.
        images : ndarray of shape (9298, 16, 16), float32
            The same numbers as images.
        target : ndarray of shape (9298,), int64
            The class of each image.
        feature_names, target_names : list of str
            Names of the pixels and of the classes.
        n_train : int
            How many leading rows are the official training part. Not in a
            download.
        DESCR : str
            Origin and terms of the data.

        or, with `return_X_y`, ``(data, target)``.

    Raises
    ------
    OSError
        When the data set can neither be found nor downloaded.
    ValueError
        When the file is damaged or holds something else.
    """
    return _fetch_images(USPS, data_home, download_if_missing, return_X_y)


def fetch_coil20(
    *,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load COIL-20, 1,440 images of 20 objects on a turntable.

    The file is ``coil20.npz``. There is no download.

    Parameters
    ----------
    data_home : str or path-like, default=None
        Folder in which to look for the file, before the folder named by the
        environment variable ``SKDEEPCLUSTER_DATA``. Downloads are kept in it too.
    download_if_missing : bool, default=True
        Whether to try OpenML when the file is in neither folder.
    return_X_y : bool, default=False
        Return ``(data, target)`` instead of a Bunch.

    Returns
    -------
    bunch : Bunch or tuple
        With the attributes

        data : ndarray of shape (1440, 1024), uint8
            The images, flattened row by row.
        images : ndarray of shape (1440, 32, 32), uint8
            The same numbers as images.
        target : ndarray of shape (1440,), int64
            The class of each image.
        feature_names, target_names : list of str
            Names of the pixels and of the classes.
        pose : ndarray of shape (1440,), int64
            By how many times 5 degrees the object is turned, 0 to 71.
        DESCR : str
            Origin and terms of the data.

        or, with `return_X_y`, ``(data, target)``.

    Raises
    ------
    OSError
        When the data set can neither be found nor downloaded.
    ValueError
        When the file is damaged or holds something else.
    """
    return _fetch_images(COIL20, data_home, download_if_missing, return_X_y)
