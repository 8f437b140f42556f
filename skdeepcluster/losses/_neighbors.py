"""How close the rows of a batch lie to those nearest to them.

What pulls clusters together in UNSEEN: Leiber, Strauß, Schubert, Seidl, "Dying clusters
is all you need", ICDM workshops 2024.
"""

import torch
from torch import Tensor

from skdeepcluster.losses._precision import promoted, squared_distances


def neighbor_distance(z: Tensor, n_neighbors: int) -> Tensor:
    """Mean squared distance of each row to its nearest others: (n, d) -> scalar.

    Which these are is not differentiated. Zero for a single row.
    """
    z = promoted(z)
    n_neighbors = min(n_neighbors, len(z) - 1)
    if n_neighbors < 1:
        return 0 * z.sum()
    with torch.no_grad():
        d2 = squared_distances(z).fill_diagonal_(torch.inf)
        nearest = d2.topk(n_neighbors, dim=1, largest=False).indices
    offsets = z[nearest] - z[:, None]  # (n, n_neighbors, d)
    return offsets.square().sum(dim=2).mean()
