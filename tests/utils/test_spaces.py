"""Groups of columns, in all the ways in which a parameter can name them."""

import numpy as np
import pytest

from skdeepcluster.utils import resolve_spaces

NAMES = np.array(["a", "b", "c", "d", "e"], dtype=object)


def test_none__is_one_space_of_all_columns():
    (space,) = resolve_spaces(None, 5)
    assert space.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("space", "expected"),
    [
        (slice(1, 3), [1, 2]),
        (slice(None, None, 2), [0, 2, 4]),
        (slice(-2, None), [3, 4]),
        ((1, 4), [1, 2, 3]),
        ((np.int64(0), np.int64(5)), [0, 1, 2, 3, 4]),
        ([1, 4], [1, 4]),
        ([4, 0], [4, 0]),
        (np.array([2]), [2]),
        (["b", "e"], [1, 4]),
        (["d", 0], [3, 0]),
    ],
)
def test_space__in_each_form(space, expected):
    first, second = resolve_spaces([space, (0, 2)], 5, NAMES)
    assert first.dtype == np.int64
    assert first.tolist() == expected
    assert second.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        ([], "one space at least"),
        ((), "one space at least"),
        ([5], r"spaces\[0\] must be a slice"),
        ((0, 3), r"spaces\[0\] must be a slice"),  # a pair is one space, not all
        (["a"], r"spaces\[0\] must be a slice"),
        ([(0, 2), []], r"spaces\[1\] has no columns"),
        ([(3, 3)], r"spaces\[0\] has no columns"),
        ([slice(3, 3)], r"spaces\[0\] has no columns"),
        ([slice(3, 6)], r"spaces\[0\] goes beyond the 5 columns of X"),
        ([slice(-6, 3)], r"spaces\[0\] goes beyond the 5 columns of X"),
        ([(0, 3, 4)], r"spaces\[0\] must be a slice, a tuple \(start, stop\)"),
        ([("b", "e")], r"spaces\[0\] must be a slice, a tuple \(start, stop\)"),
        ([slice("a", "b")], r"spaces\[0\] must be a slice of numbers"),
        ([slice(0, 2.0)], r"spaces\[0\] must be a slice of numbers"),
        ([(0, 6)], "names the column 5, but those of X are 0 to 4"),
        ([(-1, 2)], "names the column -1"),
        ([[0, 5]], "names the column 5"),
        ([[1, 2, 1]], "a column twice"),
        ([["a", "f"]], "names the column 'f', which X does not have"),
        ([[0.5]], "must hold numbers or names of columns. Got 0.5"),
        ([[True, False]], "Got True"),
        ([np.array([True, False])], "numbers or names of columns"),
    ],
)
def test_nonsense__raises(spaces, message):
    with pytest.raises(ValueError, match=message):
        resolve_spaces(spaces, 5, NAMES)


def test_names__need_columns_that_have_names():
    with pytest.raises(ValueError, match="X has no names of columns"):
        resolve_spaces([["a"]], 5)
