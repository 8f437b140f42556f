"""Distances to the nearest rows of a batch, against the formula."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import neighbor_distance
from tests.references import neighbors as reference


def rows(n_rows, n_columns, offset=0.0):
    values = np.random.default_rng(0).normal(size=(n_rows, n_columns)) + offset
    return torch.from_numpy(values)


@pytest.mark.parametrize("shape", [(1, 3), (2, 1), (20, 4)])
@pytest.mark.parametrize("n_neighbors", [1, 5, 100])
def test_distance__against_the_reference(shape, n_neighbors):
    z = rows(*shape)
    expected = reference.neighbor_distance(z.numpy(), n_neighbors)
    assert neighbor_distance(z, n_neighbors).item() == pytest.approx(expected, rel=1e-9)


def test_distance__far_from_zero_is_not_rounded_away():
    z = rows(30, 3, offset=1000.0).float()
    expected = reference.neighbor_distance(z.double().numpy(), 29)
    assert neighbor_distance(z, 29).item() == pytest.approx(expected, rel=1e-3)


def test_distance__of_equal_rows_is_zero():
    z = torch.ones(8, 3, requires_grad=True)
    loss = neighbor_distance(z, 3)
    loss.backward()
    assert loss.item() == 0
    assert not z.grad.any()


def test_distance__gradient():
    assert torch.autograd.gradcheck(
        lambda z: neighbor_distance(z, 2), rows(7, 3).requires_grad_()
    )


def test_distance__of_half_precision_is_float32():
    z = rows(9, 3).bfloat16()
    result = neighbor_distance(z, 2)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, neighbor_distance(z.float(), 2))
