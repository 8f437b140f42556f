"""Scores that compare a clustering with known classes."""

from itertools import permutations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.metrics import accuracy_score, adjusted_rand_score, homogeneity_score

from skdeepcluster.metrics import clustering_accuracy, purity_score

SCORES = [clustering_accuracy, purity_score]


def brute_force_accuracy(labels_true, labels_pred):
    """Best accuracy over every way to name the clusters, unused names included."""
    clusters = np.unique(labels_pred).tolist()
    names = np.unique(labels_true).tolist()
    names += [f"no class {i}" for i in range(len(clusters))]
    best = 0
    for chosen in permutations(names, len(clusters)):
        name_of = dict(zip(clusters, chosen, strict=True))
        right = sum(
            name_of[cluster] == label
            for cluster, label in zip(labels_pred, labels_true, strict=True)
        )
        best = max(best, right)
    return best / len(labels_true)


def brute_force_purity(labels_true, labels_pred):
    """Count the majority class of each cluster in plain Python."""
    right = 0
    for cluster in set(labels_pred):
        members = [
            label
            for label, assigned in zip(labels_true, labels_pred, strict=True)
            if assigned == cluster
        ]
        right += max(members.count(label) for label in set(members))
    return right / len(labels_true)


def random_labels(seed, n_classes, n_clusters, n_samples=40):
    """Two independent labelings as lists of Python integers."""
    rng = np.random.default_rng(seed)
    labels_true = rng.integers(n_classes, size=n_samples).tolist()
    labels_pred = rng.integers(n_clusters, size=n_samples).tolist()
    return labels_true, labels_pred


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("n_classes", "n_clusters"), [(1, 1), (3, 3), (2, 4), (4, 2), (1, 4), (4, 1)]
)
class TestAgainstBruteForce:
    def test_accuracy(self, seed, n_classes, n_clusters):
        labels = random_labels(seed, n_classes, n_clusters)
        expected = brute_force_accuracy(*labels)
        assert clustering_accuracy(*labels) == pytest.approx(expected, abs=1e-12)

    def test_purity(self, seed, n_classes, n_clusters):
        labels = random_labels(seed, n_classes, n_clusters)
        expected = brute_force_purity(*labels)
        assert purity_score(*labels) == pytest.approx(expected, abs=1e-12)

    def test_order_of_the_scores(self, seed, n_classes, n_clusters):
        labels_true, labels_pred = random_labels(seed, n_classes, n_clusters)
        accuracy = clustering_accuracy(labels_true, labels_pred)
        assert accuracy <= purity_score(labels_true, labels_pred) <= 1.0
        assert accuracy >= accuracy_score(labels_true, labels_pred)


def test_accuracy__greedy_matching_is_not_best():
    # The largest cell (class 0, cluster 0: 5 rows) must be given up to match 4 + 4.
    labels_true = [0] * 5 + [0] * 4 + [1] * 4
    labels_pred = [0] * 5 + [1] * 4 + [0] * 4
    assert clustering_accuracy(labels_true, labels_pred) == 8 / 13


@pytest.mark.parametrize(
    ("labels_pred", "accuracy", "purity"),
    [
        ([0, 0, 0, 0, 0, 0], 1 / 3, 1 / 3),  # one cluster
        ([0, 1, 2, 3, 4, 5], 1 / 2, 1.0),  # one cluster per row
        ([0, 0, 1, 1, 2, 3], 5 / 6, 1.0),  # one class split
        ([0, 0, 1, 1, 1, 1], 2 / 3, 2 / 3),  # two classes merged
        ([0, 1, 2, 0, 1, 2], 1 / 2, 1 / 2),  # every cluster mixed
    ],
)
def test_values_by_hand(labels_pred, accuracy, purity):
    labels_true = [0, 0, 1, 1, 2, 2]
    assert clustering_accuracy(labels_true, labels_pred) == pytest.approx(accuracy)
    assert purity_score(labels_true, labels_pred) == pytest.approx(purity)


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("score", SCORES)
def test_worst_case_is_one_over_k(score, k):
    # Every cluster holds each class equally often.
    labels_true, labels_pred = np.divmod(np.arange(k * k), k)
    assert score(labels_true, labels_pred) == pytest.approx(1 / k)


@pytest.mark.parametrize("score", SCORES)
def test_names_and_order_of_rows_do_not_matter(score):
    rng = np.random.default_rng(0)
    labels_true, labels_pred = rng.integers(4, size=(2, 100))
    expected = score(labels_true, labels_pred)

    renamed_true = np.array(["d", "a", "c", "b"])[labels_true]
    renamed_pred = np.array([7, -1, 1000, 3])[labels_pred]
    assert score(renamed_true, renamed_pred) == expected

    order = rng.permutation(100)
    assert score(labels_true[order], labels_pred[order]) == expected


@pytest.mark.parametrize("score", SCORES)
def test_perfect_up_to_names(score):
    labels_true = ["cat", "dog", "cat", "bird"]
    assert score(labels_true, [2, 0, 2, 1]) == 1.0
    assert score(labels_true, labels_true) == 1.0


def test_accuracy_is_symmetric():
    labels_true, labels_pred = random_labels(0, n_classes=3, n_clusters=5)
    swapped = clustering_accuracy(labels_pred, labels_true)
    assert clustering_accuracy(labels_true, labels_pred) == swapped


def test_noise_is_a_cluster_like_any_other():
    labels_true = [0, 0, 1, 1, 2, 2]
    assert clustering_accuracy(labels_true, [-1, -1, 0, 0, 1, 1]) == 1.0
    assert clustering_accuracy(labels_true, [0, 0, 1, -1, 2, -1]) == 4 / 6
    assert purity_score(labels_true, [0, 0, 1, -1, 2, -1]) == 5 / 6


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    "container",
    [list, tuple, np.array, pd.Series, pd.Categorical, pl.Series, np.float64],
)
def test_containers(score, container):
    result = score(container([0, 0, 1, 1, 2]), container([1, 1, 0, 2, 2]))
    assert result == score([0, 0, 1, 1, 2], [1, 1, 0, 2, 2])
    assert type(result) is float


@pytest.mark.parametrize("score", SCORES)
def test_booleans(score):
    assert score([True, True, False], [0, 0, 1]) == 1.0


@pytest.mark.parametrize("score", SCORES)
def test_input_is_left_unchanged(score):
    labels_true, labels_pred = np.array([3, 1, 3]), np.array([0, 5, 5])
    labels_true.flags.writeable = labels_pred.flags.writeable = False
    score(labels_true, labels_pred)
    np.testing.assert_array_equal(labels_true, [3, 1, 3])
    np.testing.assert_array_equal(labels_pred, [0, 5, 5])


@pytest.mark.parametrize("score", SCORES)
def test_empty_input_scores_as_in_scikit_learn(score):
    assert score([], []) == adjusted_rand_score([], []) == homogeneity_score([], [])


@pytest.mark.parametrize("score", SCORES)
def test_one_row(score):
    assert score([3], ["a"]) == 1.0


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("labels_true", "labels_pred", "message"),
    [
        ([0, 1], [0], "inconsistent numbers of samples"),
        ([], [0], "inconsistent numbers of samples"),
        ([[0], [1]], [0, 1], "labels_true must be 1D"),
        ([0, 1], [[0, 1]], "labels_pred must be 1D"),
        ([0, 1], [0, np.nan], "labels_pred contains NaN"),
        ([0, np.inf], [0, 1], "labels_true contains infinity"),
    ],
)
def test_illegal_input_raises(score, labels_true, labels_pred, message):
    with pytest.raises(ValueError, match=message):
        score(labels_true, labels_pred)


@pytest.mark.parametrize("score", SCORES)
def test_scalar_raises(score):
    with pytest.raises((TypeError, ValueError)):
        score(1, 1)
