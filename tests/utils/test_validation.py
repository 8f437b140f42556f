"""Arrays in, blocks out, and the scaling that k-means does not feel."""

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse

from skdeepcluster.utils import check_array_like, feature_scaling, row_blocks


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(5, [1, 2, 30], size=(200, 3))


# -- check_array_like --------------------------------------------------------------


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [
        (torch.float64, np.float64),
        (torch.float32, np.float32),
        (torch.float16, np.float32),
        (torch.bfloat16, np.float32),
        (torch.uint8, np.uint8),
        (torch.int64, np.int64),
        (torch.bool, np.bool_),
    ],
)
def test_tensors__keep_their_values(dtype, expected):
    tensor = torch.tensor([[0, 1], [1, 0]], dtype=dtype)
    result = check_array_like(tensor)
    assert type(result) is np.ndarray
    assert result.dtype == expected
    np.testing.assert_array_equal(result, [[0, 1], [1, 0]])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_tensors__with_gradients(dtype):
    tensor = torch.ones(2, 2, dtype=dtype, requires_grad=True)
    np.testing.assert_array_equal(check_array_like(2 * tensor), 2 * np.ones((2, 2)))


def test_tensors__are_not_copied():
    tensor = torch.zeros(2, 2)
    assert np.shares_memory(check_array_like(tensor), tensor.numpy())


@pytest.mark.parametrize(
    "X",
    [
        np.ones((2, 2)),
        sparse.csr_array((2, 2)),
        pd.DataFrame([[1]]),
        [[1, 2]],
        [],
        None,
    ],
)
def test_other_things__are_left_alone(X):
    assert check_array_like(X) is X


def test_lists_of_images__become_arrays():
    images = [np.zeros((4, 3)), np.ones((4, 3))]
    assert check_array_like(images).shape == (2, 4, 3)
    assert check_array_like([[[1, 2]], [[3, 4]]]).shape == (2, 1, 2)


# -- row_blocks --------------------------------------------------------------------


@pytest.mark.parametrize("block_bytes", [1, 24, 100, 2**23])
@pytest.mark.parametrize("convert", [np.array, np.asfortranarray, sparse.csr_array])
def test_row_blocks__cover_all_rows_in_order(X, convert, block_bytes):
    slices, blocks = zip(*row_blocks(convert(X), block_bytes), strict=True)
    np.testing.assert_array_equal(np.concatenate(blocks), X)
    for rows, block in zip(slices, blocks, strict=True):
        np.testing.assert_array_equal(block, X[rows])
        assert block.dtype == np.float64
        assert block.nbytes <= max(block_bytes, 24)


def test_row_blocks__are_copies(X):
    before = X.copy()
    for _, block in row_blocks(X):
        block[:] = 0
    np.testing.assert_array_equal(X, before)


# -- feature_scaling ---------------------------------------------------------------


@pytest.mark.parametrize(
    "convert", [np.array, np.float32, np.int64, sparse.csr_array, np.asfortranarray]
)
def test_scaling__against_numpy(X, convert):
    X = np.round(X)
    center, scale = feature_scaling(convert(X))
    np.testing.assert_allclose(center, X.mean(axis=0), rtol=1e-12)
    assert scale == pytest.approx(np.sqrt(X.var(axis=0).mean()), rel=1e-12)
    assert type(scale) is float


def test_scaling__over_many_blocks(X, monkeypatch):
    expected = feature_scaling(X)
    blocks = list(row_blocks(X, 100))
    assert len(blocks) > 40
    monkeypatch.setattr("skdeepcluster.utils._validation.row_blocks", lambda _: blocks)
    center, scale = feature_scaling(X)
    np.testing.assert_allclose(center, expected[0], rtol=1e-12)
    assert scale == pytest.approx(expected[1], rel=1e-12)


def test_scaling__with_an_offset_of_1e12(X):
    center, scale = feature_scaling(1e12 + X)
    np.testing.assert_allclose(center - 1e12, X.mean(axis=0), atol=1e-3)
    assert scale == pytest.approx(np.sqrt(X.var(axis=0).mean()), rel=1e-3)


@pytest.mark.parametrize("factor", [1e-100, 1e-12, 1e12, 1e100])
def test_scaling__follows_the_unit(X, factor):
    assert feature_scaling(factor * X)[1] == pytest.approx(
        factor * feature_scaling(X)[1], rel=1e-12
    )


@pytest.mark.parametrize("value", [0.0, 7.3, 0.1, -1e12, 1e-12, 1e150])
@pytest.mark.parametrize("n_samples", [1, 3, 1000])
def test_scaling__is_one_where_nothing_varies(value, n_samples):
    center, scale = feature_scaling(np.full((n_samples, 2), value))
    np.testing.assert_allclose(center, value, rtol=1e-12)
    assert scale == 1.0


def test_scaling__constant_columns_lower_the_mean_variance_only(X):
    wider = np.hstack([X, np.full((200, 3), 0.1)])
    expected = feature_scaling(X)[1] / np.sqrt(2)
    assert feature_scaling(wider)[1] == pytest.approx(expected, rel=1e-12)


def test_scaling__overflow_raises(X):
    with (
        pytest.raises(ValueError, match="overflows float64"),
        np.errstate(all="ignore"),
    ):
        feature_scaling(1e200 * X)
