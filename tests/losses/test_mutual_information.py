"""Information of assignments against its formulas."""

import warnings

import numpy as np
import pytest
import torch

from skdeepcluster.losses import (
    conditional_entropy,
    confident_cross_entropy,
    consistency,
    mean_entropy,
    mutual_information,
)
from tests.references import mutual_information as reference

SHAPES = [(1, 1), (1, 4), (7, 1), (30, 5)]
BINARY = [consistency, mutual_information]


def random_scores(*shape, seed=0, sharpness=1.0):
    scores = sharpness * np.random.default_rng(seed).normal(size=shape)
    return torch.from_numpy(scores)


def random_assignment(*shape, seed=0, sharpness=1.0):
    return random_scores(*shape, seed=seed, sharpness=sharpness).softmax(dim=-1)


def random_pair(*shape, sharpness=1.0):
    return random_assignment(2, *shape, sharpness=sharpness)


def one_hot(labels, k):
    return torch.eye(k, dtype=torch.float64)[torch.tensor(labels)]


# -- entropy -----------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sharpness", [0.1, 1.0, 30.0])
def test_entropy__against_the_reference(shape, sharpness):
    p = random_assignment(*shape, sharpness=sharpness)
    result = mean_entropy(p)
    assert result.shape == ()
    assert result.dtype == torch.float64
    expected = reference.mean_entropy(p.numpy())
    assert float(result) == pytest.approx(expected, abs=1e-12)


def test_entropy__of_uniform_rows_is_log_k():
    assert float(mean_entropy(torch.full((5, 7), 1 / 7))) == pytest.approx(np.log(7))


def test_entropy__of_balanced_one_hot_rows_is_log_k():
    assert float(mean_entropy(torch.eye(4))) == pytest.approx(np.log(4))


@pytest.mark.parametrize("p", [torch.ones(5, 1), torch.eye(1, 3).repeat(5, 1)])
def test_entropy__is_zero_where_all_rows_share_a_cluster(p):
    assert float(mean_entropy(p)) == 0.0


def test_entropy__gradient():
    scores = random_scores(6, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: mean_entropy(s.softmax(dim=1)), scores)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sharpness", [0.1, 1.0, 30.0])
def test_conditional_entropy__against_the_reference(shape, sharpness):
    p = random_assignment(*shape, sharpness=sharpness)
    expected = reference.conditional_entropy(p.numpy())
    assert float(conditional_entropy(p)) == pytest.approx(expected, abs=1e-12)
    of_two = conditional_entropy(torch.stack([p, p.flip(0)]))
    np.testing.assert_allclose(of_two, [expected, expected], atol=1e-12)


def test_conditional_entropy__of_certain_rows_is_zero_and_has_finite_gradient():
    p = one_hot([0, 2, 2], 3).requires_grad_()
    loss = conditional_entropy(p)
    loss.backward()
    assert loss.item() == 0
    assert p.grad.isfinite().all()


def test_conditional_entropy__gradient():
    scores = random_scores(6, 4).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda scores: conditional_entropy(scores.softmax(dim=1)), scores
    )


def test_conditional_entropy__of_bfloat16_is_computed_in_float32():
    p = random_assignment(30, 5).bfloat16()
    result = conditional_entropy(p)
    assert result.dtype == torch.float32
    torch.testing.assert_close(result, conditional_entropy(p.float()))


# -- consistency -------------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sharpness", [0.1, 1.0, 30.0])
def test_consistency__against_the_reference(shape, sharpness):
    p, p_neighbor = random_pair(*shape, sharpness=sharpness)
    result = consistency(p, p_neighbor)
    assert result.shape == ()
    expected = reference.consistency(p.numpy(), p_neighbor.numpy())
    assert float(result) == pytest.approx(expected, abs=1e-12)


def test_consistency__of_equal_one_hot_rows_is_zero():
    p = one_hot([0, 2, 2, 1], 3)
    assert float(consistency(p, p)) == 0.0


def test_consistency__of_uniform_rows_is_log_k():
    p = torch.full((5, 7), 1 / 7)
    assert float(consistency(p, p)) == pytest.approx(np.log(7))


def test_consistency__of_contrary_rows_is_the_clamp():
    p = one_hot([0, 0], 2).requires_grad_()
    loss = consistency(p, one_hot([1, 1], 2))
    loss.backward()
    assert loss.item() == pytest.approx(-np.log(1e-8))
    assert torch.equal(p.grad, torch.zeros_like(p))


def test_consistency__gradient():
    scores = random_scores(2, 6, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda s: consistency(*s.softmax(dim=-1)), scores)


# -- mutual information ------------------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("sharpness", [0.1, 1.0, 30.0])
@pytest.mark.parametrize("weight", [0.5, 1.0, 1.5])
def test_information__against_the_reference(shape, sharpness, weight):
    p, p_other = random_pair(*shape, sharpness=sharpness)
    result = mutual_information(p, p_other, weight)
    assert result.shape == ()
    expected = reference.mutual_information(p.numpy(), p_other.numpy(), weight)
    assert float(result) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("k", [1, 2, 5])
def test_information__of_equal_balanced_one_hot_rows_is_log_k(k):
    p = torch.eye(k).repeat(3, 1)
    assert float(mutual_information(p, p)) == pytest.approx(np.log(k), abs=1e-6)


def test_information__of_exchanged_clusters_is_that_of_equal_ones():
    p = one_hot([0, 1], 2)
    assert float(mutual_information(p, p.flip(1))) == pytest.approx(np.log(2))


@pytest.mark.parametrize("p", [[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
def test_information__of_identical_rows_is_zero(p):
    p = torch.tensor([p], dtype=torch.float64).repeat(4, 1)
    assert float(mutual_information(p, p)) == pytest.approx(0.0, abs=1e-12)


def test_information__weight_asks_for_equal_sizes():
    balanced, unequal = one_hot([0, 0, 1, 1], 2), one_hot([0, 0, 0, 1], 2)
    gaps = [
        float(mutual_information(balanced, balanced, weight))
        - float(mutual_information(unequal, unequal, weight))
        for weight in (1.0, 1.5)
    ]
    assert gaps[1] == pytest.approx(2 * gaps[0])


def test_information__gradient():
    scores = random_scores(2, 6, 3).requires_grad_()
    for weight in (1.0, 1.5):
        assert torch.autograd.gradcheck(
            lambda s, weight=weight: mutual_information(*s.softmax(dim=-1), weight),
            scores,
        )


# -- several heads, empty clusters, precision --------------------------------------


def test_heads_at_once_equal_one_by_one():
    p, p_other = random_pair(3, 8, 4)
    for loss in BINARY:
        together = loss(p, p_other)
        assert together.shape == (3,)
        alone = [loss(p[head], p_other[head]) for head in range(3)]
        np.testing.assert_allclose(together, alone, rtol=1e-12)
    together = mean_entropy(p)
    assert together.shape == (3,)
    alone = [mean_entropy(of_head) for of_head in p]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


@pytest.mark.parametrize(
    "loss",
    [mean_entropy, *(lambda p, loss=loss: loss(p, p.flip(0)) for loss in BINARY)],
)
@pytest.mark.parametrize("least", [0.0, 1e-45, 1e-30])
def test_an_empty_cluster_has_finite_gradient(loss, least):
    p = torch.tensor([[0.4, 0.6, least], [0.9, 0.1, least]], requires_grad=True)
    value = loss(p)
    value.backward()
    assert value.isfinite()
    assert p.grad.isfinite().all()


@pytest.mark.parametrize("loss", BINARY)
def test_bfloat16_is_computed_in_float32(loss):
    p, p_other = random_pair(40, 5)
    result = loss(p.bfloat16(), p_other.bfloat16())
    assert result.dtype == torch.float32
    exact = loss(p.bfloat16().double(), p_other.bfloat16().double())
    assert float(result) == pytest.approx(float(exact), abs=1e-6)
    assert float(result) == pytest.approx(float(loss(p, p_other)), rel=2e-2, abs=1e-3)


def test_entropy_of_bfloat16_is_computed_in_float32():
    p = random_assignment(40, 5)
    result = mean_entropy(p.bfloat16())
    assert result.dtype == torch.float32
    assert float(result) == pytest.approx(float(mean_entropy(p)), rel=1e-3)


@pytest.mark.parametrize("loss", BINARY)
def test_autocast_rounds_nothing(loss):
    p, p_other = random_pair(40, 5).float().requires_grad_()
    plain = torch.autograd.grad(loss(p, p_other), [p, p_other])
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(p, p_other)
    under_autocast = torch.autograd.grad(value, [p, p_other])
    for one, other in zip(plain, under_autocast, strict=True):
        assert torch.equal(one, other)


# -- learning from confident rows --------------------------------------------------


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("threshold", [0.0, 0.6, 0.9])
def test_confident__against_the_reference(shape, threshold):
    log_p = random_scores(*shape, seed=1).log_softmax(dim=1)
    teacher = random_assignment(*shape, seed=2, sharpness=2.0)
    loss, share = confident_cross_entropy(log_p, teacher, threshold)
    assert loss.shape == share.shape == ()
    expected = reference.confident_cross_entropy(
        log_p.numpy(), teacher.numpy(), threshold
    )
    np.testing.assert_allclose([loss, share], expected, rtol=1e-12)


def test_confident__by_hand():
    teacher = torch.tensor([[1.0, 0.0, 0.0]] * 3 + [[0.0, 1.0, 0.0], [0.4, 0.3, 0.3]])
    p = torch.tensor([[0.5, 0.3, 0.2]] * 2 + [[0.1, 0.8, 0.1]] * 3)
    loss, share = confident_cross_entropy(p.log(), teacher, 0.99)
    # Rows of either present cluster count as one row; the last row not at all.
    first = -(2 * np.log(0.5) + np.log(0.1)) / 3
    assert float(loss) == pytest.approx((first - np.log(0.8)) / 2)
    assert float(share) == pytest.approx(4 / 5)


def test_confident__must_exceed_the_threshold():
    teacher = torch.tensor([[0.75, 0.25]])
    log_p = teacher.log()
    assert float(confident_cross_entropy(log_p, teacher, 0.75)[1]) == 0.0
    assert float(confident_cross_entropy(log_p, teacher, 0.74)[1]) == 1.0


def test_confident__no_row_gives_zero_and_zero_gradient():
    scores = random_scores(6, 3).requires_grad_()
    teacher = torch.full((6, 3), 1 / 3)
    loss, share = confident_cross_entropy(scores.log_softmax(dim=1), teacher, 0.99)
    loss.backward()
    assert loss.item() == share.item() == 0.0
    assert torch.equal(scores.grad, torch.zeros_like(scores))


def test_confident__what_is_left_out_may_be_infinite():
    scores = torch.tensor([[0.0, -torch.inf], [-torch.inf, 0.0]], requires_grad=True)
    teacher = torch.tensor([[1.0, 0.0], [0.5, 0.5]])
    loss, _ = confident_cross_entropy(scores.log_softmax(dim=1), teacher, 0.9)
    loss.backward()
    assert loss.item() == 0.0
    assert scores.grad.isfinite().all()


def test_confident__of_one_cluster_is_zero():
    loss, share = confident_cross_entropy(torch.zeros(5, 1), torch.ones(5, 1), 0.99)
    assert float(loss) == 0.0
    assert float(share) == 1.0


def test_confident__gradient_is_of_the_student_alone():
    student = random_scores(8, 3, seed=1).requires_grad_()
    teacher = random_scores(8, 3, seed=2, sharpness=2.0).requires_grad_()

    def loss(student):
        log_p = student.log_softmax(dim=1)
        return confident_cross_entropy(log_p, teacher.softmax(dim=1), 0.6)[0]

    assert torch.autograd.gradcheck(loss, student)
    loss(student).backward()
    assert student.grad.any()
    assert teacher.grad is None


def test_confident__of_bfloat16_is_computed_in_float32():
    log_p = random_scores(20, 4, seed=1).log_softmax(dim=1)
    teacher = random_assignment(20, 4, seed=2, sharpness=2.0)
    expected, expected_share = confident_cross_entropy(log_p, teacher, 0.6)
    loss, share = confident_cross_entropy(log_p.bfloat16(), teacher.bfloat16(), 0.6)
    assert loss.dtype == share.dtype == torch.float32
    assert float(loss) == pytest.approx(float(expected), rel=1e-2)
    assert float(share) == pytest.approx(float(expected_share))


# -- several runs ------------------------------------------------------------------


def entropy_and_information(p, p_other):
    return mean_entropy(p), consistency(p, p_other), mutual_information(p, p_other)


def self_labelling(p, p_other):
    return confident_cross_entropy(p.log(), p_other, 0.5)


@pytest.mark.parametrize("losses", [entropy_and_information, self_labelling])
def test_runs_at_once_equal_one_by_one(losses):
    p, p_other = random_pair(3, 8, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an operation done run by run says so
        together = torch.vmap(losses)(p, p_other)
    alone = [losses(p[run], p_other[run]) for run in range(3)]
    for values, expected in zip(together, zip(*alone, strict=True), strict=True):
        np.testing.assert_allclose(values, expected, rtol=1e-12)
