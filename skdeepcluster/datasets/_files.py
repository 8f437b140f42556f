"""Find the file of a data set, read it and check it; else download the data set."""

import contextlib
import os
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path

import numpy as np
from sklearn.datasets import fetch_openml

VARIABLE = "SKDEEPCLUSTER_DATA"

# Objects or text; nothing; one array instead of an archive; a damaged archive.
_UNREADABLE = (ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error)


@dataclass(frozen=True)
class Dataset:
    """What is known about a data set before it is read.

    The values of `arrays` are shape and kinds of dtype (as in ``dtype.kind``) or one
    dtype. `openml` holds, for an array of rows, the arguments of ``fetch_openml``; the
    result is brought into the form of the file by `adapt`.
    """

    file: str
    arrays: dict[str, tuple[tuple[int, ...], str]]
    n_classes: int
    descr: str
    target_names: Sequence[str] = ()  # where the file does not have them
    openml: dict[str, dict] = field(default_factory=dict)
    adapt: Callable[[np.ndarray], np.ndarray] = np.asarray
    n_train: int | None = None  # of the download, where it has the file's order
    hint: str = ""


def load_arrays(
    dataset: Dataset,
    keys: Sequence[str],
    data_home: str | os.PathLike | None,
    download_if_missing: bool,
) -> dict[str, np.ndarray]:
    """The arrays named by `keys`, and `y` as int64, from the file or from OpenML."""
    path = _find(dataset.file, data_home)
    if path is not None:
        return _read(path, dataset)
    missing = (
        f"{dataset.file} is not in "
        + ("" if data_home is None else f"data_home={str(data_home)!r} or ")
        + f"the folder named by the environment variable {VARIABLE} "
        + f"({os.environ.get(VARIABLE) or 'which is not set'})"
    )
    if not download_if_missing:
        raise OSError(f"{missing}, and download_if_missing=False.")
    if not all(key in dataset.openml for key in keys):
        raise OSError(f"{missing}, and these rows cannot be downloaded. {dataset.hint}")
    try:
        return _download(dataset, keys, data_home)
    # All that fetch_openml is known to raise; without pandas it cannot read at all.
    except (OSError, ValueError, HTTPException, ImportError) as error:
        raise OSError(
            f"{missing}, and the download from OpenML failed: "
            f"{type(error).__name__}: {error}"
        ) from error


def _find(name: str, data_home: str | os.PathLike | None) -> Path | None:
    for folder in (data_home, os.environ.get(VARIABLE)):
        if folder:
            path = Path(folder).expanduser() / name
            if path.is_file():
                return path
    return None


def _read(path: Path, dataset: Dataset) -> dict[str, np.ndarray]:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in dataset.arrays if key in file.files}
    except _UNREADABLE as error:
        raise _wrong(path, f"it cannot be read ({error})") from error
    for key, (shape, kind) in dataset.arrays.items():
        if key not in arrays:
            raise _wrong(path, f"it has no array {key!r}")
        found = arrays[key]
        fits = found.dtype.kind == kind if len(kind) == 1 else found.dtype == kind
        if found.shape != shape or not fits:
            raise _wrong(
                path,
                f"{key!r} has shape {found.shape} and dtype {found.dtype} instead of "
                f"{shape} and {np.dtype(kind).name if len(kind) > 1 else kind}",
            )
    y = arrays["y"].astype(np.int64)
    if not np.array_equal(np.unique(y), np.arange(dataset.n_classes)):
        raise _wrong(
            path, f"'y' does not hold the classes 0 to {dataset.n_classes - 1}"
        )
    return {**arrays, "y": y}


def _wrong(path: Path, reason: str) -> ValueError:
    return ValueError(
        f"{path} is damaged or is another file than expected: {reason}. Replace or "
        "remove it."
    )


def _download(dataset, keys, data_home) -> dict[str, np.ndarray]:
    arrays = {}
    for key in keys:
        bunch = fetch_openml(**dataset.openml[key], data_home=data_home, as_frame=False)
        shape, dtype = dataset.arrays[key]
        rows = dataset.adapt(np.asarray(bunch.data))
        if rows.size != np.prod(shape) or len(rows) != shape[0]:
            raise ValueError(f"{key!r} has shape {rows.shape} instead of {shape}.")
        arrays[key] = rows.reshape(shape).astype(dtype)
        y = _codes(bunch.target)
        if not np.array_equal(np.unique(y), np.arange(dataset.n_classes)):
            raise ValueError(f"There are not {dataset.n_classes} classes.")
        if not np.array_equal(arrays.setdefault("y", y), y):
            raise ValueError("The views are not in the same order.")
    if dataset.n_train is not None:
        arrays["n_train"] = np.int64(dataset.n_train)
    return arrays


def _codes(target) -> np.ndarray:
    """Class numbers from 0: by value where the names are numbers, else by alphabet."""
    with contextlib.suppress(ValueError):
        target = np.asarray(target).astype(np.int64)
    return np.unique(target, return_inverse=True)[1].astype(np.int64)
