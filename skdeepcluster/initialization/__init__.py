"""Where clustering starts: first centroids."""

from skdeepcluster.initialization._centers import SAMPLE, kmeans_centers, reseed_empty

__all__ = ["SAMPLE", "kmeans_centers", "reseed_empty"]
