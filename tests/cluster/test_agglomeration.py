"""Merging along a sparse graph, against the definitions."""

import numpy as np
import pytest

from skdeepcluster.cluster._shared import _agglomeration
from skdeepcluster.cluster._shared._agglomeration import (
    Agglomeration,
    Digest,
    first_clusters,
    merged,
    neighbor_graph,
    normalized_cut,
    without_small,
)
from tests.engine._pull import make_trainer
from tests.references import agglomeration as reference


def partition(labels):
    assert set(labels) == set(range(labels.max() + 1))
    return {frozenset(np.flatnonzero(labels == c)) for c in range(labels.max() + 1)}


def random_points(n=40, seed=0):
    return np.random.default_rng(seed).normal(size=(n, 3))


@pytest.mark.parametrize("n_neighbors", [1, 5, 20])
def test_graph__against_the_definition(n_neighbors):
    points = random_points()
    graph = neighbor_graph(points, n_neighbors)
    assert graph.nnz == 40 * n_neighbors
    expected = reference.graph(points, n_neighbors)
    np.testing.assert_allclose(graph.toarray(), expected, rtol=1e-10)


def test_graph__of_points_that_coincide():
    graph = neighbor_graph(np.ones((5, 2)), 20)
    np.testing.assert_array_equal(graph.toarray(), 1 - np.eye(5))


@pytest.mark.parametrize("measure", ["normalized_cut", "modularity"])
@pytest.mark.parametrize("n_clusters", [1, 2, 5, 40])
def test_measures_of_a_partition__against_the_definitions(n_clusters, measure):
    points = random_points()
    labels = np.random.default_rng(1).permutation(np.arange(40) % n_clusters)
    found = getattr(_agglomeration, measure)(neighbor_graph(points, 5), labels)
    expected = getattr(reference, measure)(reference.graph(points, 5), labels)
    assert found == pytest.approx(expected, abs=1e-12)


def test_normalized_cut__of_a_cluster_without_edges_is_whole():
    points = np.concatenate([random_points(), [[1e6, 0.0, 0.0]]])
    labels = np.arange(41) // 40 * 3  # numbers may be missing
    assert normalized_cut(neighbor_graph(points, 5), labels) >= 0.5


@pytest.mark.parametrize("few", [100, 10, 0])
@pytest.mark.parametrize("start", ["chains", "alone"])
@pytest.mark.parametrize(("n_neighbors", "seed"), [(4, 0), (8, 1), (20, 2), (39, 3)])
def test_merging__against_the_definition(n_neighbors, seed, start, few, monkeypatch):
    monkeypatch.setattr(_agglomeration, "_FEW", few)
    points = random_points(seed=seed)
    labels = first_clusters(points, 1 if start == "chains" else 40)
    weights = reference.graph(points, n_neighbors)
    expected = reference.merge(weights, partition(labels), few)
    assert len(expected) > 5
    graph = neighbor_graph(points, n_neighbors)
    for wanted in expected:
        found = merged(points, graph, labels, len(wanted))
        assert partition(found) == wanted


def test_first_clusters__are_chains_of_nearest_neighbours():
    points = np.array([0.0, 1.0, 3.0, 10.0, 11.0, 30.0, 28.0, 25.0])[:, None]
    labels = first_clusters(points, 1)
    assert partition(labels) == {
        frozenset(part) for part in ([0, 1, 2], [3, 4], [5, 6, 7])
    }
    np.testing.assert_array_equal(first_clusters(points, 4), np.arange(8))
    np.testing.assert_array_equal(first_clusters(points[:1], 1), [0])


def test_merging__where_no_edge_is_left__joins_what_is_near():
    ends = np.array([0.0, 10.0, 100.0, 130.0])
    points = (ends[:, None] + np.linspace(0, 1, 6)).reshape(-1, 1)
    graph, labels = neighbor_graph(points, 3), np.repeat(np.arange(4), 6)
    for n_clusters, expected in [(3, [0, 0, 2, 3]), (2, [0, 0, 2, 2]), (1, [0] * 4)]:
        found = merged(points, graph, labels, n_clusters)
        assert partition(found) == partition(
            np.unique(np.repeat(expected, 6), return_inverse=True)[1]
        )


def test_small_clusters__join_those_that_their_edges_lead_to():
    points = np.concatenate(
        [np.linspace(0, 1, 12), np.linspace(5, 6, 12), [1.8, 1.9, 4.0]]
    )[:, None]
    graph = neighbor_graph(points, 4)
    labels = np.array([0] * 12 + [1] * 12 + [2, 2, 3])
    expected = np.array([0] * 12 + [1] * 12 + [0, 0, 1])
    assert partition(without_small(graph, labels, 2)) == partition(expected)
    # None, where too few would be left.
    np.testing.assert_array_equal(without_small(graph, labels, 3), labels)


@pytest.mark.parametrize(
    ("n_first", "rate", "expected"),
    [(400, 0.9, [40, 10]), (10, 0.9, [10]), (25, 0.2, [20, 16, 12, 10]), (99, 1, [10])],
)
def test_counts__a_share_goes_each_time(n_first, rate, expected):
    agglomeration = Agglomeration(np.zeros((1, 1)), 10, 20)
    assert agglomeration.counts(n_first, rate) == expected


def test_equal_rows__count_once_and_stay_together():
    rows = random_points(30)
    copies = np.random.default_rng(1).integers(30, size=200)
    agglomeration = Agglomeration(rows[copies], 4, 5)
    alone = Agglomeration(rows[np.unique(copies)], 4, 5)
    labels = agglomeration.labels(rows[copies], 0.9)
    of_each = {row: set(labels[copies == row]) for row in set(copies)}
    assert all(len(found) == 1 for found in of_each.values())
    expected = alone.labels(rows[np.unique(copies)], 0.9)
    first = np.array([np.flatnonzero(copies == row)[0] for row in np.unique(copies)])
    assert partition(labels[first]) == partition(expected)
    assert len(set(labels)) == 4


@pytest.mark.parametrize("n_clusters", [1, 2, 7, 29, 30])
@pytest.mark.parametrize("rate", [0.2, 0.9])
def test_number_of_clusters__is_reached(n_clusters, rate):
    rows = random_points(30)
    labels = Agglomeration(rows, n_clusters, 6).labels(rows, rate)
    assert sorted(set(labels)) == list(range(n_clusters))


@pytest.mark.parametrize("seed", range(4))
def test_best_labels__have_the_greatest_modularity_of_several_mergings(seed):
    rows = random_points(90, seed).repeat(2, axis=0)
    distinct = rows[::2]
    agglomeration = Agglomeration(rows, 5)
    found = {
        n: Agglomeration(rows, 5, n_neighbors=n).labels(rows) for n in (10, 20, 40)
    }
    weights = reference.graph(distinct, 20)
    measured = {n: reference.modularity(weights, found[n][::2]) for n in found}
    best = max(measured, key=measured.get)
    labels = agglomeration.best_labels(rows, agglomeration.graph(rows))
    assert partition(labels) == partition(found[best])
    assert min(measured.values()) < measured[best]


def test_points_that_fall_together__still_give_the_number_of_clusters():
    labels = Agglomeration(random_points(30), 4, 6).labels(np.zeros((30, 2)), 0.9)
    assert sorted(set(labels)) == list(range(4))


def test_zero_with_a_sign__is_zero():
    rows = np.array([[0.0, 1.0], [-0.0, 1.0]])
    labels = Agglomeration(rows, 2, 6).labels(rows, 0.9)
    np.testing.assert_array_equal(labels, [0, 0])


def test_keys__are_equal_where_rows_are():
    rows = random_points(5).astype(np.float32)[[0, 1, 0, 2, 3, 4, 1]]
    rows[[3, 4], :] = [[0.0, 1.0, 2.0], [-0.0, 1.0, 2.0]]
    keys = make_trainer(rows).apply(Digest()).numpy()
    assert keys.shape == (7, 2)
    _, labels = np.unique(keys, axis=0, return_inverse=True)
    groups = {frozenset(np.flatnonzero(labels == c)) for c in labels.ravel()}
    assert groups == {frozenset(g) for g in ([0, 2], [1, 6], [3, 4], [5])}
