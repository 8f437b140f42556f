"""Arrays that stay where they are: on a disk, or not computed yet."""

import math
import mmap

import numpy as np
from scipy.sparse import issparse


class RowSource:
    """Consecutive rows, read when they are asked for.

    Wraps any object with ``shape``, ``dtype`` and ``X[start:stop]``, which must give
    something that ``numpy.asarray`` understands: arrays of zarr, h5py or dask. Further
    dimensions are flattened row by row.
    """

    ndim = 2

    def __init__(self, X):
        self.X, self.dtype = X, X.dtype
        self.shape = X.shape[0], math.prod(X.shape[1:])

    def __getitem__(self, rows: slice) -> np.ndarray:
        block = np.asarray(self.X[rows])
        expected = len(range(*rows.indices(self.shape[0])))
        if len(block) != expected:
            raise ValueError(
                f"X[{rows.start}:{rows.stop}] of {type(self.X).__name__} gave "
                f"{len(block)} rows instead of {expected}."
            )
        return block.reshape(expected, self.shape[1])


def is_row_source(X) -> bool:
    """Whether X offers rows by slices without being an array, a matrix or a table."""
    known = isinstance(X, (np.ndarray, list, tuple)) or issparse(X)
    parts = ("shape", "dtype", "__getitem__")
    if known or not all(hasattr(X, part) for part in parts):
        return False
    return len(X.shape) > 1 and not hasattr(X, "__array_namespace__")


def check_complete(X, name: str = "X") -> None:
    """Raise ValueError when the file behind a memory map has become too short.

    Touching what is no longer there would end the process. Views of a memory map are
    looked through.
    """
    offset, file = 0, "a file"
    while isinstance(X, np.ndarray):
        if isinstance(X, np.memmap):
            offset, file = X.offset or 0, X.filename or file
        X = X.base
    if not isinstance(X, mmap.mmap):
        return
    begin = offset - offset % mmap.ALLOCATIONGRANULARITY
    try:
        size = X.size()
    except (OSError, ValueError):  # of no file, or closed
        return
    if size < begin + len(X):
        raise ValueError(
            f"{name} is a memory map of {file}, which holds {size} bytes where "
            f"{begin + len(X)} are mapped: the file has been truncated. Write it anew."
        )
