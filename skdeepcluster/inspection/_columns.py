"""Rows of any kind as named columns of numbers or categories."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from scipy.stats import rankdata
from sklearn.utils import check_array

from skdeepcluster.utils import check_array_like


class Column(NamedTuple):
    """One feature of all rows."""

    name: str
    values: np.ndarray  # (n_samples,) float64 or str
    missing: np.ndarray  # (n_samples,) bool
    is_number: bool


def read_columns(X, feature_names=None) -> list[Column]:
    """Columns of a data frame, or of an array, CSR matrix or tensor of numbers.

    Columns of a data frame that are neither numbers, nor booleans, nor text are left
    out. `feature_names` replace the names that the columns have.
    """
    if hasattr(X, "columns"):
        names = _checked_names(feature_names, [str(name) for name in X.columns])
        series = (X[own] for own in X.columns)
        read = map(_read_series, names, series)
        return [column for column in read if column is not None]
    X = check_array_like(X)
    if not issparse(X) and np.ndim(X) > 2:
        X = np.reshape(X, (len(X), -1))
    X = check_array(X, accept_sparse="csc", ensure_all_finite="allow-nan")
    names = _checked_names(feature_names, [f"x{i}" for i in range(X.shape[1])])
    return [_number(name, _dense(X, i)) for i, name in enumerate(names)]


def cliffs_delta(column: Column, codes: np.ndarray, n_groups: int) -> np.ndarray:
    """Effect size of each group against the rest: (n_groups,) in [-1, 1].

    Over all pairs of a row of the group and another row, the share in which the former
    is larger minus the share in which it is smaller; nan where there is no pair.
    """
    known = codes[~column.missing]
    ranks = rankdata(column.values[~column.missing])
    own = np.bincount(known, minlength=n_groups)
    sums = np.bincount(known, weights=ranks, minlength=n_groups)
    won = sums - own * (own + 1) / 2  # pairs; ties count one half
    return _ratio(2 * won, own * (len(known) - own)) - 1


def cohens_d(column: Column, codes: np.ndarray, n_groups: int) -> np.ndarray:
    """Difference to the mean of the rest in pooled standard deviations: (n_groups,)."""
    known, values = codes[~column.missing], column.values[~column.missing]
    groups = np.arange(n_groups)
    result = np.full(n_groups, np.nan)
    for group in groups:
        own, rest = values[known == group], values[known != group]
        if len(own) and len(rest) and len(values) > 2:
            squares = len(own) * own.var() + len(rest) * rest.var()
            spread = np.sqrt(squares / (len(values) - 2))
            difference = own.mean() - rest.mean()
            result[group] = _ratio(difference, spread) if difference else 0.0
    return result


def _checked_names(feature_names, own):
    if feature_names is None:
        return own
    if len(feature_names) != len(own):
        raise ValueError(
            f"feature_names has {len(feature_names)} names, but X has {len(own)} "
            "columns. Give one name for each of them."
        )
    return [str(name) for name in feature_names]


def _dense(X, i):
    return X[:, [i]].toarray().ravel() if issparse(X) else X[:, i]


def _number(name, values):
    values = np.asarray(values, dtype=np.float64)
    return Column(name, values, np.isnan(values), is_number=True)


def _read_series(name, series):
    """A column of a pandas or polars frame; None for dates and the like."""
    missing = series.isna() if hasattr(series, "isna") else series.is_null()
    missing = np.asarray(missing, dtype=bool)
    # pandas' own dtypes tell their kind; arrays made of them may hold objects.
    kind = getattr(series.dtype, "kind", None) or np.asarray(series).dtype.kind
    if kind in "iuf":
        values = np.full(len(missing), np.nan)
        values[~missing] = np.asarray(series, dtype=object)[~missing]
        return _number(name, values)
    if kind not in "bOUST":
        return None
    values = np.array([str(value) for value in np.asarray(series, dtype=object)])
    return Column(name, values, missing, is_number=False)


def _ratio(numerator, denominator):
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.divide(numerator, denominator)
