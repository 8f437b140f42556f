"""Sinkhorn's assignments against the same in probabilities, and what they promise."""

import numpy as np
import pytest
import torch

from skdeepcluster.losses import sinkhorn, soft_cross_entropy
from tests.references import transport as reference


def random_scores(n, k, seed=0):
    return torch.tensor(np.random.default_rng(seed).uniform(-1, 1, size=(n, k)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (6, 1), (12, 3), (3, 5)])
@pytest.mark.parametrize("epsilon", [0.05, 0.5])
@pytest.mark.parametrize("n_iter", [1, 3, 10])
def test_against_the_reference(shape, epsilon, n_iter):
    scores = random_scores(*shape)
    q = sinkhorn(scores, epsilon, n_iter)
    expected = reference.sinkhorn(scores.numpy(), epsilon, n_iter)
    np.testing.assert_allclose(q.numpy(), expected, rtol=1e-9, atol=1e-12)


def test_rows_sum_to_one_and_clusters_become_equally_large():
    q = sinkhorn(random_scores(40, 4), 0.1, 200)
    np.testing.assert_allclose(q.sum(dim=1), 1, rtol=1e-12)
    np.testing.assert_allclose(q.sum(dim=0), 10, rtol=1e-6)


def test_all_rows_alike_are_shared_equally():
    q = sinkhorn(torch.tensor([[0.9, 0.1, 0.0]]).repeat(6, 1), 0.05)
    np.testing.assert_allclose(q, 1 / 3, rtol=1e-4)


def test_clear_clusters_of_equal_size_are_found():
    scores = torch.eye(3, dtype=torch.float64).repeat(5, 1)
    np.testing.assert_allclose(sinkhorn(scores, 0.05), scores, atol=1e-6)


def test_half_precision_does_not_overflow():
    q = sinkhorn(random_scores(20, 3).half(), 0.01)
    assert q.dtype == torch.float32
    assert q.isfinite().all()
    torch.testing.assert_close(q.sum(dim=1), torch.ones(20))


def test_has_no_gradient():
    assert not sinkhorn(random_scores(4, 2).requires_grad_(), 0.1).requires_grad


# -- cross-entropy with what came out ----------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (6, 1), (12, 3)])
@pytest.mark.parametrize("sharpness", [0.1, 1.0, 100.0])
def test_cross_entropy__against_the_reference(shape, sharpness):
    logits = sharpness * random_scores(*shape)
    q = sinkhorn(random_scores(*shape, seed=1), 0.5)
    loss = soft_cross_entropy(logits, q)
    assert loss.shape == ()
    expected = reference.soft_cross_entropy(logits.numpy(), q.numpy())
    assert float(loss) == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_cross_entropy__of_one_cluster_is_zero():
    assert float(soft_cross_entropy(random_scores(5, 1), torch.ones(5, 1))) == 0


def test_cross_entropy__of_equal_logits_is_log_k():
    q = sinkhorn(random_scores(5, 7), 0.1)
    loss = soft_cross_entropy(torch.zeros(5, 7), q)
    assert float(loss) == pytest.approx(np.log(7))


def test_cross_entropy__with_labels_is_the_usual_one():
    logits, labels = random_scores(6, 3), torch.tensor([0, 2, 1, 1, 0, 2])
    loss = soft_cross_entropy(logits, torch.eye(3)[labels])
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits, labels))


def test_cross_entropy__of_heads_is_that_of_each():
    logits, q = (
        random_scores(12, 3).unflatten(0, (2, 6)),
        sinkhorn(random_scores(6, 3), 0.5),
    )
    expected = [float(soft_cross_entropy(head, q)) for head in logits]
    assert soft_cross_entropy(logits, q).tolist() == pytest.approx(expected)
    assert soft_cross_entropy(logits, q.expand(2, 6, 3)).tolist() == pytest.approx(
        expected
    )


def test_cross_entropy__gradient():
    q = sinkhorn(random_scores(6, 3, seed=1), 0.5)
    logits = random_scores(6, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: soft_cross_entropy(x, q), logits)


def test_cross_entropy__of_bfloat16_is_computed_in_float32():
    logits = random_scores(6, 3).bfloat16()
    q = sinkhorn(random_scores(6, 3, seed=1), 0.5).bfloat16()
    loss = soft_cross_entropy(logits, q)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, soft_cross_entropy(logits.float(), q.float()))
