"""Canonical correlations against their formula."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import canonical_correlation
from tests.references import correlation as reference


def random_case(n=40, d_a=4, d_b=3, seed=0):
    rng = np.random.default_rng(seed)
    a = rng.normal(size=(n, d_a))
    b = a @ rng.normal(size=(d_a, d_b)) + rng.normal(size=(n, d_b))
    return torch.tensor(a + 5.0), torch.tensor(b)


@pytest.mark.parametrize("ridge", [1e-6, 1e-3, 1.0])
@pytest.mark.parametrize("shape", [(40, 4, 3), (40, 2, 5), (5, 4, 3), (9, 1, 1)])
def test_canonical_correlation__against_the_reference(shape, ridge):
    a, b = random_case(*shape)
    result = canonical_correlation(a, b, ridge)
    assert result.shape == ()
    expected = reference.canonical_correlation(a.numpy(), b.numpy(), ridge)
    assert float(result) == pytest.approx(expected, rel=1e-8)


def test_canonical_correlation__gradient():
    a, b = random_case(12, 3, 2)
    a.requires_grad_(), b.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda a, b: canonical_correlation(a, b, 1e-3), (a, b)
    )


def test_canonical_correlation__of_equal_views_is_their_size():
    a, _ = random_case(500, 6)
    result = canonical_correlation(a, a, 1e-3)
    assert 0.99 * 6 < float(result) < 6
    # What counts are the spaces that the views span.
    mixed = a @ random_case(6, 6, seed=1)[0] - 3.0
    assert float(canonical_correlation(a, mixed, 1e-9)) == pytest.approx(6, rel=1e-5)


def test_canonical_correlation__of_independent_views_is_nearly_zero():
    rng = np.random.default_rng(0)
    a, b = (torch.tensor(rng.normal(size=(50_000, 3))) for _ in range(2))
    assert float(canonical_correlation(a, b, 1e-3)) < 0.05


@pytest.mark.parametrize("n", [1, 7])
def test_canonical_correlation__of_identical_points_is_zero(n):
    a, b = torch.full((n, 3), 2.0), torch.full((n, 2), -1.0)
    a.requires_grad_(), b.requires_grad_()
    result = canonical_correlation(a, b, 1e-3)
    result.backward()
    assert result == 0
    assert torch.all(a.grad.isfinite())
    assert torch.all(b.grad.isfinite())


def test_canonical_correlation__has_gradients_where_correlations_are_equal():
    a, _ = random_case(30, 4)
    a.requires_grad_()
    canonical_correlation(a, a.detach(), 1e-3).backward()
    assert torch.all(a.grad.isfinite())


def test_canonical_correlation__of_bfloat16_is_computed_in_float64():
    a, b = (view.bfloat16() for view in random_case())
    with torch.autocast("cpu", torch.bfloat16):
        result = canonical_correlation(a, b, 1e-3)
    assert result.dtype == torch.float64
    expected = canonical_correlation(a.double(), b.double(), 1e-3)
    assert float(result) == float(expected)
