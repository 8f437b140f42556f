"""Rows of an array, and functions of all of them in batches."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skdeepcluster.engine import Rows, _batches, apply_in_batches
from skdeepcluster.engine._batches import batch_bounds

CPU = torch.device("cpu")


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(5, 3, size=(50, 4))


def make_rows(X, center=None, scale=2.0):
    return Rows(X, np.arange(4.0) if center is None else center, scale, CPU)


# -- Rows --------------------------------------------------------------------------


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("convert", [np.array, np.asfortranarray, sparse.csr_array])
def test_rows__are_centred_and_scaled_in_float64_and_cast_last(X, convert, resident):
    rows = make_rows(convert(X))
    if resident:
        rows.keep_on_device()
    expected = ((X - np.arange(4.0)) / 2.0).astype(np.float32)
    index = torch.tensor([3, 0, 49, 3])
    assert rows.take(index).dtype == torch.float32
    np.testing.assert_array_equal(rows.take(index), expected[index])
    np.testing.assert_array_equal(rows.between(10, 13), expected[10:13])
    np.testing.assert_array_equal(rows.between(48, 99), expected[48:])


def test_rows__an_offset_of_1e12_costs_no_precision(X):
    moved = 1e12 + np.round(X, 1)
    result = make_rows(moved, center=np.full(4, 1e12), scale=1.0).between(0, 50)
    np.testing.assert_allclose(result, np.round(X, 1), atol=2e-4)


def test_rows__leave_X_alone(X):
    before = X.copy()
    X.flags.writeable = False
    rows = make_rows(X)
    rows.keep_on_device()
    rows.between(0, 50).zero_()
    make_rows(X).between(0, 50).zero_()
    np.testing.assert_array_equal(X, before)


def test_rows__what_is_too_large_is_not_kept(X, monkeypatch):
    monkeypatch.setattr(_batches, "RESIDENT_BYTES", 4 * X.size - 1)
    rows = make_rows(X)
    rows.keep_on_device()
    X[:] = 0  # seen only by rows that read X again
    assert rows.between(0, 50).max() <= 0

    monkeypatch.setattr(_batches, "RESIDENT_BYTES", 4 * X.size)
    rows = make_rows(X)
    rows.keep_on_device()
    X[:] = 100
    assert rows.between(0, 50).max() <= 0


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

    result = apply_in_batches(Rows(X, np.zeros(1), 1.0, CPU), double)
    np.testing.assert_array_equal(result, 2 * X)
    assert sum(sizes) == 1000


def test_apply__wide_rows_come_in_smaller_batches(monkeypatch):
    monkeypatch.setattr(_batches, "INFERENCE_VALUES", 4 * 300)
    sizes = []

    def note(x):
        sizes.append(len(x))
        return x

    apply_in_batches(Rows(np.zeros((700, 4)), np.zeros(4), 1.0, CPU), note)
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

    result = apply_in_batches(Rows(X, np.zeros(1), 1.0, CPU), function)
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

    rows = Rows(X, np.zeros(1), 1.0, CPU)
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
