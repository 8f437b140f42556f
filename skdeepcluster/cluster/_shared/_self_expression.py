"""Rows as combinations of other rows, and the clusters that show in these."""

import numpy as np
import torch
from sklearn.cluster import SpectralClustering
from sklearn.utils.extmath import randomized_svd
from torch import Tensor

_DIMENSIONS = 4  # that a cluster is taken to have
_POWER = 8  # to which the cosines between rows are raised
_TRACE = 1e-6  # of an affinity that all rows have, so that all are connected


@torch.no_grad()
def best_coefficients(z: Tensor, ridge: float) -> Tensor:
    """The S with a diagonal of zeros and the least |Z - S Z|^2 + ridge |S|^2.

    (n, d) -> (n, n) float32. As with all regressions that leave out the row itself, it
    is that with it, of which each row is divided by what the row itself leaves.
    """
    z = z.double()
    gram = z.T @ z + ridge * torch.eye(z.shape[1]).to(z)
    hat = z @ torch.linalg.solve(gram, z.T)
    left = 1 - hat.diagonal()
    return (hat / left.unsqueeze(1)).fill_diagonal_(0.0).float()


def affinity_of(coefficients: np.ndarray, n_clusters: int, seed: int) -> np.ndarray:
    """How much rows belong together, from S: (n, n) -> (n, n), symmetric, in [0, 1]."""
    size = np.abs(coefficients)
    size = largest_part(size, max(0.4 - 0.01 * (n_clusters - 1), 0.1))
    size = (size + size.T) / 2
    rank = min(_DIMENSIONS * n_clusters + 1, len(size))
    u, s, _ = randomized_svd(
        size, rank, power_iteration_normalizer="QR", random_state=seed
    )
    u = u * np.sqrt(s)
    length = np.linalg.norm(u, axis=1, keepdims=True)
    u /= np.where(length > 0, length, 1.0)
    return np.clip(u @ u.T, 0.0, 1.0) ** _POWER


def largest_part(size: np.ndarray, share: float) -> np.ndarray:
    """The largest entries of each row that make up a share of its sum; else zero.

    (n, n) -> (n, n). Of each row one entry is kept at least.
    """
    order = np.argsort(-size, axis=1, kind="stable")
    ordered = np.take_along_axis(size, order, axis=1)
    before = np.cumsum(ordered, axis=1) - ordered
    ordered[before > share * size.sum(axis=1, keepdims=True)] = 0.0
    kept = np.zeros_like(size)
    np.put_along_axis(kept, order, ordered, axis=1)
    return kept


def spectral_labels(affinity: np.ndarray, n_clusters: int, seed: int) -> np.ndarray:
    """Labels of spectral clustering: (n, n) -> (n,) int64."""
    clustering = SpectralClustering(
        n_clusters, affinity="precomputed", random_state=seed
    )
    return clustering.fit_predict(affinity + _TRACE).astype(np.int64)
