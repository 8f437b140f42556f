"""Soft k-means against the formula of its paper."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import soft_kmeans
from tests.references import soft_kmeans as reference


def random_distances(n_samples, n_clusters, seed=0):
    d2 = np.random.default_rng(seed).gamma(2.0, size=(n_samples, n_clusters))
    return torch.from_numpy(d2)


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (7, 1), (30, 5)])
@pytest.mark.parametrize("inverse_temperature", [0.0, 0.1, 2.0, 1000.0])
def test_loss__against_the_reference(shape, inverse_temperature):
    d2 = random_distances(*shape)
    loss = soft_kmeans(d2, inverse_temperature)
    assert loss.shape == ()
    expected = reference.soft_kmeans(d2.numpy(), inverse_temperature)
    assert float(loss) == pytest.approx(expected, rel=1e-12)


def test_loss__by_hand():
    # Weights of e^0 and e^-log(3): 3/4 and 1/4.
    d2 = torch.tensor([[0.0, np.log(3.0)]], dtype=torch.float64)
    assert float(soft_kmeans(d2, 1.0)) == pytest.approx(np.log(3.0) / 4)


def test_loss__sharp_is_that_of_kmeans():
    d2 = random_distances(30, 5)
    expected = float(d2.amin(dim=1).mean())
    assert float(soft_kmeans(d2, 1e6)) == pytest.approx(expected, rel=1e-6)


def test_loss__flat_is_the_mean_distance_to_all_centroids():
    d2 = random_distances(30, 5)
    assert float(soft_kmeans(d2, 1e-9)) == pytest.approx(float(d2.mean()), rel=1e-6)


def test_loss__falls_as_it_sharpens():
    d2 = random_distances(30, 5)
    values = [float(soft_kmeans(d2, a)) for a in (0.01, 0.1, 1.0, 10.0)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("d2", [torch.zeros(6, 3), torch.full((6, 3), 1e30)])
def test_loss__equal_distances_are_finite_with_their_gradient(d2):
    d2 = d2.requires_grad_()
    loss = soft_kmeans(d2, 28.1)
    loss.backward()
    assert loss.item() == pytest.approx(d2[0, 0].item())
    np.testing.assert_allclose(d2.grad, 1 / 18, rtol=1e-5)


def test_loss__gradient_flows_through_the_weights_too():
    d2 = random_distances(5, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda d2: soft_kmeans(d2, 1.7), d2)
    loss = soft_kmeans(d2, 1.7)
    (gradient,) = torch.autograd.grad(loss, d2)
    r = torch.from_numpy(reference.soft_assignment(d2.detach().numpy(), 1.7))
    mean = (r * d2).sum(dim=1, keepdim=True)
    expected = (r * (1 - 1.7 * (d2 - mean)) / 5).detach()
    np.testing.assert_allclose(gradient, expected, rtol=1e-9)


def test_loss__of_half_precision_is_computed_in_float32():
    d2 = random_distances(30, 5).bfloat16()
    loss = soft_kmeans(d2, 2.0)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, soft_kmeans(d2.float(), 2.0))
