"""The nearest neighbours of all rows."""

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from skdeepcluster.engine import Passes

_FAISS_ROWS = 20_000  # from which faiss is faster than scikit-learn


def nearest_neighbors(z: Passes, n_neighbors: int) -> Tensor:
    """The rows whose embedding points most nearly in the same direction.

    (n, d) -> (n, k) int64, nearest first and without the row itself; k is
    `n_neighbors`, or what there is.
    """
    units = torch.empty(z.rows.n_samples, 0)
    for here, part in z:
        if here.start == 0:
            units = part.new_empty(z.rows.n_samples, part.shape[1])
        units[here] = torch.nn.functional.normalize(part, dim=1)
    found = _search(units.cpu().numpy(), min(n_neighbors + 1, len(units)))
    own = np.arange(len(found))[:, None]
    # Of equal rows another may come first: the row itself goes, or else the last.
    is_own = found == own
    is_own[~is_own.any(axis=1), -1] = True
    return torch.from_numpy(found[~is_own].reshape(len(found), -1)).to(z.device)


def drawn_neighbors(
    neighbors: Tensor, index: Tensor, generator: torch.Generator
) -> Tensor:
    """One of the neighbours of each row, or the row itself: (n, k), (b,) -> (b,)."""
    among = torch.cat([index.unsqueeze(1), neighbors[index]], dim=1)
    drawn = torch.randint(
        among.shape[1], index.shape, generator=generator, device=index.device
    )
    return among.gather(1, drawn.unsqueeze(1)).squeeze(1)


def _search(units: np.ndarray, k: int) -> np.ndarray:
    """(n, d) unit vectors -> (n, k) int64, by an exact search."""
    if len(units) >= _FAISS_ROWS:
        try:
            import faiss
        except ImportError:
            pass
        else:
            index = faiss.IndexFlatIP(units.shape[1])
            index.add(units)
            return index.search(units, k)[1]
    # On unit vectors the order is that of the cosine; this search is the fast one.
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(units)
    return search.kneighbors(units, return_distance=False)
