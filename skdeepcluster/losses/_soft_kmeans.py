"""Soft k-means (Moradi Fard, Thonet, Gaussier, Pattern Recognition Letters 2020)."""

from torch import Tensor

from skdeepcluster.losses._precision import promoted


def soft_kmeans(d2: Tensor, inverse_temperature: float | Tensor) -> Tensor:
    """Squared distance to a centroid, mean over all of them, each as likely as near.

    (n, k) -> scalar, mean over the rows. The weights of the centroids are a softmax of
    minus the squared distances times the inverse temperature: equal where that is zero,
    and k-means where it is large. They are differentiated as well.
    """
    d2 = promoted(d2)
    r = (-inverse_temperature * d2).softmax(dim=1)
    return (r * d2).sum(dim=1).mean()
