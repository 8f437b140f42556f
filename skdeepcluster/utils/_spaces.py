"""Groups of columns that a parameter names."""

import numbers
from collections.abc import Sequence

import numpy as np


def resolve_spaces(
    spaces: Sequence | None, n_features: int, names: np.ndarray | None = None
) -> list[np.ndarray]:
    """Numbers of the columns of each space, from what the parameter `spaces` says.

    A space is a slice, a tuple ``(start, stop)``, or a list or array of the numbers or
    names of columns. None is one space of all columns.
    """
    if spaces is None:
        return [np.arange(n_features)]
    if not len(spaces):
        raise ValueError(
            "spaces must name one space at least, or be None for one of all columns. "
            f"Got {spaces!r}."
        )
    return [
        _columns(space, f"spaces[{number}]", n_features, names)
        for number, space in enumerate(spaces)
    ]


def check_same_spaces(spaces: Sequence | None, columns: list, before: list) -> None:
    """Raise ValueError where a warm start would go on with columns of other spaces."""
    if columns != before:
        raise ValueError(
            "warm_start=True goes on with the spaces of the fit before. Got "
            f"spaces={spaces!r}: set it to those, or warm_start=False."
        )


def _columns(space, where, n_features, names):
    if isinstance(space, tuple) and len(space) == 2 and all(map(_is_integer, space)):
        columns = np.arange(*space)
    elif isinstance(space, slice):
        ends = (space.start, space.stop, space.step)
        if not all(end is None or _is_integer(end) for end in ends):
            raise ValueError(f"{where} must be a slice of numbers. Got {space!r}.")
        if any(end is not None and abs(end) > n_features for end in ends[:2]):
            raise ValueError(
                f"{where} goes beyond the {n_features} columns of X. Got {space!r}."
            )
        columns = np.arange(n_features)[space]
    elif isinstance(space, (list, np.ndarray)):
        columns = [_column(one, where, names) for one in space]
    else:
        raise ValueError(
            f"{where} must be a slice, a tuple (start, stop) or a list of the numbers "
            f"or names of columns. Got {space!r}."
        )
    columns = np.array(columns, dtype=np.int64)
    if not len(columns):
        raise ValueError(f"{where} has no columns. Got {space!r}.")
    outside = columns[(columns < 0) | (columns >= n_features)]
    if len(outside):
        raise ValueError(
            f"{where} names the column {outside[0]}, but those of X are 0 to "
            f"{n_features - 1}. Got {space!r}."
        )
    if len(set(columns)) < len(columns):
        raise ValueError(f"{where} names a column twice. Got {space!r}.")
    return columns


def _column(one, where, names):
    if _is_integer(one):
        return int(one)
    if not isinstance(one, str):
        raise ValueError(
            f"{where} must hold numbers or names of columns. Got {one!r} in it."
        )
    if names is None:
        raise ValueError(
            f"{where} names the column {one!r}, but X has no names of columns. Use "
            "their numbers, or a DataFrame."
        )
    found = np.flatnonzero(names == one)
    if not len(found):
        raise ValueError(f"{where} names the column {one!r}, which X does not have.")
    return found[0]


def _is_integer(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
