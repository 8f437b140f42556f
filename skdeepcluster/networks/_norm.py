"""Batch normalisation in passes that are not to be remembered."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def fixed_averages(module: nn.Module) -> Iterator[None]:
    """Batches are normalised by their own statistics, which leave no trace.

    In train mode: running averages, for which rows that were made up are no example,
    stay as they are inside the block.
    """
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm)]
    tracked = [norm.track_running_stats for norm in norms]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm, was_tracked in zip(norms, tracked, strict=True):
            norm.track_running_stats = was_tracked
