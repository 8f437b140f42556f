"""Losses: tensors in, a scalar out, one reduction for the whole package.

Reconstruction is the mean over rows and features; divergences are the sum over clusters
and the mean over rows.
"""

from skdeepcluster.losses._reconstruction import mean_squared_error
from skdeepcluster.losses._self_training import kl_divergence, target_distribution

__all__ = ["kl_divergence", "mean_squared_error", "target_distribution"]
