"""Loaders of public data sets that papers on clustering use."""

from skdeepcluster.datasets._images import (
    fetch_coil20,
    fetch_fashion_mnist,
    fetch_mnist,
    fetch_usps,
)
from skdeepcluster.datasets._tables import (
    fetch_isolet,
    fetch_mfeat,
    fetch_mice_protein,
    fetch_reuters,
)

__all__ = [
    "fetch_coil20",
    "fetch_fashion_mnist",
    "fetch_isolet",
    "fetch_mfeat",
    "fetch_mice_protein",
    "fetch_mnist",
    "fetch_reuters",
    "fetch_usps",
]
