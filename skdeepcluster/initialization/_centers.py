"""First centroids, and new ones for those that lost all their rows."""

import warnings

import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from torch import Tensor

from skdeepcluster.engine import Passes
from skdeepcluster.networks import nearest, squared_distances

SAMPLE = 20_000  # rows on which the starts of k-means are compared
_ROUNDING = 1e-10  # of squared distances, in parts of squared lengths
_COMPARED = 512  # rows with all points at once
_COMPARISONS, _FEWEST = 2**33, 1000  # of rows with points, and of points
_MAX_ITER, _TOL = 300, 1e-4  # those of scikit-learn


def kmeans_centers(
    z: Passes, n_clusters: int, n_init: int, seed: int, start: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The best of `n_init` runs of k-means, or the one from given centroids (k, d).

    Where rows are many the runs are compared on a sample of them, and the best goes on
    with all rows if a pass over these is cheap.

    (n, d) -> centroids (n_clusters, d) and labels (n,), on the device of z.
    """
    few = z.sample(max(SAMPLE, 20 * n_clusters), seed)
    kmeans = KMeans(n_clusters, n_init=n_init, random_state=seed)
    if start is not None:
        kmeans.set_params(init=start.detach().cpu().numpy(), n_init=1)
    with warnings.catch_warnings():
        # Fewer distinct rows than clusters: the estimator says so once, at its end.
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans.fit(few.cpu().numpy())
    centers = torch.from_numpy(z.group.first(kmeans.cluster_centers_)).to(few)
    if len(few) < z.n_rows and z.held:
        centers = lloyd(z, centers)
    centers = _equal_but_for_rounding(centers)
    return centers, z.apply(lambda part: nearest(part, centers))


def _equal_but_for_rounding(centers: Tensor) -> Tensor:
    """Centroids of rows that are equal, but for what a network makes of each batch,
    take the place of the first of them: (k, d) -> (k, d).
    """
    rounding = _rounding(centers)[:, None]
    firsts = [
        (squared_distances(part, centers) <= own).int().argmax(dim=1)
        for part, own in zip(
            centers.split(_COMPARED), rounding.split(_COMPARED), strict=True
        )
    ]
    return centers[torch.cat(firsts)]


def _rounding(z: Tensor) -> Tensor:
    """Squared distances from each point that say nothing: (n, d) -> (n,).

    Next to nothing beside its length, and beside how far points lie from each other.
    """
    spread = (z - z.mean(dim=0)).square().sum(dim=1).mean()
    return _ROUNDING * z.square().sum(dim=1).clamp_max(spread)


def mean_square(z: Passes, centers: Tensor) -> float:
    """Mean squared distance of the rows to their nearest centroid: (n, d), (k, d).

    Never zero, to be divided by: at least a thousandth of the mean over all centroids,
    and one where all rows and centroids coincide.
    """
    sums = torch.zeros(2, dtype=torch.float64).to(z.device)
    for _, part in z:
        d2 = squared_distances(part, centers).double()
        sums += torch.stack([d2.amin(dim=1).sum(), d2.mean(dim=1).sum()])
    own, every = (z.group.sum(sums) / z.n_rows).tolist()
    return max(own, 1e-3 * every) or 1.0


def label_means(z: Passes, labels: Tensor, otherwise: Tensor) -> Tensor:
    """Mean of the rows of each label: (n, d), (n,) and, for labels without rows, (k, d)
    -> (k, d).
    """
    n_labels, size = otherwise.shape
    sums = torch.zeros(n_labels, size + 1, dtype=torch.float64).to(z.device)
    for here, part in z:
        ones = torch.ones(len(part), 1).to(part)
        sums.index_add_(0, labels[here], torch.cat([part, ones], dim=1).double())
    sums = z.group.sum(sums)
    means = (sums[:, :size] / sums[:, size:]).to(otherwise)
    return torch.where(sums[:, size:] > 0, means, otherwise)


def clusters_of_sample(
    z: Passes, points: Tensor, labels: Tensor
) -> tuple[Tensor, Tensor]:
    """Clusters of all rows from those of a sample: (m, d), (m,).

    A row goes with the nearest of the sample, of which the more rows there are the less
    is looked at, or with the nearest mean where a pass over all rows is not cheap.
    -> means (n_clusters, d) and labels (n,).
    """
    labels = labels.to(z.device)
    clusters = [points[labels == label] for label in range(int(labels.max()) + 1)]
    centers = torch.stack([cluster.mean(dim=0) for cluster in clusters])
    if not z.held:
        return centers, z.apply(lambda rows: nearest(rows, centers))
    if not len(points) == z.rows.n_samples == z.n_rows:  # else they are all, in order
        enough = max(_FEWEST, _COMPARISONS // z.n_rows)
        step = max(1, len(points) // enough)
        points, labels = points[::step], labels[::step]
        found = [
            roughly_nearest(part, points)
            for _, rows in z
            for part in rows.split(_COMPARED)
        ]
        labels = labels[torch.cat(found)]
    return label_means(z, labels, centers), labels


def lloyd(z: Passes, centers: Tensor) -> Tensor:
    """Move centroids to the mean of their rows until they stay: (k, d) -> (k, d)."""
    n_clusters, size = centers.shape
    for _ in range(_MAX_ITER):
        # Of each cluster the sum and the number of its rows; of all, their squares.
        sums = torch.zeros(n_clusters, size + 2, dtype=torch.float64).to(z.device)
        for _, part in z:
            labels = roughly_nearest(part, centers)
            ones = torch.ones(len(part), 1).to(part)
            squares = part.square().sum(dim=1, keepdim=True)
            sums.index_add_(0, labels, torch.cat([part, ones, squares], dim=1).double())
        sums = z.group.sum(sums)
        sizes, total = sums[:, size], sums.sum(dim=0)
        moved = (sums[:, :size] / sizes[:, None]).to(centers)
        moved = torch.where(sizes[:, None] > 0, moved, centers)
        variance = (total[-1] - total[:size].square().sum() / z.n_rows) / z.n_rows
        shift = (moved - centers).square().sum()
        centers = moved
        if shift <= _TOL * variance / size:  # synchronises
            break
    return centers


def roughly_nearest(z: Tensor, centers: Tensor) -> Tensor:
    """Numbers of the nearest centroids but for rounding: (n, d), (k, d) -> (n,).

    By matrix products around the mean of the centroids: several times faster than by
    differences.
    """
    mean = centers.mean(dim=0)
    around = centers - mean
    # Squared distances but for |z|^2, which is the same for all centroids.
    squares = around.square().sum(dim=1)
    return torch.addmm(squares, z - mean, around.T, alpha=-2).min(dim=1).indices


@torch.no_grad()
def reseed_empty(centers: Tensor, empty: Tensor, z: Tensor) -> Tensor:
    """Move each centroid without rows to the row farthest from all that have some.

    (k, d), numbers of those without rows and rows (n, d) that stand for all -> numbers
    of those moved; `centers` is changed in place.
    """
    used = torch.ones(len(centers), dtype=torch.bool, device=centers.device)
    used[empty] = False
    # Distance of each row to the nearest centroid with rows, then also to those moved.
    distance = squared_distances(z, centers[used]).amin(dim=1)
    rounding = _rounding(z)
    for number, center in enumerate(empty):
        farthest = distance.argmax()
        if distance[farthest] <= rounding[farthest]:  # fewer distinct rows
            return empty[:number]
        centers[center] = z[farthest]
        distance = torch.minimum(distance, (z - z[farthest]).square().sum(dim=1))
    return empty
