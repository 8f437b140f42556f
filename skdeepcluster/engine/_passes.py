"""What a function makes of all rows, to be gone through more than once."""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from skdeepcluster.engine._batches import apply_in_batches, blocks_of, most_rows
from skdeepcluster.engine._group import Group
from skdeepcluster.engine._randomness import derive_seed
from skdeepcluster.engine._rows import Rows

HELD_VALUES = 2**26  # values of all rows up to this number are computed once


class Passes:
    """Blocks of (rows, values), in order, on every iteration.

    The values are held where they are few, and else computed anew in each pass, so
    that memory stays bounded. The module is in eval mode meanwhile.

    Parameters
    ----------
    rows : Rows
    function : nn.Module or bound method of one
        (n, n_features) -> (n, n_values).
    n_values : int
    group : Group
        The processes that have the other rows.

    Attributes
    ----------
    n_rows : int
        Rows of all processes.
    held : bool
        Whether a pass costs no more than reading memory, in any process.
    device : torch.device
    """

    def __init__(self, rows: Rows, function: Callable, n_values: int, group: Group):
        self.rows, self.function, self.group = rows, function, group
        self.device = rows.device
        own = torch.tensor([rows.n_samples, rows.n_samples * n_values > HELD_VALUES])
        n_rows, n_large = group.sum(own).tolist()
        self.n_rows, self.held = n_rows, n_large == 0
        if self.held:
            with evaluation(function), torch.no_grad():
                self._values = apply_in_batches(rows, function)

    def __iter__(self) -> Iterator[tuple[slice, Tensor]]:
        if self.held:
            size = most_rows(self.device)
            for start in range(0, len(self._values), size):
                here = slice(start, min(start + size, len(self._values)))
                yield here, self._values[here]
            return
        with evaluation(self.function):
            yield from blocks_of(self.rows, self.function)

    def apply(self, function: Callable[[Tensor], Tensor]) -> Tensor:
        """Concatenate what the function makes of the values."""
        result = torch.empty(0)
        for here, part in self:
            value = function(part)
            if here.start == 0:  # one block: parts kept apart would fragment the heap
                result = value.new_empty(self.rows.n_samples, *value.shape[1:])
            result[here] = value
        return result

    def sample(self, size: int, seed: int) -> Tensor:
        """Values of rows of all processes: (n, n_values), all in order where n_rows
        is at most `size`, else about that many, drawn at random.
        """
        if self.n_rows <= size and self.held:
            return self.group.gather(self._values)
        return of_sample(self.rows, self.function, size, seed, self.group)


def of_sample(
    rows: Rows, function: Callable, size: int, seed: int, group: Group
) -> Tensor:
    """What a module, or a method of one, makes of rows of all processes.

    (n, ...), all in order where there are at most `size`, else about that many, drawn
    at random: the same for the same seed.
    """
    n_total = int(group.sum(torch.tensor(rows.n_samples)))
    with evaluation(function), torch.no_grad():
        if n_total <= size:
            return group.gather(apply_in_batches(rows, function))
        share = -(-size * rows.n_samples // n_total)
        own_seed = derive_seed(seed, "rank", str(group.rank))
        parts = [function(x) for x in rows.sampled(share, own_seed)]
    return group.gather(torch.cat(parts))


@contextlib.contextmanager
def evaluation(function: Callable) -> Iterator[None]:
    """The module that the function belongs to, in eval mode inside the block."""
    module: nn.Module = getattr(function, "__self__", function)
    was_training = module.training
    module.eval()
    try:
        yield
    finally:
        module.train(was_training)
