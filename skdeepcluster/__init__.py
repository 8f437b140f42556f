"""Deep clustering with the interface of scikit-learn."""

import logging

from skdeepcluster._version import __version__
from skdeepcluster.cluster import (
    ContrastiveClustering,
    DCECClustering,
    DCNClustering,
    DECClustering,
    DeepCluster,
    IDECClustering,
    IDFDClustering,
    IICClustering,
    PCLClustering,
    SCANClustering,
    SwAVClustering,
    TEMIClustering,
    TURTLEClustering,
    VaDEClustering,
)
from skdeepcluster.representation import BYOL, Autoencoder, SimCLR

__all__ = [
    "BYOL",
    "Autoencoder",
    "ContrastiveClustering",
    "DCECClustering",
    "DCNClustering",
    "DECClustering",
    "DeepCluster",
    "IDECClustering",
    "IDFDClustering",
    "IICClustering",
    "PCLClustering",
    "SCANClustering",
    "SimCLR",
    "SwAVClustering",
    "TEMIClustering",
    "TURTLEClustering",
    "VaDEClustering",
    "__version__",
]

logging.getLogger("skdeepcluster").addHandler(logging.NullHandler())
