"""Functions of all rows, in batches."""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from skdeepcluster.engine._device import is_out_of_memory
from skdeepcluster.engine._group import Group
from skdeepcluster.engine._rows import Rows

INFERENCE_VALUES = 2**20  # values of X in one batch outside training
SMALLEST_BLOCK = 256  # rows in it at least


def batch_bounds(n_samples: int, batch_size: int) -> list[tuple[int, int]]:
    """Bounds of consecutive batches; a last batch of one row joins the one before."""
    starts = list(range(0, n_samples, batch_size))
    if len(starts) > 1 and n_samples - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], n_samples], strict=True))


def shared_bounds(
    n_samples: int, batch_size: int, group: Group, even: bool = False
) -> tuple[list[tuple[int, int]], list[float]]:
    """Bounds of this process's part of each step, and its share of the step's rows.

    All processes take the same number of steps, in each of which they go on by rows in
    proportion to what they have, about `batch_size` together. So does a process alone
    where batches are to be even; else its last one is what is left.
    """
    if group.size == 1 and not even:
        bounds = batch_bounds(n_samples, batch_size)
        return bounds, [1.0] * len(bounds)
    lengths = group.gather(torch.tensor([n_samples]))
    total = int(lengths.sum())
    wanted = -(-total // batch_size)
    if even:  # one row alone has no batch statistics
        wanted = max(1, min(round(total / batch_size), total // 2))
    n_steps = min(wanted, int(lengths.min()))
    edges = [step * n_samples // n_steps for step in range(n_steps + 1)]
    own = torch.tensor(edges, dtype=torch.float64).diff()
    shares = own / group.sum(own)
    return list(zip(edges[:-1], edges[1:], strict=True)), shares.tolist()


def most_rows(device: torch.device) -> int:
    """Rows at once outside training: few for the caches of a CPU, many for a GPU."""
    return 2**12 if device.type == "cpu" else 2**16


def blocks_of(
    rows: Rows, function: Callable[..., Tensor], *per_row: Tensor
) -> Iterator[tuple[slice, Tensor]]:
    """Which rows, and ``function(batch)`` of them, over all rows in order.

    Without gradients. Each tensor of `per_row` has one entry per row; the function is
    given those of the batch as further arguments.

    Where the device runs out of memory the batch is halved and the rest goes on.
    """
    most = most_rows(rows.device)
    size = max(SMALLEST_BLOCK, min(most, INFERENCE_VALUES // rows.n_features))
    start = 0
    while start < rows.n_samples:
        here = slice(start, min(start + size, rows.n_samples))
        own = (tensor[here] for tensor in per_row)
        try:
            with torch.no_grad():
                part = function(rows.between(here.start, here.stop), *own)
        except RuntimeError as error:
            if not is_out_of_memory(error) or size == 1:
                raise
            size //= 2
            continue
        yield here, part
        start = here.stop


def apply_in_batches(
    rows: Rows, function: Callable[..., Tensor], *per_row: Tensor
) -> Tensor:
    """Concatenate what `blocks_of` yields."""
    result = torch.empty(0)
    for here, part in blocks_of(rows, function, *per_row):
        if here.start == 0:  # one block: parts kept apart would fragment the heap
            result = part.new_empty(rows.n_samples, *part.shape[1:])
        result[here] = part
    return result
