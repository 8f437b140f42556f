"""What generators and their opponents lower, against the formulas."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import code_error, gradient_penalty, taken_for_real
from tests.references import adversarial as reference


def random_rows(n, d, seed=0, dtype=torch.float64):
    rows = np.random.default_rng(seed).normal(size=(n, d))
    return torch.tensor(rows, dtype=dtype)


# -- logits ------------------------------------------------------------------------


def test_taken_for_real__against_the_reference():
    logits = 5 * random_rows(7, 1)
    expected = reference.taken_for_real(logits.numpy())
    assert float(taken_for_real(logits)) == pytest.approx(expected, rel=1e-10)
    expected = reference.taken_for_made(logits.numpy())
    assert float(taken_for_real(-logits)) == pytest.approx(expected, rel=1e-10)


def test_taken_for_real__of_certain_rows():
    assert float(taken_for_real(torch.tensor([500.0]))) == 0.0
    assert float(taken_for_real(torch.tensor([-500.0]))) == 500.0


# -- codes -------------------------------------------------------------------------


@pytest.mark.parametrize("n_continuous", [None, 0, 3])
def test_code_error__against_the_reference(n_continuous):
    logits, codes = 2 * random_rows(6, 4), torch.tensor([3, 0, 1, 1, 2, 0])
    expected = reference.cross_entropy(logits.numpy(), codes.tolist())
    means = values = None
    if n_continuous is not None:
        means, values = (random_rows(6, n_continuous, seed) for seed in (1, 2))
        expected += reference.gaussian_error(means.numpy(), values.numpy())
    result = code_error(logits, codes, means, values)
    assert result.shape == ()
    assert float(result) == pytest.approx(expected, rel=1e-10)


def test_code_error__of_one_code_is_zero():
    assert float(code_error(random_rows(5, 1), torch.zeros(5).long())) == 0.0


# -- slope of the critic -----------------------------------------------------------


def test_gradient_penalty__of_a_linear_critic():
    weights = torch.tensor([3.0, 0.0, -4.0], dtype=torch.float64)
    x, x_made, share = random_rows(6, 3), random_rows(6, 3, 1), torch.rand(6, 1)
    result = gradient_penalty(lambda x: x @ weights, x, x_made, share)
    assert float(result) == pytest.approx((5.0 - 1.0) ** 2)


def test_gradient_penalty__against_the_reference():
    inner, outer = random_rows(3, 8, 2), random_rows(8, 1, 3)
    x, x_made = random_rows(6, 3), random_rows(6, 3, 1)
    share = torch.linspace(0, 1, 6, dtype=torch.float64)[:, None]
    result = gradient_penalty(lambda x: torch.tanh(x @ inner) @ outer, x, x_made, share)
    expected = reference.gradient_penalty(
        lambda row: float(np.tanh(row @ inner.numpy()) @ outer.numpy()[:, 0]),
        x.numpy(),
        x_made.numpy(),
        share.numpy(),
    )
    assert float(result.detach()) == pytest.approx(expected, rel=1e-6)


def test_gradient_penalty__has_the_gradient_of_its_differences():
    x, x_made, share = random_rows(4, 3), random_rows(4, 3, 1), torch.full((4, 1), 0.3)

    def of_weights(weights):
        return gradient_penalty(lambda x: torch.tanh(x @ weights), x, x_made, share)

    weights = random_rows(3, 1, 2).requires_grad_()
    assert torch.autograd.gradcheck(of_weights, weights)


def test_gradient_penalty__of_a_flat_critic_is_one_and_harmless():
    weights = torch.zeros(3, 1, requires_grad=True)
    x = random_rows(4, 3, dtype=torch.float32)
    penalty = gradient_penalty(lambda x: x @ weights, x, x, torch.ones(4, 1))
    penalty.backward()
    assert float(penalty.detach()) == pytest.approx(1.0)
    assert torch.all(torch.isfinite(weights.grad))


# -- all ---------------------------------------------------------------------------


CODES, VALUES = torch.tensor([0, 2, 1, 0]), random_rows(4, 3, seed=5)
LOSSES = [taken_for_real, lambda x: code_error(x, CODES, 2 * x, VALUES)]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=["real", "codes"])


@each_loss
def test_gradient__is_that_of_the_differences(loss):
    assert torch.autograd.gradcheck(loss, random_rows(4, 3).requires_grad_())


@each_loss
def test_half_precision__is_promoted(loss):
    x = random_rows(4, 3, dtype=torch.float32).bfloat16()
    assert taken_for_real(x).dtype == torch.float32
    assert code_error(x, CODES).dtype == torch.float32
    assert float(loss(x)) == pytest.approx(float(loss(x.float())), rel=1e-2)


def test_gradient_penalty__under_autocast_is_float32():
    layer = torch.nn.Linear(3, 1)
    x, x_made = random_rows(4, 3, dtype=torch.float32), torch.zeros(4, 3)
    expected = gradient_penalty(layer, x, x_made, torch.rand(4, 1))
    with torch.autocast("cpu", torch.bfloat16):
        result = gradient_penalty(layer, x.bfloat16(), x_made, torch.rand(4, 1))
    assert result.dtype == torch.float32
    expected, result = expected.detach(), result.detach()
    assert float(result) == pytest.approx(float(expected), rel=1e-6)
