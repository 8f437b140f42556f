"""Deep clustering with the interface of scikit-learn."""

import logging

from skdeepcluster._version import __version__
from skdeepcluster.cluster import (
    DCNClustering,
    DECClustering,
    IDECClustering,
    VaDEClustering,
)
from skdeepcluster.representation import Autoencoder

__all__ = [
    "Autoencoder",
    "DCNClustering",
    "DECClustering",
    "IDECClustering",
    "VaDEClustering",
    "__version__",
]

logging.getLogger("skdeepcluster").addHandler(logging.NullHandler())
