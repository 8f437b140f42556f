"""Target distribution and divergence against the formulas of the DEC paper."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import kl_divergence, target_distribution
from tests.references import self_training as reference


def random_assignment(n_samples, n_clusters, seed=0, sharpness=1.0):
    rng = np.random.default_rng(seed)
    q = np.exp(sharpness * rng.normal(size=(n_samples, n_clusters)))
    return q / q.sum(axis=1, keepdims=True)


# -- target ------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (7, 1), (30, 5)])
@pytest.mark.parametrize("sharpness", [0.1, 1.0, 10.0])
@pytest.mark.parametrize("balance", [0.0, 0.5, 1.0, 3.0])
def test_target__against_the_reference(shape, sharpness, balance):
    q = random_assignment(*shape, sharpness=sharpness)
    result = target_distribution(torch.from_numpy(q), balance)
    assert result.dtype == torch.float64
    expected = reference.target_distribution(q, balance)
    np.testing.assert_allclose(result, expected, rtol=1e-10)


def test_target__by_hand():
    # Frequencies 1.2 and 0.8: 0.64 / 1.2 against 0.04 / 0.8, then 0.16 against 0.36.
    q = torch.tensor([[0.8, 0.2], [0.4, 0.6]], dtype=torch.float64)
    expected = [[32 / 35, 3 / 35], [8 / 35, 27 / 35]]
    np.testing.assert_allclose(target_distribution(q), expected, rtol=1e-12)


def test_target__rows_sum_to_one():
    q = torch.from_numpy(random_assignment(30, 5)).float()
    np.testing.assert_allclose(target_distribution(q).sum(dim=1), 1.0, rtol=1e-6)


def test_target__sharpens_where_clusters_are_of_equal_size():
    q = random_assignment(6, 3)
    q = np.concatenate([np.roll(q, shift, axis=1) for shift in range(3)])
    p = target_distribution(torch.from_numpy(q)).numpy()
    assert np.all(p.max(axis=1) >= q.max(axis=1))
    np.testing.assert_array_equal(p.argmax(axis=1), q.argmax(axis=1))


def test_target__favours_the_smaller_cluster():
    q = torch.tensor([[0.9, 0.1]] * 9 + [[0.5, 0.5]])
    assert target_distribution(q)[-1, 1] > 0.5
    assert target_distribution(q, balance=0.0)[-1, 1] == 0.5


def test_target__stays_finite_where_a_cluster_is_lost():
    q = torch.tensor([[1.0, 0.0], [1.0, 1e-38]])
    for balance in (0.0, 1.0, 100.0):
        assert target_distribution(q, balance).isfinite().all()


def test_target__one_cluster_is_certain():
    assert torch.equal(target_distribution(torch.ones(5, 1)), torch.ones(5, 1))


def test_target__identical_rows_keep_their_assignment():
    q = torch.tensor([[0.7, 0.2, 0.1]], dtype=torch.float64).repeat(4, 1)
    np.testing.assert_allclose(target_distribution(q), q, rtol=1e-12)


@pytest.mark.parametrize("least", [0.0, 1e-45, 1e-30])
def test_target__of_an_empty_cluster_is_finite(least):
    q = torch.tensor([[1.0 - least, least]] * 5)
    p = target_distribution(q)
    assert torch.all(torch.isfinite(p))
    np.testing.assert_allclose(p.sum(dim=1), 1.0, rtol=1e-6)


# -- divergence --------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (7, 1), (30, 5)])
def test_divergence__against_the_reference(shape):
    p, q = random_assignment(*shape, seed=1), random_assignment(*shape, seed=2)
    result = kl_divergence(torch.from_numpy(p), torch.from_numpy(q).log())
    assert result.shape == ()
    assert float(result) == pytest.approx(reference.kl_divergence(p, q), abs=1e-12)


def test_divergence__is_zero_for_equal_and_positive_for_other_assignments():
    p = torch.from_numpy(random_assignment(9, 4))
    assert float(kl_divergence(p, p.log())) == pytest.approx(0.0, abs=1e-12)
    assert float(kl_divergence(p, p.flip(1).log())) > 0.01


def test_divergence__a_zero_of_p_adds_nothing():
    p = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    log_q = torch.tensor([[0.5, 0.5], [0.25, 0.75]]).log()
    expected = (np.log(2) - np.log(0.75)) / 2
    assert float(kl_divergence(p, log_q)) == pytest.approx(expected)


def test_divergence__where_q_underflows_is_finite():
    log_q = torch.tensor([[-1e4, 0.0]])
    assert float(kl_divergence(torch.tensor([[0.5, 0.5]]), log_q)) == pytest.approx(
        5000 + np.log(0.5)
    )


def test_divergence__gradient():
    p = torch.from_numpy(random_assignment(5, 3))
    scores = torch.randn(
        5, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)
    ).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda s: kl_divergence(p, torch.log_softmax(s, dim=1)), scores
    )
    # Softmax and divergence together: (q - p) / n.
    kl_divergence(p, torch.log_softmax(scores, dim=1)).backward()
    expected = (torch.softmax(scores, dim=1) - p).detach() / 5
    np.testing.assert_allclose(scores.grad, expected, atol=1e-12)
