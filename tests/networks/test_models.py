"""Models that outlive fit."""

import numpy as np
import pytest
import torch
from torch import nn

from skdeepcluster.losses import kl_divergence, target_distribution
from skdeepcluster.networks import CentroidModel, UserNetwork, squared_distances
from tests.references import self_training as reference


@pytest.fixture
def z():
    return np.random.default_rng(0).normal(size=(12, 3))


@pytest.fixture
def centers():
    return np.random.default_rng(1).normal(size=(4, 3))


def centroid_model(centers, alpha=1.0):
    return CentroidModel(UserNetwork(nn.Identity()), torch.as_tensor(centers), alpha)


def rows(z):
    return torch.tensor(z, dtype=torch.float32)


# -- soft assignment ---------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.3, 1, 1.0, 5.0, 100.0])
def test_assign__against_the_reference(z, centers, alpha):
    q = centroid_model(centers, alpha).assign(rows(z)).detach()
    expected = reference.soft_assignment(z, centers, alpha)
    assert q.dtype == torch.float32
    np.testing.assert_allclose(q, expected, rtol=1e-4)
    np.testing.assert_allclose(q.sum(dim=1), 1.0, rtol=1e-6)


def test_log_q__is_the_log_of_assign(z, centers):
    model = centroid_model(centers)
    np.testing.assert_allclose(
        model.log_q(rows(z)).exp().detach(), model.assign(rows(z)).detach()
    )


def test_assign__one_cluster_is_certain(z):
    q = centroid_model(np.zeros((1, 3))).assign(rows(z))
    assert torch.all(q == 1.0)


def test_assign__identical_centres_share(z):
    q = centroid_model(np.ones((4, 3))).assign(rows(z)).detach()
    np.testing.assert_allclose(q, 0.25)


def test_assign__a_row_on_a_centre(centers):
    q = centroid_model(centers, alpha=1e-3).assign(rows(centers)).detach()
    assert torch.equal(q.argmax(dim=1), torch.arange(4))
    assert torch.all(torch.isfinite(q))


@pytest.mark.parametrize("alpha", [0.01, 1.0, 1000.0])
@pytest.mark.parametrize("factor", [0.0, 1e-12, 1e6, 1e15])
def test_log_q__is_finite_near_and_far(z, centers, alpha, factor):
    model = centroid_model(centers * factor, alpha)
    log_q = model.log_q(rows(z * factor))
    assert torch.all(torch.isfinite(log_q))
    log_q.sum().backward()
    assert torch.all(torch.isfinite(model.centers.grad))


def test_many_degrees_of_freedom__are_a_gaussian(z, centers):
    q = centroid_model(centers, alpha=1e4).assign(rows(z)).detach()
    expected = torch.softmax(-0.5 * squared_distances(rows(z), rows(centers)), dim=1)
    np.testing.assert_allclose(q, expected, rtol=1e-2, atol=1e-5)


# -- gradient of the self-training loss --------------------------------------------


def test_gradient__against_the_closed_form(z, centers):
    model, x = centroid_model(centers), rows(z).requires_grad_()
    p = target_distribution(model.assign(x)).detach()
    kl_divergence(p, model.log_q(x)).backward()
    np.testing.assert_allclose(
        len(z) * x.grad, reference.gradient_of_rows(z, centers, p.numpy()), atol=1e-5
    )
    np.testing.assert_allclose(
        len(z) * model.centers.grad,
        reference.gradient_of_centers(z, centers, p.numpy()),
        atol=1e-5,
    )


@pytest.mark.parametrize("alpha", [0.5, 1.0, 4.0])
def test_gradient__against_differences_of_the_reference(z, centers, alpha):
    p = reference.target_distribution(reference.soft_assignment(z, centers, alpha))

    def loss(centers):
        return reference.kl_divergence(p, reference.soft_assignment(z, centers, alpha))

    expected = np.empty_like(centers)
    for at in np.ndindex(centers.shape):
        step = np.zeros_like(centers)
        step[at] = 1e-6
        expected[at] = (loss(centers + step) - loss(centers - step)) / 2e-6

    model = centroid_model(centers, alpha)
    kl_divergence(torch.tensor(p).float(), model.log_q(rows(z))).backward()
    np.testing.assert_allclose(model.centers.grad, expected, atol=1e-6)


def test_gradient__of_identical_rows_is_zero(centers):
    z = np.repeat(np.random.default_rng(3).normal(size=(1, 3)), 5, axis=0)
    model, x = centroid_model(centers), rows(z).requires_grad_()
    p = target_distribution(model.assign(x)).detach()
    kl_divergence(p, model.log_q(x)).backward()
    np.testing.assert_allclose(x.grad, 0.0, atol=1e-6)


# -- distances and centres ---------------------------------------------------------


def test_squared_distances__against_loops(z, centers):
    expected = [[((row - center) ** 2).sum() for center in centers] for row in z]
    result = squared_distances(torch.tensor(z), torch.tensor(centers))
    np.testing.assert_allclose(result, expected, rtol=1e-12)


def test_squared_distances__are_exact_for_points_that_coincide():
    points = 1e6 + torch.rand(50, 8, generator=torch.Generator().manual_seed(0))
    assert torch.all(squared_distances(points, points).diagonal() == 0)


def test_distances__are_the_roots(z, centers):
    result = centroid_model(centers).distances(rows(z)).detach()
    expected = np.linalg.norm(z[:, None] - centers, axis=2)
    np.testing.assert_allclose(result, expected, rtol=1e-5)


def test_keep__drops_the_other_centres(z, centers):
    model = centroid_model(centers)
    before = model.assign(rows(z)).detach()
    model.keep(torch.tensor([0, 2]))
    assert model.n_clusters == 2
    assert model.config["centers"] == [2, 3]
    after = model.assign(rows(z)).detach()
    expected = before[:, [0, 2]] / before[:, [0, 2]].sum(dim=1, keepdim=True)
    np.testing.assert_allclose(after, expected, rtol=1e-5)


def test_centres__are_a_copy(centers):
    given = torch.tensor(centers, dtype=torch.float32)
    model = centroid_model(given)
    with torch.no_grad():
        model.centers.zero_()
    assert torch.equal(given, torch.tensor(centers, dtype=torch.float32))


def test_squared_distances__in_parts_of_variances():
    z, centers, variances = torch.rand(3, 4, 2, generator=torch.Generator()).unbind()
    result = squared_distances(z, centers, variances)
    for i in range(4):
        for j in range(4):
            expected = ((z[i] - centers[j]) ** 2 / variances[j]).sum()
            assert result[i, j].item() == pytest.approx(expected.item(), rel=1e-5)


def test_squared_distances__in_parts_equal_those_at_once(monkeypatch):
    z, centers = torch.randn(9, 3), torch.randn(4, 3)
    expected = squared_distances(z, centers)
    monkeypatch.setattr("skdeepcluster.networks._models._DIFFERENCES", 25)
    torch.testing.assert_close(squared_distances(z, centers), expected)
