"""Orders in which an epoch goes through the rows."""

import torch
from torch import Tensor


def balanced_order(labels: Tensor, generator: torch.Generator) -> Tensor:
    """As many row numbers as rows, each label as often as the others, but for one.

    Rows come more than once only of a label that has fewer than its share, and then
    as often as the others of it, but for one. All labels from 0 on must have rows.

    (n,) int64 -> (n,), both on the CPU.
    """
    n_rows, sizes = len(labels), labels.bincount()
    n_labels = len(sizes)
    shares = torch.full_like(sizes, n_rows // n_labels)
    shares[torch.randperm(n_labels, generator=generator)[: n_rows % n_labels]] += 1
    drawn = torch.randperm(n_rows, generator=generator)
    by_label = drawn[labels[drawn].argsort(stable=True)]
    # Places among the rows of the label: 0, 1, ... and from the beginning again.
    label = torch.arange(n_labels).repeat_interleave(shares)
    place = torch.arange(n_rows) - (shares.cumsum(0) - shares)[label]
    order = by_label[(sizes.cumsum(0) - sizes)[label] + place % sizes[label]]
    return order[torch.randperm(n_rows, generator=generator)]


def grouped_order(labels: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """All row numbers, each in a group of rows of one label; groups are mixed.

    Groups have this size, or fewer rows where a label has no more.

    (n,) int64 -> (n,), both on the CPU.
    """
    drawn = torch.randperm(len(labels), generator=generator)
    by_label = drawn[labels[drawn].argsort(stable=True)]
    sizes = labels.bincount()
    place = torch.arange(len(labels)) - (sizes.cumsum(0) - sizes)[labels[by_label]]
    group = (place % size == 0).cumsum(0) - 1
    mixed = torch.randperm(int(group[-1]) + 1, generator=generator)
    return by_label[mixed[group].argsort(stable=True)]
