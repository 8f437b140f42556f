"""Sizes of clusters against a prior, against the formula."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import mean_entropy, size_divergence, zipf_prior
from tests.references import sizes as reference


def random_p(*shape, seed=0):
    scores = np.random.default_rng(seed).normal(size=shape)
    return torch.from_numpy(scores).softmax(dim=-1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (7, 1), (30, 5)])
@pytest.mark.parametrize("exponent", [0.0, 0.5, 2.0])
def test_divergence__against_the_reference(shape, exponent):
    p, prior = random_p(*shape), zipf_prior(shape[1], exponent)
    expected = reference.size_divergence(p.numpy(), prior.numpy())
    assert size_divergence(p, prior).item() == pytest.approx(expected, abs=1e-9)


def test_divergence__of_several_heads_is_that_of_each():
    p, prior = random_p(3, 20, 4), zipf_prior(4)
    expected = torch.stack([size_divergence(one, prior) for one in p])
    torch.testing.assert_close(size_divergence(p, prior), expected)


def test_divergence__from_equal_sizes_is_what_entropy_lacks():
    p = random_p(12, 6)
    expected = np.log(6) - mean_entropy(p)
    torch.testing.assert_close(size_divergence(p, zipf_prior(6, 0.0)), expected)


def test_divergence__of_the_prior_in_any_order_is_zero():
    prior = torch.tensor([0.2, 0.5, 0.3])
    p = prior[[1, 2, 0]].expand(9, 3)
    assert size_divergence(p, prior).item() == pytest.approx(0, abs=1e-7)


def test_divergence__one_cluster_of_all_rows_is_finite():
    p = torch.tensor([[1.0, 0.0, 0.0]]).expand(5, 3).clone().requires_grad_()
    loss = size_divergence(p, zipf_prior(3, 0.0))
    loss.backward()
    assert loss.item() == pytest.approx(np.log(3), rel=1e-6)
    assert p.grad.isfinite().all()


def test_divergence__gradient():
    scores = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 4)))

    def loss(scores):
        return size_divergence(scores.softmax(dim=1), zipf_prior(4))

    assert torch.autograd.gradcheck(loss, scores.requires_grad_())


def test_divergence__of_half_precision_is_float32():
    p = random_p(40, 5).bfloat16()
    result = size_divergence(p, zipf_prior(5))
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, size_divergence(p.float(), zipf_prior(5)))


@pytest.mark.parametrize(("n_clusters", "exponent"), [(1, 1.0), (4, 0.0), (7, 1.5)])
def test_zipf_prior__against_the_reference(n_clusters, exponent):
    expected = reference.zipf_prior(n_clusters, exponent)
    np.testing.assert_allclose(zipf_prior(n_clusters, exponent), expected, rtol=1e-6)
