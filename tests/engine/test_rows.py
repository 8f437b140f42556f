"""Rows of an array: in order, at random, a sample."""

import numpy as np
import pytest
import torch
from scipy import sparse

from skdeepcluster.engine import _rows
from skdeepcluster.utils import RowSource
from tests.engine._rows import make_rows

# -- Rows --------------------------------------------------------------------------


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("convert", [np.array, np.asfortranarray, sparse.csr_array])
def test_rows__are_centred_and_scaled_in_float64_and_cast_last(X, convert, resident):
    rows = make_rows(convert(X))
    if resident:
        rows.keep_on_device()
    expected = ((X - np.arange(4.0)) / 2.0).astype(np.float32)
    for x, index in rows.batches([(0, 20), (20, 50)], torch.Generator()):
        assert x.dtype == torch.float32
        np.testing.assert_array_equal(x, expected[index])
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
    monkeypatch.setattr(_rows, "RESIDENT_BYTES", 4 * X.size - 1)
    rows = make_rows(X)
    rows.keep_on_device()
    X[:] = 0  # seen only by rows that read X again
    assert rows.between(0, 50).max() <= 0

    monkeypatch.setattr(_rows, "RESIDENT_BYTES", 4 * X.size)
    rows = make_rows(X)
    rows.keep_on_device()
    X[:] = 100
    assert rows.between(0, 50).max() <= 0


@pytest.mark.parametrize("convert", [np.array, np.asfortranarray, sparse.csr_array])
def test_rows__of_bytes_can_stay_bytes(X, convert):
    pixels = X.clip(0, 255).astype(np.uint8)
    rows, expected = make_rows(convert(pixels)), make_rows(pixels)
    rows._keeps_bytes = True  # as on a GPU
    for each in (rows, expected):
        each.keep_on_device()
    assert rows._resident.dtype == torch.uint8
    bounds = [(0, 20), (20, 50)]
    for one, other in zip(
        rows.batches(bounds, torch.Generator().manual_seed(0)),
        expected.batches(bounds, torch.Generator().manual_seed(0)),
        strict=True,
    ):
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.index, other.index)
    assert torch.equal(rows.between(3, 9), expected.between(3, 9))
    assert torch.equal(rows.sample(10, 0), expected.sample(10, 0))


# -- any rows ----------------------------------------------------------------------


class Slices:
    """An array that gives consecutive rows only, and notes which."""

    def __init__(self, X):
        self.X, self.shape, self.dtype, self.asked = X, X.shape, X.dtype, []

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        self.asked.append(rows.start)
        return self.X[rows]


FORMS = {
    "array": np.array,
    "Fortran": np.asfortranarray,
    "CSR": sparse.csr_array,
    "source": lambda X: RowSource(Slices(X)),
}
each_form = pytest.mark.parametrize("form", FORMS)


@each_form
@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize(
    "index", [[7], [3, 4, 5], [49, 0, 17], [9, 2, 9, 9, 2, 0], list(range(50))[::-1]]
)
def test_take__gives_these_rows_in_this_order(X, monkeypatch, form, resident, index):
    if not resident:
        monkeypatch.setattr(_rows, "RESIDENT_BYTES", 0)
    rows = make_rows(FORMS[form](X))
    rows.keep_on_device()
    assert rows.is_resident == resident
    index = torch.tensor(index)
    before = index.clone()
    x = rows.take(index)
    assert x.dtype == torch.float32
    expected = ((X - np.arange(4.0)) / 2.0).astype(np.float32)[index.numpy()]
    np.testing.assert_array_equal(x, expected)
    assert torch.equal(index, before)


def test_take__of_a_memory_map(X, tmp_path, monkeypatch):
    np.save(tmp_path / "X.npy", X)
    monkeypatch.setattr(_rows, "RESIDENT_BYTES", 0)
    rows = make_rows(np.load(tmp_path / "X.npy", mmap_mode="r"))
    index = torch.tensor([30, 1, 30, 12])
    assert torch.equal(rows.take(index), make_rows(X).between(0, 50)[index])


def test_take__reads_each_row_once_and_goes_one_way(X):
    source = Slices(X)
    make_rows(RowSource(source)).take(torch.tensor([9, 2, 9, 30, 2]))
    assert source.asked == [2, 9, 30]


@pytest.mark.parametrize("keeps_bytes", [False, True])
def test_take__of_bytes(X, keeps_bytes):
    pixels = X.clip(0, 255).astype(np.uint8)
    rows = make_rows(pixels)
    rows._keeps_bytes = keeps_bytes  # as on a GPU
    rows.keep_on_device()
    index = torch.tensor([9, 2, 9, 49])
    assert torch.equal(rows.take(index), make_rows(pixels).between(0, 50)[index])


def test_take__what_it_gives_is_a_copy(X):
    rows = make_rows(X)
    rows.keep_on_device()
    before = rows.between(0, 50).clone()
    rows.take(torch.arange(50)).zero_()
    assert torch.equal(rows.between(0, 50), before)


# -- random order ------------------------------------------------------------------


@pytest.fixture
def numbers():
    """1,000 rows that hold their own number, read in blocks and windows of few."""
    return np.arange(1000.0)[:, None]


def numbered(numbers, monkeypatch, block, window, resident=False):
    monkeypatch.setattr(_rows, "BLOCK_BYTES", 4 * block)
    monkeypatch.setattr(_rows, "WINDOW_BYTES", 4 * window)
    rows = make_rows(numbers, np.zeros(1), 1.0)
    if resident:
        rows.keep_on_device()
    return rows


def drawn(rows, bounds, seed=0):
    batches = list(rows.batches(bounds, torch.Generator().manual_seed(seed)))
    for x, index in batches:
        np.testing.assert_array_equal(x[:, 0], index)
    return [index.tolist() for _, index in batches]


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("block", [1, 7, 100, 1000, 5000])
@pytest.mark.parametrize("window", [1, 64, 300, 10_000])
def test_batches__hold_every_row_once(numbers, monkeypatch, resident, block, window):
    rows = numbered(numbers, monkeypatch, block, window, resident)
    bounds = [(start, min(start + 64, 1000)) for start in range(0, 1000, 64)]
    batches = drawn(rows, bounds)
    assert [len(batch) for batch in batches] == [stop - start for start, stop in bounds]
    assert sorted(sum(batches, [])) == list(range(1000))
    assert batches == drawn(rows, bounds)
    assert batches != drawn(rows, bounds, seed=1)


@pytest.mark.parametrize("resident", [True, False])
def test_batches__can_begin_in_the_middle(numbers, monkeypatch, resident):
    rows = numbered(numbers, monkeypatch, 10, 200, resident)
    bounds = [(start, start + 40) for start in range(0, 1000, 40)]
    assert drawn(rows, bounds[13:]) == drawn(rows, bounds)[13:]


def test_windows__read_every_block_once_and_mix_the_whole_array(numbers, monkeypatch):
    rows = numbered(numbers, monkeypatch, 10, 200)
    read = []
    between = rows.between

    def noted(start, stop):
        read.append((start, stop))
        return between(start, stop)

    rows.between = noted
    batches = drawn(rows, [(start, start + 50) for start in range(0, 1000, 50)])
    assert sorted(read) == [(start, start + 10) for start in range(0, 1000, 10)]
    # 20 blocks of 10 rows in each window: a batch has rows from most of them.
    for batch in batches:
        assert len({row // 10 for row in batch}) > 10
        assert max(batch) - min(batch) > 500


def test_windows__hold_no_more_than_they_may(numbers, monkeypatch):
    rows = numbered(numbers, monkeypatch, 10, 200)
    windows = _rows.Windows(rows, torch.Generator())
    assert [int(size.sum()) for size in windows.sizes] == [200] * 5


# -- samples -----------------------------------------------------------------------


@pytest.mark.parametrize("resident", [True, False])
@pytest.mark.parametrize("size", [1, 30, 999, 1000, 5000])
def test_sample__has_different_rows(numbers, monkeypatch, resident, size):
    monkeypatch.setattr(_rows, "SAMPLE_BLOCKS", 25)
    rows = numbered(numbers, monkeypatch, 10, 200, resident)
    values = rows.sample(size, seed=0)[:, 0].tolist()
    assert len(set(values)) == len(values)
    expected = min(size, 1000)
    assert expected - 25 < len(values) <= expected
    assert values == rows.sample(size, seed=0)[:, 0].tolist()


def test_sample__comes_from_all_over_the_array(numbers, monkeypatch):
    monkeypatch.setattr(_rows, "SAMPLE_BLOCKS", 25)
    values = numbered(numbers, monkeypatch, 10, 200).sample(100, seed=0).numpy()
    assert np.histogram(values, bins=10, range=(0, 1000))[0].min() >= 4


@pytest.mark.parametrize("resident", [True, False])
def test_sampled__gives_no_more_than_a_part_at_once(numbers, monkeypatch, resident):
    monkeypatch.setattr(_rows, "SAMPLE_BLOCKS", 20)
    monkeypatch.setattr(_rows, "SAMPLE_PART", 32)
    rows = numbered(numbers, monkeypatch, 10, 200, resident)
    parts = list(rows.sampled(500, seed=0))
    assert max(len(part) for part in parts) <= 32
    assert torch.equal(torch.cat(parts), rows.sample(500, seed=0))
