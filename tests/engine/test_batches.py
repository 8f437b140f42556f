"""Functions of all rows, in batches."""

import numpy as np
import pytest
import torch

from skdeepcluster.engine import Group, _batches, apply_in_batches
from skdeepcluster.engine._batches import batch_bounds, shared_bounds
from tests.engine._rows import make_rows

# -- batch_bounds ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_samples", "batch_size", "expected"),
    [
        (10, 4, [(0, 4), (4, 8), (8, 10)]),
        (9, 4, [(0, 4), (4, 9)]),  # a last batch of one row joins the one before
        (8, 4, [(0, 4), (4, 8)]),
        (3, 4, [(0, 3)]),
        (1, 4, [(0, 1)]),
        (4, 1, [(0, 1), (1, 2), (2, 4)]),
        (1, 1, [(0, 1)]),
    ],
)
def test_batch_bounds(n_samples, batch_size, expected):
    assert batch_bounds(n_samples, batch_size) == expected


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 64])
def test_batch_bounds__cover_every_row_once(batch_size):
    for n_samples in range(1, 130):
        bounds = batch_bounds(n_samples, batch_size)
        rows = [row for start, stop in bounds for row in range(start, stop)]
        assert rows == list(range(n_samples))
        sizes = [stop - start for start, stop in bounds]
        assert max(sizes) <= batch_size + 1
        assert n_samples == 1 or sizes[-1] > 1


# -- apply_in_batches --------------------------------------------------------------


def test_apply__keeps_the_order_over_many_batches():
    X = np.arange(1000.0)[:, None]
    sizes = []

    def double(x):
        sizes.append(len(x))
        return 2 * x

    result = apply_in_batches(make_rows(X, np.zeros(1), 1.0), double)
    np.testing.assert_array_equal(result, 2 * X)
    assert sum(sizes) == 1000


def test_apply__wide_rows_come_in_smaller_batches(monkeypatch):
    monkeypatch.setattr(_batches, "INFERENCE_VALUES", 4 * 300)
    sizes = []

    def note(x):
        sizes.append(len(x))
        return x

    apply_in_batches(make_rows(np.zeros((700, 4))), note)
    assert sizes == [300, 300, 100]


def test_apply__makes_no_gradients(X):
    weight = torch.ones(4, requires_grad=True)
    assert not apply_in_batches(make_rows(X), lambda x: x * weight).requires_grad


@pytest.mark.parametrize("most", [255, 100, 3, 1])
def test_apply__out_of_memory_halves_the_batch_and_goes_on(most):
    X = np.arange(600.0)[:, None]
    sizes = []

    def function(x):
        if len(x) > most:
            raise torch.OutOfMemoryError
        sizes.append(len(x))
        return x + 1

    result = apply_in_batches(make_rows(X, np.zeros(1), 1.0), function)
    np.testing.assert_array_equal(result, X + 1)
    assert max(sizes) > most / 2
    assert sum(sizes) == 600


@pytest.mark.parametrize("most", [1000, 100, 7])
def test_apply__what_belongs_to_rows_stays_with_them(most):
    X = np.arange(600.0)[:, None]
    signs, numbers = torch.ones(600, 1), torch.arange(600)
    signs[::2] = -1

    def function(x, sign, number):
        if len(x) > most:
            raise torch.OutOfMemoryError
        return torch.cat([x * sign, number[:, None]], dim=1)

    rows = make_rows(X, np.zeros(1), 1.0)
    result = apply_in_batches(rows, function, signs, numbers)
    np.testing.assert_array_equal(result[:, :1], X * signs.numpy())
    np.testing.assert_array_equal(result[:, 1], np.arange(600))


def test_apply__out_of_memory_with_one_row_raises(X):
    def function(x):
        raise torch.OutOfMemoryError("not even one")

    with pytest.raises(torch.OutOfMemoryError, match="not even one"):
        apply_in_batches(make_rows(X), function)


def test_apply__other_errors_are_not_retried(X):
    calls = []

    def function(x):
        calls.append(len(x))
        raise RuntimeError("shapes do not fit")

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        apply_in_batches(make_rows(X), function)
    assert len(calls) == 1


@pytest.mark.parametrize("batch_size", [2, 3, 20])
@pytest.mark.parametrize("n_samples", [1, 2, 3, 5, 20, 21, 59, 60, 61])
def test_even_batches__differ_by_a_row_at_most(n_samples, batch_size):
    bounds, shares = shared_bounds(n_samples, batch_size, Group(), even=True)
    sizes = np.diff(bounds).ravel()
    assert bounds[0][0] == 0
    assert [stop for _, stop in bounds[:-1]] == [start for start, _ in bounds[1:]]
    assert sizes.sum() == n_samples
    assert sizes.max() - sizes.min() <= 1
    assert sizes.max() <= 1.5 * batch_size + 1
    assert sizes.min() >= min(2, n_samples)  # one row has no batch statistics
    np.testing.assert_allclose(shares, 1.0)
