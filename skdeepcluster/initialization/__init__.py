"""Where clustering starts: first centroids, nearest neighbours."""

from skdeepcluster.initialization._centers import (
    SAMPLE,
    kmeans_centers,
    lloyd,
    reseed_empty,
)
from skdeepcluster.initialization._neighbors import drawn_neighbors, nearest_neighbors

__all__ = [
    "SAMPLE",
    "drawn_neighbors",
    "kmeans_centers",
    "lloyd",
    "nearest_neighbors",
    "reseed_empty",
]
