"""Rows of one array as float32 tensors on a device: in order, at random, a sample."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skdeepcluster.utils import (
    RowSource,
    check_complete,
    dense_float64,
    row_blocks,
)

RESIDENT_BYTES = 2**30  # arrays up to this size are scaled once and kept on the device
BLOCK_BYTES = 2**20  # of consecutive rows that are read at once, as float32
WINDOW_BYTES = 2**28  # of blocks from all over the array that are mixed in memory
SAMPLE_BLOCKS = 1024  # places from which a sample of rows that are not kept is read
SAMPLE_PART = 4096  # rows of a sample of rows that are kept that are read at once


def are_kept(shape: tuple[int, ...]) -> bool:
    """Whether rows of an array of this shape are few enough to stay on the device."""
    return 4 * math.prod(shape) <= RESIDENT_BYTES


class Batch(NamedTuple):
    """Some rows and their row numbers."""

    x: Tensor  # (batch, n_features) float32, scaled; of several runs one more at front
    index: Tensor  # (batch,) int64; or (n_runs, batch)


class Rows:
    """The rows of `X`, centred and divided by one scale, as float32 on `device`.

    The arithmetic is float64 until the last cast, whatever the dtype of X, so that a
    value means the same in every dtype and an offset of 1e12 costs no precision.

    Parameters
    ----------
    X : ndarray, CSR matrix or RowSource of shape (n_samples, n_features)
    center : ndarray of shape (n_features,)
    scale : float
    device : torch.device
    """

    def __init__(self, X, center: np.ndarray, scale: float, device: torch.device):
        self.X, self.center, self.scale, self.device = X, center, scale, device
        self.n_samples, self.n_features = X.shape
        self._resident: Tensor | None = None
        # Bytes stay bytes where memory is scarce and casts are free: a quarter of both.
        self._keeps_bytes = device.type == "cuda" and X.dtype == np.uint8

    def keep_on_device(self) -> None:
        """Scale all rows once, if they are few enough to stay on the device."""
        if not are_kept(self.X.shape):
            return
        dtype = torch.uint8 if self._keeps_bytes else torch.float32
        resident = torch.empty(self.n_samples, self.n_features, dtype=dtype)
        for rows, block in row_blocks(self.X):
            kept = torch.from_numpy(block) if self._keeps_bytes else self._scaled(block)
            resident[rows] = kept
        self._resident = resident.to(self.device)
        if self._keeps_bytes:  # scaled anew in each batch
            self._center = torch.from_numpy(self.center).to(self.device)

    @property
    def is_resident(self) -> bool:
        """Whether all rows are on the device."""
        return self._resident is not None

    def between(self, start: int, stop: int) -> Tensor:
        """Consecutive rows -> (stop - start, n_features)."""
        if self._resident is not None:
            return self._read(self._resident[start:stop])
        check_complete(self.X)
        return self._scaled(dense_float64(self.X[start:stop])).to(self.device)

    def take(self, index: Tensor) -> Tensor:
        """Any rows: (n,) int64 -> (n, n_features)."""
        if self._resident is not None:
            return self._read(self._resident.index_select(0, index))
        check_complete(self.X)
        order = index.cpu().sort()  # the disk moves one way
        unique, places = order.values.unique_consecutive(return_inverse=True)
        if isinstance(self.X, RowSource):
            found = np.concatenate([self.X[row : row + 1] for row in unique.tolist()])
        else:
            found = self.X[unique.numpy()]
        x = self._scaled(dense_float64(found))
        taken = torch.empty(len(index), self.n_features)
        taken[order.indices] = x[places]
        return taken.to(self.device)

    def batches(
        self, bounds: list[tuple[int, int]], *generators: torch.Generator
    ) -> Iterator[Batch]:
        """Parts of a random order of all rows: the same for the same generator state.

        Bounds follow each other; they need not begin at 0. Where rows are not kept,
        only whole blocks are read, each once, and the order is that of `Windows`.
        Several generators give orders for as many runs, of rows that are kept.
        """
        if self._resident is None:
            (generator,) = generators
            yield from Windows(self, generator).batches(bounds)
            return
        orders = [torch.randperm(self.n_samples, generator=g) for g in generators]
        order = (orders[0] if len(orders) == 1 else torch.stack(orders)).to(self.device)
        for start, stop in bounds:
            index = order[..., start:stop]
            # index_select takes a third of [index]'s time.
            x = self._read(self._resident.index_select(0, index.reshape(-1)))
            yield Batch(x.view(*index.shape, -1), index)

    def batches_of(
        self, order: Tensor, bounds: list[tuple[int, int]]
    ) -> Iterator[Batch]:
        """Parts of rows in a given order: row numbers (n,) int64."""
        order = order.to(self.device)
        for start, stop in bounds:
            index = order[start:stop]
            yield Batch(self.take(index), index)

    def sample(self, size: int, seed: int) -> Tensor:
        """Different rows, drawn at random: at most (size, n_features).

        Where rows are not kept they come in short runs from all over the array.
        """
        if self._resident is not None:
            return self.take(self._drawn(size, seed))
        return torch.cat(list(self.sampled(size, seed)))

    def sampled(self, size: int, seed: int) -> Iterator[Tensor]:
        """The same in parts, for rows of any width."""
        if self._resident is not None:
            yield from map(self.take, self._drawn(size, seed).split(SAMPLE_PART))
            return
        rng = np.random.RandomState(seed)
        size = min(size, self.n_samples)
        n_blocks = min(size, SAMPLE_BLOCKS)
        length = size // n_blocks
        edges = np.linspace(0, self.n_samples, n_blocks + 1).astype(np.int64)
        starts = rng.randint(edges[:-1], edges[1:] - length + 1)  # inside its share
        for start in starts.tolist():
            yield self.between(start, start + length)

    def _drawn(self, size, seed) -> Tensor:
        """Numbers of rows at random, on the device."""
        order = np.random.RandomState(seed).permutation(self.n_samples)
        return torch.from_numpy(order[:size]).to(self.device)

    def _read(self, kept: Tensor) -> Tensor:
        """Rows that are kept, as float32."""
        if not self._keeps_bytes:
            return kept
        return ((kept.double() - self._center) / self.scale).float()

    def _scaled(self, block: np.ndarray) -> Tensor:
        block -= self.center
        block /= self.scale
        return torch.from_numpy(block.astype(np.float32))


class Windows:
    """A random order of rows that a disk likes.

    Blocks of consecutive rows are drawn in random order, as many as fill a window of
    memory, and the rows within a window are mixed. A batch then holds rows of blocks
    from all over the array, also where the array is sorted.

    Parameters
    ----------
    rows : Rows
    generator : torch.Generator
    """

    def __init__(self, rows: Rows, generator: torch.Generator):
        self.rows = rows
        row_bytes = 4 * rows.n_features
        self.block = max(1, BLOCK_BYTES // row_bytes)
        n_blocks = -(-rows.n_samples // self.block)
        order = torch.randperm(n_blocks, generator=generator)
        starts = self.block * order
        sizes = (rows.n_samples - starts).clamp_max(self.block)
        per_window = max(1, WINDOW_BYTES // (self.block * row_bytes))
        self.starts, self.sizes = starts.split(per_window), sizes.split(per_window)
        ends = [int(size.sum()) for size in self.sizes]
        self.ends = np.cumsum(ends)
        self.seed = int(torch.randint(2**62, (), generator=generator))

    def batches(self, bounds: list[tuple[int, int]]) -> Iterator[Batch]:
        """The rows of the bounds in turn."""
        loaded, position = -1, 0  # window in memory, and rows of all before it
        for start, stop in bounds:
            parts = []
            while start < stop:
                window = int(np.searchsorted(self.ends, start, side="right"))
                if window != loaded:
                    x = index = None  # free the window before the next is read
                    x, index = self._load(window)
                    loaded, position = window, self.ends[window] - len(index)
                here = slice(start - position, min(stop, self.ends[window]) - position)
                parts.append(Batch(x[here], index[here]))
                start = position + here.stop
            yield parts[0] if len(parts) == 1 else _joined(parts)

    def _load(self, window) -> Batch:
        starts, by_place = self.starts[window].sort()  # the disk moves one way
        sizes = self.sizes[window][by_place].tolist()
        generator = torch.Generator().manual_seed(self.seed + window)
        order = torch.randperm(sum(sizes), generator=generator)
        x = torch.empty(len(order), self.rows.n_features, device=self.rows.device)
        index = torch.empty(len(order), dtype=torch.int64)
        done = 0
        for start, size in zip(starts.tolist(), sizes, strict=True):
            places = order[done : done + size]
            x[places.to(x.device)] = self.rows.between(start, start + size)
            index[places] = torch.arange(start, start + size)
            done += size
        return Batch(x, index.to(x.device))


def _joined(parts: list[Batch]) -> Batch:
    """Batches as one."""
    x, index = zip(*parts, strict=True)
    return Batch(torch.cat(x), torch.cat(index))
