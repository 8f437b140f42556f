"""Orders in which an epoch goes through the rows."""

import numpy as np
import pytest
import torch

from skdeepcluster.engine import balanced_order, grouped_order


def drawn(labels, seed=0):
    labels = torch.tensor(labels)
    return balanced_order(labels, torch.Generator().manual_seed(seed)).numpy()


LABELS = [
    [0],
    [0, 0, 0],
    [1, 0],
    [0] * 7 + [1] * 2 + [2] * 11,
    [1] * 50 + [0],
    list(range(9)),
    [3] * 4 + [0, 1, 2] * 5 + [3] * 30,
]


@pytest.mark.parametrize("labels", LABELS, ids=range(len(LABELS)))
@pytest.mark.parametrize("seed", [0, 1])
def test_balanced_order__has_each_label_equally_often(labels, seed):
    order = drawn(labels, seed)
    assert order.shape == (len(labels),)
    labels = np.array(labels)
    counts = np.bincount(labels[order])
    assert len(counts) == labels.max() + 1
    assert counts.max() - counts.min() <= 1


@pytest.mark.parametrize("labels", LABELS, ids=range(len(LABELS)))
def test_balanced_order__repeats_only_rows_of_small_labels_and_evenly(labels):
    order, labels = drawn(labels), np.array(labels)
    for label in range(labels.max() + 1):
        rows = np.flatnonzero(labels == label)
        counts = np.bincount(order[labels[order] == label], minlength=len(labels))[rows]
        assert counts.max() - counts.min() <= 1
        if counts.sum() <= len(rows):
            assert counts.max() == 1


def test_balanced_order__draws_all_rows_in_the_end_and_mixes_labels():
    labels = [0] * 30 + [1] * 10
    orders = [drawn(labels, seed) for seed in range(20)]
    assert set(np.concatenate(orders)) == set(range(40))
    assert not np.array_equal(orders[0], orders[1])
    first = np.array([np.array(labels)[order[:20]].mean() for order in orders])
    assert 0.4 < first.mean() < 0.6


def test_balanced_order__with_a_seed_is_repeatable():
    labels = [0] * 30 + [1] * 10
    np.testing.assert_array_equal(drawn(labels, 3), drawn(labels, 3))


def grouped(labels, size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return grouped_order(torch.tensor(labels), size, generator).numpy()


@pytest.mark.parametrize("labels", LABELS, ids=range(len(LABELS)))
@pytest.mark.parametrize("size", [1, 4, 100])
def test_grouped_order__has_each_row_once_in_groups(labels, size):
    order, labels = grouped(labels, size), np.array(labels)
    np.testing.assert_array_equal(np.sort(order), np.arange(len(labels)))
    sizes = np.bincount(labels)
    n_groups = int(np.ceil(sizes / size).sum())
    borders = np.count_nonzero(np.diff(labels[order]))
    assert borders <= n_groups - 1


def test_grouped_order__mixes_rows_and_groups():
    labels = np.array([0] * 12 + [1] * 12)
    orders = [grouped(labels, 4, seed) for seed in range(20)]
    assert not np.array_equal(orders[0], orders[1])
    np.testing.assert_array_equal(orders[3], grouped(labels, 4, 3))
    for order in orders:
        groups = labels[order].reshape(6, 4)
        assert (groups == groups[:, :1]).all()
