"""The nearest neighbours of all rows, against a search by hand."""

import sys

import numpy as np
import pytest
import torch

from skdeepcluster.engine import Group, Passes, Rows, _passes
from skdeepcluster.initialization import (
    _neighbors,
    drawn_neighbors,
    farthest_distances,
    median_distance,
    nearest_neighbors,
)

CPU = torch.device("cpu")


def passes(z, function=None):
    """Rows of which the embedding is what they are."""
    rows = Rows(np.asarray(z, dtype=float), np.zeros(z.shape[1]), 1.0, CPU)
    return Passes(rows, function or torch.nn.Identity(), z.shape[1], Group())


def cosines(z):
    units = z / np.linalg.norm(z, axis=1, keepdims=True)
    return units @ units.T


def by_hand(z, n_neighbors):
    similarity = cosines(z)
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1)[:, :n_neighbors]


@pytest.fixture
def z():
    """Rows of very different lengths: the nearest by distance are others."""
    rng = np.random.default_rng(0)
    return rng.normal(size=(80, 4)) * rng.uniform(0.1, 10, size=(80, 1))


@pytest.mark.parametrize("n_neighbors", [1, 7, 79])
def test_nearest_neighbors__are_those_of_a_search_by_angle(z, n_neighbors):
    found = nearest_neighbors(passes(z), n_neighbors, by_angle=True)
    assert found.dtype == torch.int64
    np.testing.assert_array_equal(found, by_hand(z, n_neighbors))


def test_nearest_neighbors__are_those_of_the_embedding(z):
    first_two = torch.nn.Linear(4, 2, bias=False)
    with torch.no_grad():
        first_two.weight.copy_(torch.eye(2, 4))
    found = nearest_neighbors(passes(z, first_two), 5, by_angle=True)
    np.testing.assert_array_equal(found, by_hand(z[:, :2], 5))


def test_nearest_neighbors__of_duplicates_are_not_the_row_itself():
    rng = np.random.default_rng(0)
    z = np.repeat(rng.normal(size=(6, 3)), 10, axis=0)
    found = nearest_neighbors(passes(z), 4, by_angle=True).numpy()
    assert found.shape == (60, 4)
    assert not np.any(found == np.arange(60)[:, None])
    assert np.all(found // 10 == np.arange(60)[:, None] // 10)  # other copies of it
    assert all(len(set(row)) == 4 for row in found)


@pytest.mark.parametrize("z", [np.ones((9, 2)), np.zeros((9, 2))])
def test_nearest_neighbors__where_all_rows_are_equal(z):
    found = nearest_neighbors(passes(z), 3, by_angle=True).numpy()
    assert found.shape == (9, 3)
    assert not np.any(found == np.arange(9)[:, None])


@pytest.mark.parametrize("n_rows", [1, 2, 5])
def test_nearest_neighbors__of_few_rows_are_all_others(z, n_rows):
    found = nearest_neighbors(passes(z[:n_rows]), 20, by_angle=True)
    np.testing.assert_array_equal(found, by_hand(z[:n_rows], n_rows - 1))


@pytest.mark.parametrize("most", [2**18, 32])  # in one block, or in several
def test_nearest_neighbors__of_rows_that_are_not_held(z, monkeypatch, most):
    expected = nearest_neighbors(passes(z), 7, by_angle=True)
    monkeypatch.setattr(_passes, "HELD_VALUES", 0)
    monkeypatch.setattr("skdeepcluster.engine._batches.SMALLEST_BLOCK", 1)
    monkeypatch.setattr("skdeepcluster.engine._batches.INFERENCE_VALUES", most)
    computed = passes(z)
    assert not computed.held
    assert len(list(computed)) == (1 if most > 320 else 10)
    assert torch.equal(nearest_neighbors(computed, 7, by_angle=True), expected)


@pytest.mark.parametrize("held", [2**26, 200, 1])  # in one block, or in several
@pytest.mark.parametrize("n_neighbors", [1, 7, 79])
def test_search_on_a_device__finds_the_same(z, n_neighbors, held, monkeypatch):
    monkeypatch.setattr(_neighbors, "_HELD_DISTANCES", held)
    expected = nearest_neighbors(passes(z), n_neighbors, by_angle=False)
    points = torch.from_numpy(z).float()
    found = _neighbors._search_on_device(points, n_neighbors)
    assert torch.equal(found, expected)
    copies = _neighbors._search_on_device(points.repeat(3, 1), 2)  # of each row two
    assert torch.equal(copies % 80, (torch.arange(240) % 80)[:, None].expand(-1, 2))


def test_nearest_neighbors__of_many_rows_by_another_library(z, monkeypatch):
    pytest.importorskip("faiss")
    expected = nearest_neighbors(passes(z), 7, by_angle=True)
    monkeypatch.setattr(_neighbors, "_FAISS_ROWS", 1)
    assert torch.equal(nearest_neighbors(passes(z), 7, by_angle=True), expected)


def test_nearest_neighbors__of_many_rows_without_another_library(z, monkeypatch):
    monkeypatch.setitem(sys.modules, "faiss", None)  # as if not there
    monkeypatch.setattr(_neighbors, "_FAISS_ROWS", 1)
    found = nearest_neighbors(passes(z), 7, by_angle=True)
    np.testing.assert_array_equal(found, by_hand(z, 7))


def test_drawn_neighbors__are_the_row_itself_or_in_its_line_equally_often():
    table = torch.tensor([[1, 2], [2, 3], [3, 0], [0, 1]])
    index = torch.tensor([3, 1, 3]).repeat_interleave(3000)
    found = drawn_neighbors(table, index, torch.Generator().manual_seed(0))
    assert found.shape == index.shape
    for row, expected in ((3, [3, 0, 1]), (1, [1, 2, 3])):
        counts = np.bincount(found[index == row], minlength=4)
        shares = counts[expected] / counts.sum()
        np.testing.assert_allclose(shares, 1 / 3, atol=0.03)


def test_drawn_neighbors__without_the_row_itself():
    table = torch.tensor([[1, 2], [2, 3], [3, 0], [0, 1]])
    index = torch.tensor([3, 1]).repeat_interleave(3000)
    source = torch.Generator().manual_seed(0)
    found = drawn_neighbors(table, index, source, with_itself=False)
    for row, expected in ((3, [0, 1]), (1, [2, 3])):
        counts = np.bincount(found[index == row], minlength=4)
        assert counts.sum() == counts[expected].sum()
        np.testing.assert_allclose(counts[expected] / 3000, 1 / 2, atol=0.03)


@pytest.mark.parametrize("with_itself", [True, False])
def test_drawn_neighbors__without_any_are_the_row_itself(with_itself):
    found = drawn_neighbors(
        torch.empty(1, 0, dtype=int),
        torch.tensor([0, 0]),
        None,
        with_itself=with_itself,
    )
    assert found.tolist() == [0, 0]


def test_by_distance__are_the_nearest_points():
    z = torch.tensor([[1.0, 0.0], [9.0, 0.0], [1.0, 1.0], [9.0, 3.0]])
    assert nearest_neighbors(passes(z), 1, by_angle=True)[0] == 1
    assert nearest_neighbors(passes(z), 1, by_angle=False)[0] == 2


# -- distances ---------------------------------------------------------------------


def distance_to(z, neighbors):
    rows = Rows(np.asarray(z, dtype=float), np.zeros(z.shape[1]), 1.0, CPU)
    return median_distance(rows, torch.as_tensor(neighbors), 0)


def test_median_distance__is_that_to_all_neighbours(z):
    neighbors = nearest_neighbors(passes(z), 3, by_angle=False)
    d2 = np.square(z[:, None] - z[neighbors.numpy()]).sum(axis=2)
    middle = np.sort(d2, axis=None)[119]  # of two the lower one
    assert distance_to(z, neighbors) == pytest.approx(middle, rel=1e-5)


def test_median_distance__is_never_zero():
    z = np.array([[0.0], [0], [0], [4]])
    assert distance_to(z, [[1], [0], [0], [0]]) == 4.0  # the mean of 0, 0, 0 and 16
    assert distance_to(z[:2], [[1], [0]]) == 1.0
    assert distance_to(z[:1], np.empty((1, 0), dtype=int)) == 1.0


@pytest.mark.parametrize("n_neighbors", [1, 7, 200])
def test_farthest_distances__are_those_to_the_last_neighbour(z, n_neighbors):
    here = passes(z)
    neighbors = nearest_neighbors(here, n_neighbors, by_angle=False)
    squares = np.square(z[:, None] - z).sum(axis=2)
    expected = np.sqrt(np.sort(squares, axis=1)[:, min(n_neighbors, 79)])
    found = farthest_distances(here.rows, neighbors)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_farthest_distances__without_neighbours_are_zero():
    here = passes(np.ones((1, 3)))
    neighbors = nearest_neighbors(here, 10, by_angle=False)
    assert farthest_distances(here.rows, neighbors).tolist() == [0.0]
