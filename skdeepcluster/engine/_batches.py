"""Rows of one array as float32 tensors on a device: by number, in order, in batches."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skdeepcluster.engine._device import is_out_of_memory
from skdeepcluster.utils import dense_float64, row_blocks

RESIDENT_BYTES = 2**30  # arrays up to this size are scaled once and kept on the device
INFERENCE_VALUES = 2**20  # values of X in one batch outside training


class Batch(NamedTuple):
    """Some rows and their row numbers."""

    x: Tensor  # (batch, n_features) float32, scaled
    index: Tensor  # (batch,) int64


class Rows:
    """The rows of `X`, centred and divided by one scale, as float32 on `device`.

    The arithmetic is float64 until the last cast, whatever the dtype of X, so that a
    value means the same in every dtype and an offset of 1e12 costs no precision.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
    center : ndarray of shape (n_features,)
    scale : float
    device : torch.device
    """

    def __init__(self, X, center: np.ndarray, scale: float, device: torch.device):
        self.X, self.center, self.scale, self.device = X, center, scale, device
        self.n_samples, self.n_features = X.shape
        self._resident: Tensor | None = None

    def keep_on_device(self) -> None:
        """Scale all rows once, if they are few enough to stay on the device."""
        if 4 * self.n_samples * self.n_features > RESIDENT_BYTES:
            return
        resident = torch.empty(self.n_samples, self.n_features)
        for rows, block in row_blocks(self.X):
            resident[rows] = self._scaled(block)
        self._resident = resident.to(self.device)

    def take(self, index: Tensor) -> Tensor:
        """Rows by number: (batch,) int64 -> (batch, n_features)."""
        if self._resident is not None:
            return self._resident.index_select(0, index)  # a third of [index]'s time
        return self._from_source(index.cpu().numpy())

    def between(self, start: int, stop: int) -> Tensor:
        """Consecutive rows -> (stop - start, n_features)."""
        if self._resident is not None:
            return self._resident[start:stop]
        return self._from_source(slice(start, stop))

    def _from_source(self, which) -> Tensor:
        return self._scaled(dense_float64(self.X[which])).to(self.device)

    def _scaled(self, block: np.ndarray) -> Tensor:
        block -= self.center
        block /= self.scale
        return torch.from_numpy(block.astype(np.float32))


def batch_bounds(n_samples: int, batch_size: int) -> list[tuple[int, int]]:
    """Bounds of consecutive batches; a last batch of one row joins the one before."""
    starts = list(range(0, n_samples, batch_size))
    if len(starts) > 1 and n_samples - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], n_samples], strict=True))


def apply_in_batches(
    rows: Rows, function: Callable[..., Tensor], *per_row: Tensor
) -> Tensor:
    """Concatenate ``function(batch)`` over all rows in order, without gradients.

    Each tensor of `per_row` has one entry per row; the function is given those of the
    batch as further arguments.

    Where the device runs out of memory the batch is halved and the rest goes on.
    """
    size = max(256, min(2**14, INFERENCE_VALUES // rows.n_features))
    result, start = torch.empty(0), 0
    with torch.no_grad():
        while start < rows.n_samples:
            try:
                stop = start + size
                own = (tensor[start:stop] for tensor in per_row)
                part = function(rows.between(start, stop), *own)
                if start == 0:  # one block: parts kept apart would fragment the heap
                    result = part.new_empty(rows.n_samples, *part.shape[1:])
                result[start : start + len(part)] = part
                start += size
            except RuntimeError as error:
                if not is_out_of_memory(error) or size == 1:
                    raise
                size //= 2
    return result
