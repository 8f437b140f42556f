"""The nearest neighbours of all rows."""

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from skdeepcluster.engine import Passes, Rows, apply_in_batches

_FAISS_ROWS = 20_000  # from which faiss is faster than scikit-learn
_HELD_DISTANCES = 2**26  # that are on a GPU at once
_FEW_ROWS = 2_000  # to whose neighbours distances are measured


def nearest_neighbors(z: Passes, n_neighbors: int, *, by_angle: bool) -> Tensor:
    """The rows that are nearest, or that point most nearly in the same direction.

    (n, d) -> (n, k) int64, nearest first and without the row itself; k is
    `n_neighbors`, or what there is.
    """
    points = z.apply(F.normalize if by_angle else torch.clone)
    if points.device.type == "cuda":
        return _search_on_device(points, min(n_neighbors, len(points) - 1))
    found = neighbors_of(points.cpu().numpy(), n_neighbors)
    return torch.from_numpy(found).to(z.device)


def neighbors_of(points: np.ndarray, n_neighbors: int) -> np.ndarray:
    """The same of points that are at hand, by distance: (n, d) -> (n, k) int64."""
    found = _search(points, min(n_neighbors + 1, len(points)))
    own = np.arange(len(found))[:, None]
    # Of equal rows another may come first: the row itself goes, or else the last.
    is_own = found == own
    is_own[~is_own.any(axis=1), -1] = True
    return found[~is_own].reshape(len(found), -1)


def farthest_distances(rows: Rows, neighbors: Tensor) -> Tensor:
    """Distance of each row to the last of its neighbours: (n, k) int64 -> (n,).

    Zero where there are none.
    """
    if neighbors.shape[1] == 0:
        return torch.zeros(len(neighbors), device=rows.device)

    def distance(x, other):
        return (x - rows.take(other)).norm(dim=1)

    return apply_in_batches(rows, distance, neighbors[:, -1])


def drawn_neighbors(
    neighbors: Tensor,
    index: Tensor,
    generator: torch.Generator,
    *,
    with_itself: bool = True,
) -> Tensor:
    """One of the neighbours of each row, or the row itself: (n, k), (b,) -> (b,).

    A row without neighbours is drawn itself in any case.
    """
    among = neighbors[index]
    if with_itself or among.shape[1] == 0:
        among = torch.cat([index.unsqueeze(1), among], dim=1)
    drawn = torch.randint(
        among.shape[1], index.shape, generator=generator, device=index.device
    )
    return among.gather(1, drawn.unsqueeze(1)).squeeze(1)


def median_distance(rows: Rows, neighbors: Tensor, seed: int) -> float:
    """Median of the squared distances of rows to their neighbours: (n, k) of all rows.

    Of a sample where rows are many. Never zero, to be divided by: the mean where half
    of all rows equal their neighbours, and one where all do.
    """
    drawn = np.random.RandomState(seed).permutation(len(neighbors))[:_FEW_ROWS]
    index = torch.from_numpy(drawn).to(neighbors.device)
    x = rows.take(index)
    near = [rows.take(column[index]) for column in neighbors.T]
    d2 = torch.stack([(x - other).square().sum(dim=1) for other in near or [x]])
    return float(d2.median()) or float(d2.mean()) or 1.0


def _search_on_device(points: Tensor, k: int) -> Tensor:
    """(n, d) -> (n, k) int64 without the row itself, from all distances in blocks."""
    every = torch.arange(len(points), device=points.device)
    found = []
    for own in every.split(max(1, _HELD_DISTANCES // len(points))):
        distances = torch.cdist(points[own], points)
        distances.scatter_(1, own.unsqueeze(1), torch.inf)
        found.append(distances.topk(k, largest=False).indices)
    return torch.cat(found)


def _search(points: np.ndarray, k: int) -> np.ndarray:
    """(n, d) -> (n, k) int64, by an exact search."""
    if len(points) >= _FAISS_ROWS:
        try:
            import faiss
        except ImportError:
            pass
        else:
            index = faiss.IndexFlatL2(points.shape[1])
            index.add(points)
            return index.search(points, k)[1]
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(points)
    return search.kneighbors(points, return_distance=False)
