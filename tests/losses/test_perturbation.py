"""Perturbations that change assignments most, against differences."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import adversarial_perturbation, kl_divergence
from tests.references import perturbation as reference


class Assignment(torch.nn.Module):
    """Two layers, with or without batch statistics between them."""

    def __init__(self, n_features, n_clusters, batch_norm, dtype=torch.float64):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        sizes = [(n_features, 8), (8, n_clusters)]
        self.weights = torch.nn.ParameterList(
            torch.randn(*size, generator=draw, dtype=dtype) for size in sizes
        )
        self.batch_norm = batch_norm

    def forward(self, x):
        h = (x @ self.weights[0]).tanh()
        if self.batch_norm:
            h = (h - h.mean(dim=0)) / (h.std(dim=0) + 0.1)
        return (h @ self.weights[1]).log_softmax(dim=1)


def generator():
    return torch.Generator().manual_seed(1)


def random_x(n=6, d=4, dtype=torch.float64):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(2), dtype=dtype)


def perturbation(model, x, look, radius):
    p = model(x).exp().detach()
    return adversarial_perturbation(
        model, x, p, look[:, None], radius[:, None], generator()
    )


@pytest.mark.parametrize("n_clusters", [2, 5])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_perturbation__against_the_reference(n_clusters, batch_norm):
    x = random_x()
    model = Assignment(4, n_clusters, batch_norm)
    look, radius = torch.linspace(0.2, 2, 6), torch.linspace(0.1, 1, 6)

    def assign(x):
        with torch.no_grad():
            return model(torch.from_numpy(x)).exp().numpy()

    noise = torch.randn(x.shape, generator=generator(), dtype=x.dtype).numpy()
    expected = reference.adversarial_perturbation(
        assign, x.numpy(), assign(x.numpy()), noise, look.numpy(), radius.numpy()
    )
    found = perturbation(model, x, look.double(), radius.double())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    divergence = kl_divergence(model(x).exp(), model(x + found))
    there = reference.kl_divergence(assign(x.numpy()), assign(x.numpy() + expected))
    assert divergence.item() == pytest.approx(there, rel=1e-4)


def test_perturbation__has_the_length_asked_for():
    radius = torch.tensor([0.0, 1e-6, 1.0, 1e3, 2.0, 3.0]).double()
    found = perturbation(Assignment(4, 3, False), random_x(), torch.ones(6), radius)
    np.testing.assert_allclose(found.norm(dim=1), radius, rtol=1e-6)


def test_perturbation__changes_more_than_random_ones():
    x, model = random_x(50), Assignment(4, 3, False)
    radius = torch.full((50,), 0.2).double()
    p = model(x).exp()
    found = perturbation(model, x, radius, radius)
    random = torch.randn(20, 50, 4, generator=generator()).double()
    random = 0.2 * random / random.norm(dim=2, keepdim=True)
    most = max(kl_divergence(p, model(x + one)).item() for one in random)
    assert kl_divergence(p, model(x + found)).item() > 1.2 * most


def test_perturbation__has_no_gradient_and_leaves_none():
    model = Assignment(4, 3, True)
    found = perturbation(model, random_x(), torch.ones(6), torch.ones(6))
    assert not found.requires_grad
    assert all(weight.grad is None for weight in model.parameters())


@pytest.mark.parametrize("n_clusters", [1, 3])
def test_perturbation__where_nothing_changes_is_zero(n_clusters):
    model = Assignment(4, n_clusters, False)
    with torch.no_grad():
        model.weights[1].zero_()
    found = perturbation(model, random_x(), torch.ones(6), torch.ones(6))
    assert (found == 0).all()


def test_perturbation__of_assignments_that_hardly_differ_is_of_full_length():
    model = Assignment(4, 3, True, torch.float32)
    with torch.no_grad():
        model.weights[1] *= 1e-4
    x = random_x(dtype=torch.float32)
    found = perturbation(model, x, torch.ones(6), torch.ones(6))
    np.testing.assert_allclose(found.norm(dim=1), np.ones(6), rtol=1e-5)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_perturbation__in_bfloat16_has_float32_lengths(batch_norm):
    model = Assignment(4, 3, batch_norm, torch.float32)
    x, radius = random_x(dtype=torch.float32), torch.linspace(0.1, 1, 6)
    with torch.autocast("cpu", torch.bfloat16):
        found = perturbation(model, x, radius, radius)
    assert found.dtype == torch.float32
    np.testing.assert_allclose(found.norm(dim=1), radius, rtol=1e-6)
    exact = perturbation(model, x, radius, radius)
    assert torch.cosine_similarity(found, exact).min() > 0.9
