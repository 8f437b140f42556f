"""Combinations of rows, and the clusters that show in them."""

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from skdeepcluster.cluster._shared._self_expression import (
    affinity_of,
    best_coefficients,
    largest_part,
    spectral_labels,
)
from tests.references import self_expression as reference


@pytest.mark.parametrize("ridge", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("shape", [(12, 3), (5, 8), (2, 1)])
def test_best_coefficients__against_one_regression_per_row(shape, ridge):
    z = np.random.default_rng(0).normal(size=shape)
    found = best_coefficients(torch.tensor(z), ridge).numpy()
    assert found.dtype == np.float32
    expected = reference.best_coefficients(z, ridge)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)


def test_best_coefficients__of_equal_rows_are_equal():
    found = best_coefficients(torch.ones(6, 2), 1e-9).numpy()
    np.testing.assert_allclose(found, (1 - np.eye(6)) / 5, rtol=1e-4)
    assert not best_coefficients(torch.zeros(6, 2), 1.0).any()


@pytest.mark.parametrize("share", [0.1, 0.4, 1.0])
def test_largest_part__against_the_reference(share):
    size = np.random.default_rng(0).exponential(size=(7, 7))
    size[3] = 0.0
    expected = reference.largest_part(size, share)
    np.testing.assert_array_equal(largest_part(size, share), expected)
    assert (expected > 0).sum(axis=1).tolist().count(0) == 1


def test_affinity__of_rows_in_separate_parts():
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 20)
    size = rng.uniform(0.5, 1.0, size=(60, 60)) * (labels[:, None] == labels)
    signs = rng.choice([-1.0, 1.0], size=(60, 60))  # which do not count
    affinity = affinity_of(signs * size, 3, 0)
    assert affinity.min() >= 0
    assert affinity.max() <= 1 + 1e-6
    np.testing.assert_allclose(affinity, affinity.T, atol=1e-6)
    np.testing.assert_allclose(affinity.diagonal(), 1, rtol=1e-5)
    assert np.all(affinity[labels[:, None] != labels] < 1e-6)
    # Parts that nothing connects are no reason to warn.
    found = spectral_labels(affinity, 3, 0)
    assert found.dtype == np.int64
    assert adjusted_rand_score(labels, found) == 1


def test_affinity__of_no_coefficients_is_zero():
    assert not affinity_of(np.zeros((6, 6)), 2, 0).any()
