"""Representation learners: scikit-learn transformers."""

from skdeepcluster.representation._autoencoder import Autoencoder

__all__ = ["Autoencoder"]
