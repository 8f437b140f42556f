"""Deep clustering methods: scikit-learn clusterers."""

from skdeepcluster.cluster._clustergan import ClusterGANClustering
from skdeepcluster.cluster._cmsc_dcca import CMSCDCCAClustering
from skdeepcluster.cluster._composed import ComposedClustering
from skdeepcluster.cluster._contrastive import ContrastiveClustering
from skdeepcluster.cluster._dac import DACClustering
from skdeepcluster.cluster._dcec import DCECClustering
from skdeepcluster.cluster._dcn import DCNClustering
from skdeepcluster.cluster._dec import DECClustering
from skdeepcluster.cluster._deepcluster import DeepCluster
from skdeepcluster.cluster._depict import DEPICTClustering
from skdeepcluster.cluster._dkm import DKMClustering
from skdeepcluster.cluster._idec import IDECClustering
from skdeepcluster.cluster._idfd import IDFDClustering
from skdeepcluster.cluster._iic import IICClustering
from skdeepcluster.cluster._imsat import IMSATClustering
from skdeepcluster.cluster._infogan import InfoGANClustering
from skdeepcluster.cluster._jule import JULEClustering
from skdeepcluster.cluster._pcl import PCLClustering
from skdeepcluster.cluster._pica import PICAClustering
from skdeepcluster.cluster._scan import SCANClustering
from skdeepcluster.cluster._scedae import SCEDAEClustering
from skdeepcluster.cluster._swav import SwAVClustering
from skdeepcluster.cluster._temi import TEMIClustering
from skdeepcluster.cluster._turtle import TURTLEClustering
from skdeepcluster.cluster._unseen import UNSEENClustering
from skdeepcluster.cluster._vade import VaDEClustering

__all__ = [
    "CMSCDCCAClustering",
    "ClusterGANClustering",
    "ComposedClustering",
    "ContrastiveClustering",
    "DACClustering",
    "DCECClustering",
    "DCNClustering",
    "DECClustering",
    "DEPICTClustering",
    "DKMClustering",
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
    "SwAVClustering",
    "TEMIClustering",
    "UNSEENClustering",
    "TURTLEClustering",
    "VaDEClustering",
]
