"""The same names for the same clusters after a refit."""

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score

from skdeepcluster.metrics import align_labels, clustering_accuracy


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_renamed_clusters__get_their_names_back(order):
    old = np.repeat(np.arange(4), [5, 1, 7, 3])
    aligned, mapping = align_labels(old, np.array(order)[old])
    np.testing.assert_array_equal(aligned, old)
    assert mapping == {new: name for name, new in enumerate(order)}


@pytest.mark.parametrize("seed", range(5))
def test_agreement__is_the_largest_possible(seed):
    rng = np.random.default_rng(seed)
    old, new = rng.integers(5, size=40), rng.integers(rng.integers(3, 8), size=40)
    aligned, _ = align_labels(old, new)
    assert (aligned == old).mean() == pytest.approx(clustering_accuracy(old, new))
    assert adjusted_rand_score(aligned, new) == 1.0


def test_more_clusters_than_before__the_others_get_new_numbers():
    aligned, mapping = align_labels([0, 0, 0, 7, 7], [2, 2, 5, 0, 0])
    np.testing.assert_array_equal(aligned, [0, 0, 8, 7, 7])
    assert mapping == {0: 7, 2: 0, 5: 8}


def test_fewer_clusters_than_before__their_names_stay_free():
    aligned, mapping = align_labels([3, 3, 1, 1, 1, 0], [0, 0, 1, 1, 1, 1])
    np.testing.assert_array_equal(aligned, [3, 3, 1, 1, 1, 1])
    assert mapping == {0: 3, 1: 1}


def test_no_row_in_common__is_no_partner():
    # Cluster 1 shares rows with 0 only, whose name goes to cluster 0.
    aligned, _ = align_labels([0, 0, 0, 1, 1, 2], [0, 0, 1, 2, 2, 2])
    np.testing.assert_array_equal(aligned, [0, 0, 3, 1, 1, 1])


def test_noise__stays_noise_and_lends_no_name():
    aligned, mapping = align_labels([-1, -1, -1, 0, 0], [0, 0, 0, -1, 1])
    np.testing.assert_array_equal(aligned, [1, 1, 1, -1, 0])
    assert mapping == {-1: -1, 0: 1, 1: 0}


def test_mapping__renames_later_rows():
    _, mapping = align_labels([0, 0, 1, 1], [1, 1, 0, 0])
    assert [mapping[label] for label in np.array([1, 0, 0])] == [0, 1, 1]
    with pytest.raises(KeyError):
        mapping[2]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32])
def test_any_integers_and_lists__are_taken(dtype):
    old, new = np.array([0, 1, 1], dtype), np.array([1, 0, 0], dtype)
    for one, other in ((old, new), (old.tolist(), new.tolist())):
        aligned, _ = align_labels(one, other)
        assert aligned.dtype == np.int64
        np.testing.assert_array_equal(aligned, old)


def test_nothing__gives_nothing():
    aligned, mapping = align_labels([], [])
    assert aligned.shape == (0,)
    assert mapping == {}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ([0, 1], [0, 1, 1], "inconsistent numbers of samples"),
        ([0.0, 1.0], [0, 1], "old must hold cluster numbers"),
        (["a", "b"], [0, 1], "old must hold cluster numbers"),
        ([0, 1], [0, -2], "new must hold cluster numbers"),
        ([[0, 1]], [0, 1], "1d array"),
    ],
)
def test_what_are_no_labels__is_refused(old, new, message):
    with pytest.raises(ValueError, match=message):
        align_labels(old, new)
