"""Directions of equal variance against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import nn

from skdeepcluster.engine import Group, Passes, Rows
from skdeepcluster.initialization import whiten


def passes(z):
    """Rows of which the embedding is what they are."""
    rows = Rows(np.asarray(z), np.zeros(z.shape[1]), 1.0, torch.device("cpu"))
    return Passes(rows, nn.Identity(), z.shape[1], Group())


def whitened(z, n_components):
    layer = nn.Linear(z.shape[1], n_components)
    whiten(passes(z), layer)
    with torch.no_grad():
        return layer(torch.tensor(z, dtype=torch.float32)).numpy()


@pytest.fixture
def z():
    rng = np.random.default_rng(0)
    return 5.0 + rng.normal(size=(300, 6)) @ rng.normal(size=(6, 6))


@pytest.mark.parametrize("n_components", [1, 3, 6])
def test_whiten__is_that_of_scikit_learn(z, n_components):
    result = whitened(z, n_components)
    expected = PCA(n_components, whiten=True).fit_transform(z)
    expected *= np.sqrt(300 / 299)  # which divides by n - 1
    # Directions may point the other way, and here the largest comes last.
    np.testing.assert_allclose(abs(result[:, ::-1]), abs(expected), atol=1e-4)


def test_whiten__has_mean_zero_and_equal_variances(z):
    result = whitened(z, 4)
    np.testing.assert_allclose(result.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(result.T, bias=True), np.eye(4), atol=1e-4)


@pytest.mark.parametrize("noise", [0.0, 1e-6])
def test_whiten__directions_without_variance_give_zero(z, noise):
    rng = np.random.default_rng(1)
    flat = z[:, [0, 1, 0, 1, 0, 1]] + noise * rng.normal(size=z.shape)
    result = whitened(flat, 5)
    np.testing.assert_allclose(result[:, :3], 0, atol=1e-6)
    np.testing.assert_allclose(result[:, 3:].var(axis=0), 1, rtol=1e-4)


@pytest.mark.parametrize("n_rows", [1, 7])
def test_whiten__of_rows_that_are_all_the_same_is_zero(n_rows):
    np.testing.assert_allclose(whitened(np.full((n_rows, 3), 2.0), 2), 0, atol=1e-6)
