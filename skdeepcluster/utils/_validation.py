"""Array checks that scikit-learn's own do not cover, without torch."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import sparray, spmatrix
from sklearn.preprocessing import StandardScaler

from skdeepcluster.utils._row_source import check_complete

# Also DataFrames and torch tensors, which can present themselves as arrays.
MatrixLike = ArrayLike | sparray | spmatrix

# Kept as they are, without a copy of the whole array: rows are cast in small blocks.
KEPT_DTYPES = [np.float64, np.float32, *np.typecodes["AllInteger"]]


def check_array_like(X):
    """Bring torch tensors and lists of images into NumPy; leave the rest alone."""
    if hasattr(X, "detach"):  # a torch tensor, on any device, with or without gradient
        X = X.detach().cpu()
        if X.is_floating_point() and X.element_size() < 4:  # bfloat16 is not in NumPy
            X = X.float()
        return X.numpy()
    if isinstance(X, (list, tuple)) and np.ndim(X[0] if X else 0) >= 2:
        return np.asarray(X)
    return X


def row_blocks(X, block_bytes: int = 2**23) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield ``(rows, block)``: consecutive rows of X as dense float64 copies."""
    size = max(1, block_bytes // (8 * X.shape[1]))
    for start in range(0, X.shape[0], size):
        check_complete(X)
        rows = slice(start, min(start + size, X.shape[0]))
        yield rows, dense_float64(X[rows])


def dense_float64(block) -> np.ndarray:
    """A float64 copy of rows of a dense array (any strides) or of a CSR matrix."""
    dense = block.toarray() if hasattr(block, "toarray") else block
    return np.array(dense, dtype=np.float64, order="C")


def check_out(out, shape: tuple, dtype: np.dtype) -> None:
    """Raise ValueError where a result of this shape and dtype cannot be written."""
    fits = isinstance(out, np.ndarray) and out.flags.writeable
    if not fits or out.shape != shape or not np.can_cast(dtype, out.dtype, "same_kind"):
        got = type(out).__name__
        if isinstance(out, np.ndarray):
            got = f"shape {out.shape}, dtype {out.dtype}, {out.flags.writeable=}"
        raise ValueError(
            f"out must be a writeable array of shape {shape} that can hold {dtype}. "
            f"Got {got}."
        )


def feature_scaling(
    X, gather: Callable[[tuple], list] = lambda part: [part]
) -> tuple[np.ndarray, float]:
    """Mean of every feature, and one global scale: the root of the mean variance.

    This is all the geometry k-means is invariant to. The scale is 1 where nothing
    varies beyond rounding. Where X is one part of the rows, `gather` turns what is
    known of it into a list of what is known of all parts.
    """
    moments = StandardScaler()
    for _, block in row_blocks(X):
        moments.partial_fit(block)
    parts = gather((X.shape[0], moments.mean_, moments.var_))
    n_rows, center, variance = parts[0] if len(parts) == 1 else _joint_moments(parts)
    rounding = (n_rows * np.finfo(np.float64).eps * center) ** 2
    scale = float(np.sqrt(np.where(variance <= rounding, 0.0, variance).mean()))
    if not np.isfinite(scale):
        raise ValueError(
            "The variance of X overflows float64. Divide X by a constant first."
        )
    return center, scale if scale > 0 else 1.0


def _joint_moments(parts):
    """Number, mean and variance of rows that are known in parts."""
    counts, means, variances = (np.array(values) for values in zip(*parts, strict=True))
    shares = (counts / counts.sum())[:, None]
    mean = (shares * means).sum(axis=0)
    variance = (shares * (variances + np.square(means - mean))).sum(axis=0)
    return int(counts.sum()), mean, variance
