"""What pairs of rows share, against its formula."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import agreement, pointwise_mutual_information
from tests.references import pointwise as reference

SHAPES = [(1, 1), (1, 4), (7, 1), (30, 5)]


def random_log_p(*shape, seed=0, sharpness=1.0):
    scores = sharpness * np.random.default_rng(seed).normal(size=shape)
    return torch.from_numpy(scores).log_softmax(dim=-1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sharpness", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_information__against_the_reference(shape, sharpness, beta):
    log_p, log_other = random_log_p(2, *shape, sharpness=sharpness)
    prior = random_log_p(shape[1], seed=1).exp()
    result = pointwise_mutual_information(log_p, log_other, prior, beta)
    assert result.shape == shape[:1]
    expected = reference.pointwise_mutual_information(
        log_p.exp().numpy(), log_other.exp().numpy(), prior.numpy(), beta
    )
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-12)


def test_information__of_sure_rows_of_one_cluster_is_that_of_the_cluster():
    log_p = torch.tensor([[0.0, -torch.inf], [-torch.inf, 0.0]])
    prior = torch.tensor([0.8, 0.2])
    for beta in (0.5, 1.0):
        result = pointwise_mutual_information(log_p, log_p, prior, beta)
        np.testing.assert_allclose(result, -prior.log(), rtol=1e-6)


def test_information__of_what_is_like_the_prior_is_zero():
    prior = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
    log_p = prior.log().expand(4, 3)
    result = pointwise_mutual_information(log_p, log_p, prior)
    np.testing.assert_allclose(result, 0, atol=1e-12)


def test_information__of_one_cluster_is_zero():
    zeros = torch.zeros(5, 1)
    assert not pointwise_mutual_information(zeros, zeros, torch.ones(1), 0.6).any()


def test_information__larger_beta_rewards_being_sure():
    unsure, sure = random_log_p(2, 4), random_log_p(2, 4, sharpness=30.0)
    prior = torch.full((4,), 0.25, dtype=torch.float64)

    def gain(beta):
        unsure_, sure_ = (
            pointwise_mutual_information(one, one, prior, beta).mean()
            for one in (unsure, sure)
        )
        return float(sure_ - unsure_)

    assert gain(1.0) > gain(0.6)


def test_information__a_cluster_without_rows_is_finite():
    log_p = torch.tensor([[0.0, -40.0]]).requires_grad_()
    prior = torch.tensor([1.0, 0.0])
    result = pointwise_mutual_information(log_p, log_p.detach(), prior)
    result.sum().backward()
    assert result.isfinite().all()
    assert log_p.grad.isfinite().all()


def test_information__gradient():
    scores = torch.from_numpy(np.random.default_rng(0).normal(size=(6, 3)))
    log_other, prior = random_log_p(6, 3, seed=1), torch.tensor([0.2, 0.3, 0.5])

    def information(scores):
        log_p = scores.log_softmax(dim=1)
        return pointwise_mutual_information(log_p, log_other, prior.double(), 0.6)

    assert torch.autograd.gradcheck(information, scores.requires_grad_())


def test_agreement__against_the_reference():
    p, p_other = random_log_p(2, 9, 4).exp()
    np.testing.assert_allclose(
        agreement(p, p_other), reference.agreement(p.numpy(), p_other.numpy())
    )
    assert torch.all(agreement(torch.ones(3, 1), torch.ones(3, 1)) == 1)


def test_heads__have_a_value_each():
    log_p, log_other = random_log_p(2, 3, 8, 4)
    prior = random_log_p(3, 4, seed=1).exp()
    information = pointwise_mutual_information(log_p, log_other, prior, 0.6)
    shared = agreement(log_p.exp(), log_other.exp())
    assert information.shape == shared.shape == (3, 8)
    for head in range(3):
        alone = pointwise_mutual_information(
            log_p[head], log_other[head], prior[head], 0.6
        )
        np.testing.assert_allclose(information[head], alone, rtol=1e-12)


def test_bfloat16__is_computed_in_float32():
    log_p, log_other = random_log_p(2, 20, 4)
    prior = random_log_p(4, seed=1).exp()
    expected = pointwise_mutual_information(log_p, log_other, prior, 0.6)
    result = pointwise_mutual_information(
        log_p.bfloat16(), log_other.bfloat16(), prior.bfloat16(), 0.6
    )
    assert result.dtype == agreement(log_p.bfloat16(), log_p).float().dtype
    assert result.dtype == torch.float32
    np.testing.assert_allclose(result, expected, atol=0.05)
