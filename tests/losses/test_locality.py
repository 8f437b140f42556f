"""Rows that belong together, against the formulas."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import heat_kernel, locality
from tests.references import locality as reference


def pairs(n, d, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)), rng.normal(size=(n, d)), rng.uniform(size=n)


@pytest.mark.parametrize(("n", "d"), [(1, 1), (1, 5), (7, 1), (30, 4)])
def test_locality__against_the_reference(n, d):
    z, other, similarity = pairs(n, d)
    result = locality(*map(torch.from_numpy, (z, other, similarity)))
    assert result.item() == pytest.approx(reference.locality(z, other, similarity))
    result = locality(torch.from_numpy(z), torch.from_numpy(other))
    assert result.item() == pytest.approx(reference.locality(z, other, np.ones(n)))


@pytest.mark.parametrize("width", [0.1, 2.0])
def test_heat_kernel__against_the_reference(width):
    x, other, _ = pairs(20, 3)
    result = heat_kernel(torch.from_numpy(x), torch.from_numpy(other), width)
    np.testing.assert_allclose(result, reference.heat_kernel(x, other, width))


def test_identical_rows__are_wholly_similar_and_cost_nothing():
    z = torch.randn(5, 3).requires_grad_()
    similarity = heat_kernel(z, z, 1.0)
    assert (similarity == 1).all()
    loss = locality(z, z.detach(), similarity)
    loss.backward()
    assert loss.item() == 0
    assert (z.grad == 0).all()


def test_rows_far_away__count_for_nothing():
    x = torch.zeros(2, 3)
    assert heat_kernel(x, x + 1e6, 1.0).tolist() == [0.0, 0.0]


def test_gradient():
    z, other, similarity = map(torch.from_numpy, pairs(6, 3))
    z.requires_grad_(), other.requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: locality(a, b, similarity), (z, other))


def test_half_precision__is_float32():
    z, other, similarity = (
        torch.from_numpy(values).bfloat16() for values in pairs(40, 5)
    )
    result = locality(z, other, similarity)
    assert result.dtype == heat_kernel(z, other, 2.0).dtype == torch.float32
    expected = locality(z.float(), other.float(), similarity.float())
    torch.testing.assert_close(result, expected)
