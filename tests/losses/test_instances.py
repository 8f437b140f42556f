"""Instance discrimination and kept-apart features against their formulas."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from skdeepcluster.losses import (
    feature_decorrelation,
    feature_orthogonality,
    instance_discrimination,
)
from tests.references import instances as reference


def random_rows(n, d, seed=0, dtype=torch.float64):
    rows = np.random.default_rng(seed).normal(size=(n, d))
    return torch.tensor(rows, dtype=dtype)


def random_units(n, d, seed=0, dtype=torch.float64):
    return F.normalize(random_rows(n, d, seed, dtype), dim=1)


def of_instances(z, temperature=0.5):
    """Of rows 2, 5, 8 among ten remembered ones, on any number of columns."""
    vectors = random_units(10, z.shape[1], seed=1).to(z.dtype)
    index = torch.arange(2, 10, 3)
    return instance_discrimination(z[:3], vectors, index, temperature)


LOSSES = [
    of_instances,
    lambda z: feature_decorrelation(z, 2.0),
    feature_orthogonality,
]
NAMES = ["instances", "decorrelation", "orthogonality"]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=NAMES)


# -- instances ---------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.07, 1.0])
@pytest.mark.parametrize("drawn", [None, [3, 1, 1, 0, 7]])
def test_instances__against_the_reference(temperature, drawn):
    z, vectors = random_units(4, 5), random_units(9, 5, seed=1)
    index = torch.tensor([6, 1, 8, 3])
    numbers = None if drawn is None else torch.tensor(drawn)
    result = instance_discrimination(z, vectors, index, temperature, numbers)
    assert result.shape == ()
    assert result.dtype == torch.float64
    expected = reference.instance_discrimination(
        z.numpy(), vectors.numpy(), index.tolist(), temperature, drawn
    )
    assert float(result) == pytest.approx(expected, rel=1e-10)


def test_instances__drawn_all_are_as_not_drawn():
    z, vectors, index = random_units(4, 5), random_units(9, 5, seed=1), torch.arange(4)
    expected = instance_discrimination(z, vectors, index, 0.2)
    result = instance_discrimination(z, vectors, index, 0.2, torch.arange(9))
    assert float(result) == pytest.approx(float(expected), rel=1e-12)


def test_instances__some_drawn_stand_for_all():
    z, vectors = random_units(50, 16), random_units(20_000, 16, seed=1)
    index, draw = torch.arange(50), torch.Generator().manual_seed(0)
    z = F.normalize(z + vectors[:50], dim=1)
    expected = float(instance_discrimination(z, vectors, index, 1.0))
    drawn = torch.randint(20_000, (2_000,), generator=draw)
    result = float(instance_discrimination(z, vectors, index, 1.0, drawn))
    assert result == pytest.approx(expected, abs=0.01)


def test_instances__identical_points_are_a_guess_among_all():
    z = torch.eye(1, 3).repeat(6, 1)
    loss = instance_discrimination(z, z, torch.arange(6), 0.1)
    assert float(loss) == pytest.approx(np.log(6), rel=1e-5)


def test_instances__of_one_row_is_zero():
    z = random_units(1, 4)
    assert float(instance_discrimination(z, z, torch.tensor([0]), 1.0)) == 0.0


def test_instances__the_memory_has_no_gradient():
    z, vectors = random_units(3, 4).requires_grad_(), random_units(5, 4, seed=1)
    instance_discrimination(z, vectors, torch.arange(3), 1.0).backward()
    assert z.grad is not None
    assert vectors.grad is None


@pytest.mark.parametrize("only", [[3], [1, 1]])
def test_instances__only_its_own_drawn_is_finite(only):
    z, vectors = random_units(1, 4).requires_grad_(), random_units(5, 4, seed=1)
    index, drawn = torch.tensor([1]), torch.tensor(only)
    loss = instance_discrimination(z, vectors, index, 1.0, drawn)
    loss.backward()
    assert loss.isfinite() and z.grad.isfinite().all()


def test_instances__gradient_with_some_drawn():
    z, vectors = random_units(3, 4).requires_grad_(), random_units(9, 4, seed=1)
    drawn = torch.tensor([0, 4, 8, 4])

    def loss(z):
        return instance_discrimination(z, vectors, torch.arange(3), 0.5, drawn)

    assert torch.autograd.gradcheck(loss, z)


# -- features ----------------------------------------------------------------------


SHAPES = [(1, 1), (1, 4), (7, 1), (9, 5), (3, 6)]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_decorrelation__against_the_reference(shape, temperature):
    z = random_rows(*shape)
    result = feature_decorrelation(z, temperature)
    assert result.shape == ()
    expected = reference.feature_decorrelation(z.numpy(), temperature)
    assert float(result) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_orthogonality__against_the_reference(shape):
    z = random_rows(*shape)
    result = feature_orthogonality(z)
    assert result.shape == ()
    expected = reference.feature_orthogonality(z.numpy())
    assert float(result) == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_features__at_right_angles_over_the_rows():
    z = torch.tensor([[1.0, 1.0], [1.0, -1.0], [2.0, 0.0], [0.0, 3.0]])
    z = z - torch.tensor([[0.0, 0.0], [0.0, 0.0], [2.0, 0.0], [0.0, 3.0]])
    assert float(feature_orthogonality(z)) == pytest.approx(0.0, abs=1e-6)
    expected = np.log(1 + np.exp(-0.5))
    assert float(feature_decorrelation(z, 2.0)) == pytest.approx(expected)


@pytest.mark.parametrize("d", [2, 5])
def test_features__that_are_all_the_same(d):
    z = random_rows(6, 1).repeat(1, d)
    assert float(feature_orthogonality(z)) == pytest.approx(d - 1)
    assert float(feature_decorrelation(z, 2.0)) == pytest.approx(np.log(d))


@pytest.mark.parametrize("loss", LOSSES[1:], ids=NAMES[1:])
def test_features__their_lengths_do_not_count(loss):
    z = random_rows(8, 3)
    expected = float(loss(z))
    assert float(loss(z * torch.tensor([1.0, 7.0, 0.2]))) == pytest.approx(expected)


@pytest.mark.parametrize("loss", LOSSES[1:], ids=NAMES[1:])
@pytest.mark.parametrize("length", [0.0, 1e-30, 1e-12])
def test_features__one_that_says_nothing_has_a_modest_gradient(loss, length):
    z = random_rows(6, 3, dtype=torch.float32)
    z[:, 1] *= length
    z.requires_grad_()
    value = loss(z)
    value.backward()
    assert value.isfinite()
    assert z.grad.abs().max() < 10


# -- all ---------------------------------------------------------------------------


@each_loss
def test_gradient(loss):
    assert torch.autograd.gradcheck(loss, random_units(5, 3).requires_grad_())


@each_loss
def test_bfloat16_is_computed_in_float32(loss):
    z = random_rows(20, 8).bfloat16()
    result = loss(z)
    assert result.dtype == torch.float32
    if loss is not of_instances:  # whose memory is rounded too
        assert float(result) == pytest.approx(float(loss(z.double())), rel=1e-5)


@each_loss
def test_autocast_rounds_nothing(loss):
    z = random_rows(20, 8, dtype=torch.float32).requires_grad_()
    gradients = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            value = loss(z)
        gradients.append(torch.autograd.grad(value, z)[0])
    assert torch.equal(*gradients)
