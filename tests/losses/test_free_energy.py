"""The free energy of restricted Boltzmann machines."""

import numpy as np
import pytest
import torch
from sklearn.neural_network import BernoulliRBM

from skdeepcluster.losses import free_energy
from tests.references import boltzmann as reference


def machine(n_rows=7, n_visible=5, n_hidden=4):
    rng = np.random.default_rng(0)
    v = rng.integers(0, 2, size=(n_rows, n_visible)).astype(np.float64)
    shapes = (n_hidden, n_visible), (n_visible,), (n_hidden,)
    return v, *(rng.normal(size=shape) for shape in shapes)


@pytest.mark.parametrize("gaussian_visible", [False, True])
@pytest.mark.parametrize("sizes", [(7, 5, 4), (1, 1, 1), (3, 1, 6)])
def test_free_energy__against_the_sum_over_all_states(sizes, gaussian_visible):
    parts = machine(*sizes)
    expected = reference.free_energy(*parts, gaussian_visible=gaussian_visible)
    result = free_energy(*map(torch.tensor, parts), gaussian_visible=gaussian_visible)
    np.testing.assert_allclose(result, expected, rtol=1e-10)


def test_free_energy__of_gaussian_hidden_units():
    parts = machine()
    expected = reference.free_energy_of_gaussian_units(*parts)
    result = free_energy(*map(torch.tensor, parts), gaussian_hidden=True)
    np.testing.assert_allclose(result, expected, rtol=1e-8)


def test_free_energy__is_computed_in_float32():
    halves = [torch.tensor(part).bfloat16() for part in machine()]
    result = free_energy(*halves)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, free_energy(*(h.float() for h in halves)))


def test_free_energy__gradient():
    parts = [torch.tensor(part, requires_grad=True) for part in machine()]
    for visible in (False, True):
        for hidden in (False, True):

            def energy(*parts, visible=visible, hidden=hidden):
                return free_energy(
                    *parts, gaussian_visible=visible, gaussian_hidden=hidden
                )

            assert torch.autograd.gradcheck(energy, parts)


def test_difference__has_the_gradient_of_contrastive_divergence():
    v, weight, visible_bias, hidden_bias = machine()
    sampled = np.random.default_rng(1).integers(0, 2, size=v.shape).astype(np.float64)
    parameters = [
        torch.tensor(part, requires_grad=True)
        for part in (weight, visible_bias, hidden_bias)
    ]
    energies = [free_energy(torch.tensor(rows), *parameters) for rows in (v, sampled)]
    (energies[0] - energies[1]).mean().backward()

    rbm = BernoulliRBM(n_components=4)
    rbm.components_ = weight
    rbm.intercept_visible_, rbm.intercept_hidden_ = visible_bias, hidden_bias
    h, h_sampled = rbm._mean_hiddens(v), rbm._mean_hiddens(sampled)
    update = (h.T @ v - h_sampled.T @ sampled) / len(v)
    np.testing.assert_allclose(-parameters[0].grad, update, atol=1e-12)
    np.testing.assert_allclose(-parameters[1].grad, (v - sampled).mean(axis=0))
    np.testing.assert_allclose(-parameters[2].grad, (h - h_sampled).mean(axis=0))
    np.testing.assert_allclose(energies[0].detach(), rbm._free_energy(v))


def test_difference__of_rows_and_themselves_is_zero():
    parts = [torch.tensor(part) for part in machine()]
    assert float((free_energy(*parts) - free_energy(*parts)).abs().max()) == 0
