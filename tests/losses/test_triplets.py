"""Triplets against their formula."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import triplet_loss
from tests.references import triplets as reference


def random_case(n=9, d=4, n_near=3, n_far=5, n_labels=3, seed=0):
    rng = np.random.default_rng(seed)
    z = torch.tensor(rng.normal(size=(n, d)))
    labels = torch.tensor(rng.integers(n_labels, size=n))
    near, far = (torch.tensor(rng.integers(n, size=(n, m))) for m in (n_near, n_far))
    return z, labels, near, far


@pytest.mark.parametrize("margin", [0.0, 0.2, 3.0])
@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (9, 4, 3, 5), (12, 2, 12, 12)])
def test_triplet_loss__against_the_reference(shape, margin):
    case = random_case(*shape)
    result = triplet_loss(*case, margin)
    assert result.shape == ()
    assert result.dtype == torch.float64
    expected = reference.triplet_loss(*(part.numpy() for part in case), margin)
    assert float(result) == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_triplet_loss__gradient():
    z, *rest = random_case()
    z.requires_grad_()
    assert torch.autograd.gradcheck(lambda z: triplet_loss(z, *rest, 0.7), z)


@pytest.mark.parametrize("labels", [[0] * 9, list(range(9))])
def test_triplet_loss__without_a_triplet_is_zero(labels):
    z, _, near, far = random_case()
    z.requires_grad_()
    loss = triplet_loss(z, torch.tensor(labels), near, far, 0.2)
    loss.backward()
    assert loss == 0
    assert (z.grad == 0).all()


def test_triplet_loss__of_identical_points_is_the_margin():
    _, labels, near, far = random_case(12, 4, 12, 12)
    loss = triplet_loss(torch.ones(12, 4), labels, near, far, 0.2)
    assert float(loss) == pytest.approx(0.2, rel=1e-5)


def test_triplet_loss__of_clusters_far_apart_is_zero():
    labels = torch.tensor([0, 0, 1, 1])
    z = torch.eye(2)[labels]
    everything = torch.arange(4).expand(4, 4)
    assert triplet_loss(z, labels, everything, everything, 0.2) == 0
    assert triplet_loss(z, labels, everything, everything, 2.5) == 0.5


def test_triplet_loss__of_bfloat16_is_computed_in_float32():
    z, *rest = random_case()
    rounded = z.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        loss = triplet_loss(rounded, *rest, 0.2)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(
        float(triplet_loss(rounded.double(), *rest, 0.2)), rel=1e-5
    )
