"""Where clustering starts: first centroids, nearest neighbours, whitening."""

from skdeepcluster.initialization._centers import (
    SAMPLE,
    clusters_of_sample,
    kmeans_centers,
    label_means,
    lloyd,
    mean_square,
    reseed_empty,
)
from skdeepcluster.initialization._layers import with_all_layers
from skdeepcluster.initialization._neighbors import (
    drawn_neighbors,
    farthest_distances,
    median_distance,
    nearest_neighbors,
    neighbors_of,
)
from skdeepcluster.initialization._whitening import whiten

__all__ = [
    "SAMPLE",
    "clusters_of_sample",
    "drawn_neighbors",
    "farthest_distances",
    "kmeans_centers",
    "label_means",
    "lloyd",
    "mean_square",
    "median_distance",
    "nearest_neighbors",
    "neighbors_of",
    "reseed_empty",
    "whiten",
    "with_all_layers",
]
