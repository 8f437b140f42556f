"""Contrast between rows and between clusters against their formulas."""

import warnings

import numpy as np
import pytest
import torch

from skdeepcluster.losses import (
    cluster_contrast,
    direction_error,
    info_nce,
    nt_xent,
    partition_uncertainty,
    prototype_contrast,
)
from tests.references import contrastive as reference


def random_views(n, d, seed=0, dtype=torch.float64):
    views = np.random.default_rng(seed).normal(size=(2, n, d))
    return torch.tensor(views, dtype=dtype)


def random_assignments(n, k, seed=0):
    return random_views(n, k, seed).softmax(dim=-1)


# -- rows --------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (2, 3), (7, 1), (9, 5)])
@pytest.mark.parametrize("temperature", [0.1, 0.5, 1.0])
def test_nt_xent__against_the_reference(shape, temperature):
    z_a, z_b = random_views(*shape)
    result = nt_xent(z_a, z_b, temperature)
    assert result.shape == ()
    assert result.dtype == torch.float64
    expected = reference.nt_xent(z_a.numpy(), z_b.numpy(), temperature)
    assert float(result) == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_nt_xent__identical_views_with_orthogonal_rows():
    # Similarity 1 with the other view, 0 with the 2n - 2 others.
    z = 3.0 * torch.eye(4, 6, dtype=torch.float64)
    expected = np.log(1 + 6 * np.exp(-1 / 0.5))
    assert float(nt_xent(z, z, 0.5)) == pytest.approx(expected)


@pytest.mark.parametrize("temperature", [0.01, 0.5])
def test_nt_xent__identical_points_are_a_guess_among_all_others(temperature):
    z = torch.ones(5, 3)
    assert float(nt_xent(z, z, temperature)) == pytest.approx(np.log(9), rel=1e-5)


def test_nt_xent__of_one_row_is_zero():
    z_a, z_b = random_views(1, 4)
    assert float(nt_xent(z_a, z_b, 0.1)) == pytest.approx(0.0, abs=1e-12)


def test_nt_xent__does_not_see_lengths_nor_which_view_is_which():
    z_a, z_b = random_views(6, 3)
    expected = float(nt_xent(z_a, z_b, 0.5))
    lengths = torch.arange(1.0, 7.0)[:, None]
    assert float(nt_xent(lengths * z_a, z_b / 9, 0.5)) == pytest.approx(expected)
    assert float(nt_xent(z_b, z_a, 0.5)) == pytest.approx(expected)


def test_nt_xent__prefers_the_matching_view():
    z_a, z_b = random_views(8, 16)
    close = z_a + 0.1 * z_b
    assert nt_xent(z_a, close, 0.5) < nt_xent(z_a, close.roll(1, dims=0), 0.5) - 0.5


def test_nt_xent__gradient():
    z_a, z_b = random_views(4, 3).requires_grad_()
    assert torch.autograd.gradcheck(lambda a, b: nt_xent(a, b, 0.5), (z_a, z_b))


@pytest.mark.parametrize("length", [0.0, 1e-30, 1e-12])
def test_nt_xent__a_row_without_direction_has_a_modest_gradient(length):
    z_a, z_b = random_views(4, 3, dtype=torch.float32)
    z_a[1] *= length
    z_a.requires_grad_()
    loss = nt_xent(z_a, z_b, 0.5)
    loss.backward()
    assert loss.isfinite()
    assert z_a.grad.abs().max() < 10


def test_nt_xent__of_bfloat16_is_computed_in_float32():
    z_a, z_b = random_views(20, 8).bfloat16()
    result = nt_xent(z_a, z_b, 0.1)
    assert result.dtype == torch.float32
    expected = nt_xent(z_a.double(), z_b.double(), 0.1)
    assert float(result) == pytest.approx(float(expected), rel=1e-5)


def test_nt_xent__of_rounded_rows_is_nearly_that_of_the_rows():
    z_a, z_b = random_views(20, 8)
    rounded = nt_xent(z_a.bfloat16(), z_b.bfloat16(), 0.5)
    assert float(rounded) == pytest.approx(float(nt_xent(z_a, z_b, 0.5)), rel=1e-2)


# -- keys --------------------------------------------------------------------------


def random_negatives(m, d, dtype=torch.float64):
    return random_views(m, d, seed=1, dtype=dtype)[0]


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (1, 3, 4), (7, 0, 2), (7, 5, 1), (9, 4, 5)]
)
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_info_nce__against_the_reference(shape, temperature):
    n, m, d = shape
    (query, key), negatives = random_views(n, d), random_negatives(m, d)
    result = info_nce(query, key, negatives, temperature)
    assert result.shape == ()
    assert result.dtype == torch.float64
    given = query.numpy(), key.numpy(), negatives.numpy()
    expected = reference.info_nce(*given, temperature)
    assert float(result) == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_info_nce__identical_points_are_a_guess_among_all():
    z = torch.ones(5, 3)
    result = info_nce(z, z, torch.ones(4, 3), 0.2)
    assert float(result) == pytest.approx(np.log(9), rel=1e-5)


def test_info_nce__does_not_see_lengths():
    (query, key), negatives = random_views(6, 3), random_negatives(4, 3)
    expected = float(info_nce(query, key, negatives, 0.5))
    scaled = info_nce(3 * query, key / 9, 7 * negatives, 0.5)
    assert float(scaled) == pytest.approx(expected)


def test_info_nce__gradient():
    query, key = random_views(4, 3).requires_grad_()
    negatives = random_negatives(5, 3).requires_grad_()
    assert torch.autograd.gradcheck(
        lambda *given: info_nce(*given, 0.5), (query, key, negatives)
    )


def test_info_nce__of_bfloat16_is_computed_in_float32():
    query, key = random_views(20, 8).bfloat16()
    negatives = random_negatives(5, 8).bfloat16()
    result = info_nce(query, key, negatives, 0.1)
    assert result.dtype == torch.float32
    expected = info_nce(query.double(), key.double(), negatives.double(), 0.1)
    assert float(result) == pytest.approx(float(expected), rel=1e-5)


# -- prototypes --------------------------------------------------------------------


def random_prototypes(k, d):
    prototypes = random_views(k, d, seed=2)[0]
    return prototypes, 0.1 + prototypes[:, 0].abs()


@pytest.mark.parametrize("shape", [(1, 1, 1), (6, 1, 3), (6, 4, 1), (9, 3, 5)])
def test_prototype_contrast__against_the_reference(shape):
    n, k, d = shape
    z, _ = random_views(n, d)
    prototypes, temperatures = random_prototypes(k, d)
    labels = torch.arange(n) % k
    result = prototype_contrast(z, prototypes, temperatures, labels)
    assert result.shape == ()
    assert result.dtype == torch.float64
    given = (part.numpy() for part in (z, prototypes, temperatures, labels))
    expected = reference.prototype_contrast(*given)
    assert float(result) == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_prototype_contrast__of_one_prototype_is_zero():
    z, _ = random_views(5, 3)
    labels = torch.zeros(5, dtype=torch.int64)
    result = prototype_contrast(z, *random_prototypes(1, 3), labels)
    assert float(result) == pytest.approx(0.0, abs=1e-12)


def test_prototype_contrast__equal_prototypes_are_a_guess():
    z, _ = random_views(5, 3)
    labels = torch.arange(5) % 4
    result = prototype_contrast(z, torch.ones(4, 3).double(), torch.ones(4), labels)
    assert float(result) == pytest.approx(np.log(4))


def test_prototype_contrast__gradient():
    z = random_views(4, 3)[0].requires_grad_()
    prototypes, temperatures = random_prototypes(3, 3)
    labels = torch.tensor([0, 2, 1, 2])
    assert torch.autograd.gradcheck(
        lambda z: prototype_contrast(z, prototypes, temperatures, labels), z
    )


def test_prototype_contrast__of_bfloat16_is_computed_in_float32():
    z, _ = random_views(20, 8).bfloat16()
    prototypes, temperatures = random_prototypes(3, 8)
    labels = torch.arange(20) % 3
    given = prototypes.float(), temperatures.float(), labels
    result = prototype_contrast(z, *given)
    assert result.dtype == torch.float32
    expected = prototype_contrast(z.double(), prototypes, temperatures, labels)
    assert float(result) == pytest.approx(float(expected), rel=1e-5)


# -- rows without others -----------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (7, 1), (9, 5)])
def test_direction_error__against_the_reference(shape):
    z, target = random_views(*shape)
    result = direction_error(z, target)
    assert result.shape == ()
    assert result.dtype == torch.float64
    expected = reference.direction_error(z.numpy(), target.numpy())
    assert float(result) == pytest.approx(expected, rel=1e-10, abs=1e-12)
    pairs = zip(z.numpy(), target.numpy(), strict=True)
    cosines = [reference.cosine(*pair) for pair in pairs]
    assert float(result) == pytest.approx(2 - 2 * np.mean(cosines), abs=1e-12)


@pytest.mark.parametrize(("factor", "expected"), [(1.0, 0.0), (7.0, 0.0), (-0.1, 4.0)])
def test_direction_error__does_not_see_lengths(factor, expected):
    z, _ = random_views(6, 3)
    assert float(direction_error(z, factor * z)) == pytest.approx(expected, abs=1e-12)


def test_direction_error__of_orthogonal_rows_is_two():
    z = torch.eye(4)
    assert float(direction_error(z, z.roll(1, dims=0))) == pytest.approx(2.0)


def test_direction_error__gradient():
    z, target = random_views(4, 3).requires_grad_()
    assert torch.autograd.gradcheck(direction_error, (z, target))


@pytest.mark.parametrize("length", [0.0, 1e-30, 1e-12])
def test_direction_error__a_row_without_direction_has_a_modest_gradient(length):
    z, target = random_views(4, 3, dtype=torch.float32)
    z[1] *= length
    z.requires_grad_()
    loss = direction_error(z, target)
    loss.backward()
    assert loss.isfinite()
    assert z.grad.abs().max() < 10


def test_direction_error__of_bfloat16_is_computed_in_float32():
    z, target = random_views(20, 8).bfloat16()
    result = direction_error(z, target)
    assert result.dtype == torch.float32
    expected = direction_error(z.double(), target.double())
    assert float(result) == pytest.approx(float(expected), rel=1e-5)


# -- clusters ----------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (7, 1), (9, 5)])
@pytest.mark.parametrize("temperature", [0.5, 1.0])
def test_cluster_contrast__against_the_reference(shape, temperature):
    p_a, p_b = random_assignments(*shape)
    result = cluster_contrast(p_a, p_b, temperature)
    assert result.shape == ()
    expected = reference.cluster_contrast(p_a.numpy(), p_b.numpy(), temperature)
    assert float(result) == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_cluster_contrast__of_one_cluster_is_zero():
    p = torch.ones(5, 1)
    assert float(cluster_contrast(p, p, 1.0)) == pytest.approx(0.0, abs=1e-6)


def test_cluster_contrast__equal_one_hot_rows():
    p = torch.eye(3, dtype=torch.float64).repeat(4, 1)
    expected = np.log(1 + 4 * np.exp(-1))
    assert float(cluster_contrast(p, p, 1.0)) == pytest.approx(expected)


def test_cluster_contrast__identical_points_are_a_guess_among_all_others():
    p = torch.tensor([[0.7, 0.2, 0.1]]).repeat(4, 1)
    assert float(cluster_contrast(p, p, 1.0)) == pytest.approx(np.log(5), rel=1e-5)


def test_cluster_contrast__gradient():
    scores = random_views(6, 3).requires_grad_()

    def loss(scores):
        return cluster_contrast(*scores.softmax(dim=-1), 1.0)

    assert torch.autograd.gradcheck(loss, scores)


@pytest.mark.parametrize("least", [0.0, 1e-45, 1e-30, 1e-10])
@pytest.mark.parametrize("loss_of", [cluster_contrast, partition_uncertainty])
def test_clusters__an_empty_column_has_finite_gradient(loss_of, least):
    p = torch.tensor([[0.5, 0.5, least]] * 4 + [[0.9, 0.1, least]], requires_grad=True)
    loss = loss_of(p, p, *([1.0] if loss_of is cluster_contrast else []))
    loss.backward()
    assert loss.isfinite()
    assert p.grad.isfinite().all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (7, 1), (9, 5)])
def test_partition_uncertainty__against_the_reference(shape):
    p, p_view = random_assignments(*shape)
    result = partition_uncertainty(p, p_view)
    assert result.shape == ()
    expected = reference.partition_uncertainty(p.numpy(), p_view.numpy())
    assert float(result) == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_partition_uncertainty__of_heads_is_that_of_each():
    heads = [random_assignments(9, 4, seed) for seed in range(3)]
    together = partition_uncertainty(*map(torch.stack, zip(*heads, strict=True)))
    alone = [float(partition_uncertainty(*views)) for views in heads]
    np.testing.assert_allclose(together, alone, rtol=1e-12)


def test_partition_uncertainty__is_info_nce_of_clusters():
    p, p_view = random_assignments(9, 4)
    expected = info_nce(p.T, p_view.T, p[:0].new_empty(0, 9), 1.0)
    torch.testing.assert_close(partition_uncertainty(p, p_view), expected)


def test_partition_uncertainty__of_one_cluster_is_zero():
    p = torch.ones(5, 1)
    assert float(partition_uncertainty(p, p)) == pytest.approx(0.0, abs=1e-6)


def test_partition_uncertainty__is_least_for_equal_one_hot_rows():
    p = torch.eye(3, dtype=torch.float64).repeat(4, 1)
    expected = np.log(1 + 2 * np.exp(-1))
    assert float(partition_uncertainty(p, p)) == pytest.approx(expected)


def test_partition_uncertainty__identical_points_are_a_guess_among_all():
    p = torch.tensor([[0.7, 0.2, 0.1]]).repeat(4, 1)
    assert float(partition_uncertainty(p, p)) == pytest.approx(np.log(3), rel=1e-5)


def test_partition_uncertainty__gradient():
    scores = random_views(6, 3).requires_grad_()

    def loss(scores):
        return partition_uncertainty(*scores.softmax(dim=-1))

    assert torch.autograd.gradcheck(loss, scores)


@pytest.mark.parametrize("autocast", [False, True])
def test_partition_uncertainty__of_bfloat16_is_computed_in_float32(autocast):
    p, p_view = random_assignments(20, 8).bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        result = partition_uncertainty(p, p_view)
    assert result.dtype == torch.float32
    expected = partition_uncertainty(p.double(), p_view.double())
    assert float(result) == pytest.approx(float(expected), rel=1e-5)


# -- both --------------------------------------------------------------------------


@pytest.mark.parametrize("loss", [nt_xent, cluster_contrast])
def test_autocast_rounds_nothing(loss):
    a, b = random_views(20, 8, dtype=torch.float32).requires_grad_()
    gradients = []
    for enabled in (False, True):
        with torch.autocast("cpu", torch.bfloat16, enabled=enabled):
            value = loss(a, b, 0.1)
        gradients.append(torch.autograd.grad(value, [a, b]))
    for plain, under_autocast in zip(*gradients, strict=True):
        assert torch.equal(plain, under_autocast)


@pytest.mark.parametrize("loss", [nt_xent, cluster_contrast])
def test_runs_at_once_equal_one_by_one(loss):
    a, b = random_views(3 * 6, 4).reshape(2, 3, 6, 4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an operation done run by run says so
        together = torch.vmap(loss, in_dims=(0, 0, None))(a, b, 0.5)
    alone = [loss(a[run], b[run], 0.5) for run in range(3)]
    np.testing.assert_allclose(together, alone, rtol=1e-12)
