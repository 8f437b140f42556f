"""Pairs of rows that are surely alike or surely not, against their formula."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import confident_pairs
from tests.references import pairs as reference


def random_assignments(n, k, seed=0, dtype=torch.float64):
    logits = np.random.default_rng(seed).normal(size=(2, n, k))
    return torch.tensor(3 * logits, dtype=dtype).softmax(dim=-1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (7, 1), (9, 3), (12, 5)])
@pytest.mark.parametrize("thresholds", [(0.95, 0.455), (0.7, 0.6), (0.5, 0.5)])
def test_confident_pairs__against_the_reference(shape, thresholds):
    p, p_clean = random_assignments(*shape)
    loss, used = confident_pairs(p, p_clean, *thresholds)
    assert loss.shape == used.shape == ()
    assert loss.dtype == torch.float64
    expected = reference.confident_pairs(p.numpy(), p_clean.numpy(), *thresholds)
    assert float(loss) == pytest.approx(expected[0], rel=1e-10, abs=1e-12)
    assert float(used) == pytest.approx(expected[1])


def test_confident_pairs__a_row_is_always_sure_of_itself():
    # All others have a cosine of 0.6.
    p = torch.full((3, 3), 0.5**0.5 - 0.25) + torch.eye(3)
    p = p / p.sum(dim=1, keepdim=True)
    between = float(torch.nn.functional.cosine_similarity(p[0], p[1], dim=0))
    loss, used = confident_pairs(p, p, between + 0.1, between - 0.1)
    assert float(used) == pytest.approx(3 / 9)
    assert float(loss) == pytest.approx(0.0, abs=1e-6)


def test_confident_pairs__thresholds_that_meet_use_all_pairs():
    _, used = confident_pairs(*random_assignments(9, 3), 0.5, 0.5)
    assert float(used) == 1


def test_confident_pairs__of_one_cluster_is_zero():
    p = torch.ones(5, 1)
    loss, used = confident_pairs(p, p, 0.95, 0.455)
    assert float(loss) == pytest.approx(0.0, abs=1e-6)
    assert float(used) == 1


def test_confident_pairs__of_equal_one_hot_rows_is_zero():
    p = torch.eye(3).repeat(4, 1)
    loss, used = confident_pairs(p, p, 0.95, 0.455)
    assert float(loss) == pytest.approx(0.0, abs=1e-6)
    assert float(used) == 1


def test_confident_pairs__gradient():
    scores, p_clean = random_assignments(6, 3)
    scores.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda s: confident_pairs(s.softmax(dim=1), p_clean, 0.9, 0.5)[0], scores
    )


def test_confident_pairs__targets_have_no_gradient():
    p, p_clean = random_assignments(6, 3).requires_grad_()
    loss, _ = confident_pairs(p, p_clean, 0.9, 0.5)
    p_gradient, clean = torch.autograd.grad(loss, [p, p_clean], allow_unused=True)
    assert clean is None
    assert p_gradient.abs().max() > 0


@pytest.mark.parametrize("same", [True, False])
def test_confident_pairs__wrong_as_can_be_has_a_finite_gradient(same):
    one_hot, equal = torch.eye(4), torch.eye(4)[[0, 0, 0, 0]]
    p, p_clean = (one_hot, equal) if same else (equal, one_hot)
    p.requires_grad_()
    loss, _ = confident_pairs(p, p_clean, 0.95, 0.455)
    loss.backward()
    assert loss.isfinite()
    assert loss > 0.5
    assert p.grad.isfinite().all()


@pytest.mark.parametrize("autocast", [False, True])
def test_confident_pairs__of_bfloat16_is_computed_in_float32(autocast):
    p, p_clean = random_assignments(20, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        loss, used = confident_pairs(p, p_clean, 0.9, 0.5)
    assert loss.dtype == torch.float32
    expected = confident_pairs(p.double(), p_clean.double(), 0.9, 0.5)
    assert float(loss) == pytest.approx(float(expected[0]), rel=1e-5)
    assert float(used) == pytest.approx(float(expected[1]))
