"""Deep clustering with the interface of scikit-learn."""

import logging

from skdeepcluster._version import __version__
from skdeepcluster.cluster import (
    ClusterGANClustering,
    ComposedClustering,
    ContrastiveClustering,
    DACClustering,
    DCECClustering,
    DCNClustering,
    DECClustering,
    DeepCluster,
    DEPICTClustering,
    DKMClustering,
    IDECClustering,
    IDFDClustering,
    IICClustering,
    IMSATClustering,
    InfoGANClustering,
    JULEClustering,
    PCLClustering,
    PICAClustering,
    SCANClustering,
    SCEDAEClustering,
    SwAVClustering,
    TEMIClustering,
    TURTLEClustering,
    UNSEENClustering,
    VaDEClustering,
)
from skdeepcluster.representation import BYOL, Autoencoder, DeepBeliefNetwork, SimCLR

__all__ = [
    "BYOL",
    "Autoencoder",
    "ClusterGANClustering",
    "ComposedClustering",
    "ContrastiveClustering",
    "DACClustering",
    "DCECClustering",
    "DCNClustering",
    "DECClustering",
    "DEPICTClustering",
    "DKMClustering",
    "DeepBeliefNetwork",
    "DeepCluster",
    "IDECClustering",
    "IDFDClustering",
    "IICClustering",
    "IMSATClustering",
    "InfoGANClustering",
    "JULEClustering",
    "PCLClustering",
    "PICAClustering",
    "SCANClustering",
    "SCEDAEClustering",
    "SimCLR",
    "SwAVClustering",
    "TEMIClustering",
    "TURTLEClustering",
    "UNSEENClustering",
    "VaDEClustering",
    "__version__",
]

logging.getLogger("skdeepcluster").addHandler(logging.NullHandler())
