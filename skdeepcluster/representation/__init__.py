"""Representation learners: scikit-learn transformers."""

from skdeepcluster.representation._autoencoder import Autoencoder
from skdeepcluster.representation._belief import DeepBeliefNetwork
from skdeepcluster.representation._byol import BYOL
from skdeepcluster.representation._encoders import FromEncoder, FromViews, ViewLearner
from skdeepcluster.representation._objectives import dropped
from skdeepcluster.representation._simclr import SimCLR
from skdeepcluster.representation._start import bernoulli_likelihood, first_networks
from skdeepcluster.representation._views import (
    AUGMENTATIONS,
    ViewObjective,
    check_augmentation,
    make_views,
)

__all__ = [
    "AUGMENTATIONS",
    "BYOL",
    "Autoencoder",
    "DeepBeliefNetwork",
    "FromEncoder",
    "FromViews",
    "SimCLR",
    "ViewLearner",
    "ViewObjective",
    "bernoulli_likelihood",
    "check_augmentation",
    "dropped",
    "first_networks",
    "make_views",
]
