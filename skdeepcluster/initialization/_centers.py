"""First centroids, and new ones for those that lost all their rows."""

import warnings

import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor


def kmeans_centers(
    z: Tensor, n_clusters: int, n_init: int, seed: int
) -> tuple[Tensor, Tensor]:
    """The best of `n_init` runs of k-means.

    (n, d) -> centroids (n_clusters, d) and labels (n,), on the device of z.
    """
    kmeans = KMeans(n_clusters, n_init=n_init, random_state=seed)
    with warnings.catch_warnings():
        # Fewer distinct rows than clusters: the estimator says so once, at its end.
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans.fit(z.cpu().numpy())
    centers = torch.from_numpy(kmeans.cluster_centers_).to(z)
    return centers, torch.from_numpy(kmeans.labels_).long().to(z.device)


@torch.no_grad()
def reseed_empty(centers: Tensor, z: Tensor, labels: Tensor) -> Tensor:
    """Move each centroid without rows to the row farthest from all that have some.

    (k, d), (n, d) and (n,) -> numbers of those moved; `centers` is changed in place.
    """
    empty = (torch.bincount(labels, minlength=len(centers)) == 0).nonzero().flatten()
    if len(empty) == 0:
        return empty
    # Distance of each row to its own centroid, then also to those already moved.
    nearest = (z - centers[labels]).square().sum(dim=1)
    for number, center in enumerate(empty):
        farthest = nearest.argmax()
        if nearest[farthest] <= 0:  # fewer distinct rows than centroids
            return empty[:number]
        centers[center] = z[farthest]
        nearest = torch.minimum(nearest, (z - z[farthest]).square().sum(dim=1))
    return empty
