"""Representation learners: scikit-learn transformers."""

from skdeepcluster.representation._autoencoder import Autoencoder
from skdeepcluster.representation._encoders import FromViews
from skdeepcluster.representation._simclr import SimCLR
from skdeepcluster.representation._views import (
    AUGMENTATIONS,
    check_augmentation,
    make_views,
)

__all__ = [
    "AUGMENTATIONS",
    "Autoencoder",
    "FromViews",
    "SimCLR",
    "check_augmentation",
    "make_views",
]
