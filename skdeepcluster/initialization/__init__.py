"""Where clustering starts: first centroids."""

from skdeepcluster.initialization._centers import kmeans_centers, reseed_empty

__all__ = ["kmeans_centers", "reseed_empty"]
