"""Reconstruction losses."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import mean_squared_error
from tests.references import reconstruction as reference


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (7, 1), (9, 5)])
def test_mean_squared_error__against_the_reference(shape):
    x_hat, x = np.random.default_rng(0).normal(size=(2, *shape))
    expected = reference.mean_squared_error(x_hat, x)
    result = mean_squared_error(torch.tensor(x_hat), torch.tensor(x).float())
    assert result.shape == ()
    assert float(result) == pytest.approx(expected, rel=1e-5)


def test_mean_squared_error__is_computed_in_float32():
    x = torch.ones(2, 3)
    x_hat = torch.ones(2, 3, dtype=torch.bfloat16)
    assert mean_squared_error(x_hat, x + 1e-3).item() == pytest.approx(1e-6, rel=1e-3)


def test_mean_squared_error__is_zero_for_equal_rows():
    x = torch.randn(4, 2, generator=torch.Generator().manual_seed(0))
    assert mean_squared_error(x.clone(), x).item() == 0.0


def test_mean_squared_error__gradient():
    x_hat, x = torch.tensor([[1.0, 4.0]], requires_grad=True), torch.zeros(1, 2)
    mean_squared_error(x_hat, x).backward()
    np.testing.assert_allclose(x_hat.grad, [[1.0, 4.0]])
