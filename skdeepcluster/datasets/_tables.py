"""Loaders of tables and of documents."""

import os
from typing import Literal

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.utils import Bunch

from skdeepcluster.datasets._files import Dataset, load_arrays

ISOLET = Dataset(
    file="isolet1560.npz",
    arrays={"X": ((1560, 617), "float32"), "y": ((1560,), "u")},
    n_classes=26,
    target_names=tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ"),
    hint="All 7,797 rows of ISOLET are what fetch_openml(name='isolet') gives.",
    descr="""ISOLET: spoken names of letters

1,560 utterances, 60 of each letter of the alphabet, with 617 acoustic features from
-1 to 1. This is the part of the 7,797 rows that papers on clustering and on feature
selection use.

Origin: R. Cole, M. Fanty (1991). ISOLET. UCI Machine Learning Repository.
doi:10.24432/C51G69.
Terms: Creative Commons BY 4.0.
""",
)

MICE_PROTEIN = Dataset(
    file="mice_protein.npz",
    arrays={
        "X": ((1080, 77), "float32"),
        "y": ((1080,), "u"),
        "class_names": ((8,), "U"),
        "mouse_id": ((1080,), "U"),
    },
    n_classes=8,
    target_names=(
        "c-CS-m",
        "c-CS-s",
        "c-SC-m",
        "c-SC-s",
        "t-CS-m",
        "t-CS-s",
        "t-SC-m",
        "t-SC-s",
    ),
    openml={"X": {"name": "MiceProtein", "version": 4}},
    descr="""Mice Protein Expression

Levels of 77 proteins in the cortex of 72 mice, 15 measurements of each, with 1,396
missing values (NaN). Eight classes by genotype (c: control, t: trisomic), behaviour
(CS: stimulated to learn, SC: not) and treatment (m: memantine, s: saline).

Origin: C. Higuera, K. J. Gardiner, K. J. Cios (2015). Self-organizing feature maps
identify proteins critical to learning in a mouse model of Down syndrome. PLoS ONE
10(6), e0129126. doi:10.1371/journal.pone.0129126. UCI Machine Learning Repository,
doi:10.24432/C50S3Z.
Terms: Creative Commons BY 4.0.
""",
)

VIEWS = {  # in the file and its documentation; on OpenML
    "fac": ((2000, 216), "uint16", "mfeat-factors"),
    "fou": ((2000, 76), "float64", "mfeat-fourier"),
    "kar": ((2000, 64), "float64", "mfeat-karhunen"),
    "mor": ((2000, 6), "float64", "mfeat-morphological"),
    "pix": ((2000, 240), "uint8", "mfeat-pixel"),
    "zer": ((2000, 47), "float64", "mfeat-zernike"),
}

MFEAT = Dataset(
    file="mfeat.npz",
    arrays={
        **{view: (shape, dtype) for view, (shape, dtype, _) in VIEWS.items()},
        "y": ((2000,), "u"),
    },
    n_classes=10,
    target_names=tuple("0123456789"),
    openml={key: {"name": name, "version": 1} for key, (_, _, name) in VIEWS.items()},
    descr="""Multiple Features: six descriptions of 2,000 handwritten digits

200 of each digit, in order. fac: 216 profile correlations; fou: 76 Fourier coefficients
of the shape; kar: 64 Karhunen-Loeve coefficients; mor: 6 morphological features; pix:
averages of an image of 16 rows and 15 columns, 0 to 6; zer: 47 Zernike moments. The
scales of the views differ by orders of magnitude.

Origin: R. P. W. Duin (1998). Multiple Features. UCI Machine Learning Repository.
doi:10.24432/C5HC70.
Terms: Creative Commons BY 4.0.
""",
)

R8 = ("earn", "acq", "crude", "trade", "money-fx", "interest", "ship", "grain")

REUTERS = Dataset(
    file="reuters_r52.npz",
    arrays={
        "tfidf": ((301022,), "float32"),
        "counts": ((301022,), "u"),
        "indices": ((301022,), "u"),
        "indptr": ((9101,), "i"),
        "shape": ((2,), "i"),
        "y": ((9100,), "u"),
        "class_names": ((52,), "U"),
        "vocabulary": ((2000,), "U"),
        "n_train": ((), "i"),
    },
    n_classes=52,
    hint="Put the file into one of these folders.",
    descr="""Reuters-21578, the parts R52 and R8

Newswire stories of 1987 with exactly one topic, in the "ModApte" split: R52 has 9,100
documents in 52 topics that occur in both parts, R8 those 7,674 in the eight most
frequent topics of the collection. The 2,000 most frequent words, without English stop
words and without non-letters, as counts and as tf-idf (sublinear tf, rows of length 1).
It is not the part of RCV1 that papers on deep clustering call Reuters-10k.

Origin: D. D. Lewis (1997). Reuters-21578 text categorization collection. UCI Machine
Learning Repository. doi:10.24432/C52G6M.
Terms: copyright of the text and of its annotations by Reuters Ltd.; free for research.
""",
)


def fetch_isolet(
    *,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load ISOLET, 1,560 spoken letters.

    The file is ``isolet1560.npz``. There is no download of these rows.

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

        data : ndarray of shape (1560, 617), float32
            From -1 to 1.
        target : ndarray of shape (1560,), int64
            The letter, 0 to 25.
        target_names : list of str
            A to Z.
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
    arrays = load_arrays(ISOLET, ["X"], data_home, download_if_missing)
    if return_X_y:
        return arrays["X"], arrays["y"]
    return Bunch(
        data=arrays["X"],
        target=arrays["y"],
        target_names=list(ISOLET.target_names),
        DESCR=ISOLET.descr,
    )


def fetch_mice_protein(
    *,
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load Mice Protein Expression, 1,080 rows with missing values.

    The file is ``mice_protein.npz``.

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

        data : ndarray of shape (1080, 77), float32
            Protein levels, NaN where missing.
        target : ndarray of shape (1080,), int64
            The class, 0 to 7.
        target_names : list of str
            Names of the classes.
        mouse_id : ndarray of shape (1080,), str
            Which mouse each row is from. Not in a download.
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
    arrays = load_arrays(MICE_PROTEIN, ["X"], data_home, download_if_missing)
    if return_X_y:
        return arrays["X"], arrays["y"]
    bunch = Bunch(
        data=arrays["X"],
        target=arrays["y"],
        target_names=list(MICE_PROTEIN.target_names),
        DESCR=MICE_PROTEIN.descr,
    )
    if "mouse_id" in arrays:
        bunch.mouse_id = arrays["mouse_id"]
    return bunch


def fetch_mfeat(
    *,
    view: Literal["all", "fac", "fou", "kar", "mor", "pix", "zer"] = "all",
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[np.ndarray, np.ndarray]:
    """Load Multiple Features, six descriptions of 2,000 handwritten digits.

    The file is ``mfeat.npz``.

    Parameters
    ----------
    view : {"all", "fac", "fou", "kar", "mor", "pix", "zer"}, default="all"
        One of the descriptions, or all of them side by side in this order.
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

        data : ndarray of shape (2000, n_features)
            216 (fac), 76 (fou), 64 (kar), 6 (mor), 240 (pix) or 47 (zer) features, or
            all 649 as float64; fac is uint16, pix uint8, and the others are float64.
        images : ndarray of shape (2000, 16, 15), uint8
            Only with the view "pix".
        target : ndarray of shape (2000,), int64
            The digit.
        feature_names, target_names : list of str
            Names of the features, which begin with that of the view, and of the digits.
        DESCR : str
            Origin and terms of the data.

        or, with `return_X_y`, ``(data, target)``.

    Raises
    ------
    OSError
        When the data set can neither be found nor downloaded.
    ValueError
        When `view` is unknown, or the file is damaged or holds something else.
    """
    if view != "all" and view not in VIEWS:
        raise ValueError(f"view must be 'all' or one of {list(VIEWS)}. Got {view!r}.")
    keys = list(VIEWS) if view == "all" else [view]
    arrays = load_arrays(MFEAT, keys, data_home, download_if_missing)
    data = np.hstack([arrays[key] for key in keys]) if view == "all" else arrays[view]
    if return_X_y:
        return data, arrays["y"]
    bunch = Bunch(
        data=data,
        target=arrays["y"],
        feature_names=[f"{key}_{i}" for key in keys for i in range(VIEWS[key][0][1])],
        target_names=list(MFEAT.target_names),
        DESCR=MFEAT.descr,
    )
    if view == "pix":
        bunch.images = data.reshape(-1, 16, 15)
    return bunch


def fetch_reuters(
    *,
    subset: Literal["R52", "R8"] = "R52",
    data_home: str | os.PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
) -> Bunch | tuple[csr_matrix, np.ndarray]:
    """Load R52 or R8, parts of the Reuters-21578 collection, as tf-idf.

    The file is ``reuters_r52.npz``. There is no download.

    Parameters
    ----------
    subset : {"R52", "R8"}, default="R52"
        9,100 documents in 52 topics, or the 7,674 of them in eight frequent topics.
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

        data : csr_matrix of shape (n_samples, 2000), float32
            Tf-idf values; rows have length 1.
        counts : csr_matrix of shape (n_samples, 2000), uint16
            How often each word occurs in each document.
        target : ndarray of shape (n_samples,), int64
            The topic; 0 is the most frequent one.
        feature_names, target_names : list of str
            The words and the topics.
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
        When `subset` is unknown, or the file is damaged or holds something else.
    """
    if subset not in ("R52", "R8"):
        raise ValueError(f"subset must be 'R52' or 'R8'. Got {subset!r}.")
    arrays = load_arrays(REUTERS, ["tfidf"], data_home, download_if_missing)
    columns, starts = arrays["indices"].astype(np.int32), arrays["indptr"]
    shape = tuple(arrays["shape"].tolist())
    tfidf = csr_matrix((arrays["tfidf"], columns, starts), shape=shape)
    counts = csr_matrix((arrays["counts"], columns, starts), shape=shape)
    names, target, n_train = arrays["class_names"], arrays["y"], int(arrays["n_train"])
    if subset == "R8":
        topics = np.flatnonzero(np.isin(names, R8))
        rows = np.isin(target, topics)
        tfidf, counts, n_train = tfidf[rows], counts[rows], int(rows[:n_train].sum())
        names, target = names[topics], np.searchsorted(topics, target[rows])
    if return_X_y:
        return tfidf, target
    return Bunch(
        data=tfidf,
        counts=counts,
        target=target,
        feature_names=arrays["vocabulary"].tolist(),
        target_names=names.tolist(),
        n_train=n_train,
        DESCR=REUTERS.descr,
    )
