"""Losses: tensors in, a scalar out, one reduction for the whole package.

Reconstruction is the mean over rows and features; divergences are the sum over clusters
and the mean over rows; contrasts are the mean over what is contrasted, rows or clusters
of both views. Assignments of several heads give one value per head.
"""

from skdeepcluster.losses._adversarial import (
    code_error,
    gradient_penalty,
    taken_for_real,
)
from skdeepcluster.losses._contrastive import (
    cluster_contrast,
    direction_error,
    info_nce,
    nt_xent,
    partition_uncertainty,
    prototype_contrast,
)
from skdeepcluster.losses._correlation import canonical_correlation
from skdeepcluster.losses._free_energy import free_energy
from skdeepcluster.losses._instances import (
    feature_decorrelation,
    feature_orthogonality,
    instance_discrimination,
)
from skdeepcluster.losses._locality import heat_kernel, locality
from skdeepcluster.losses._mutual_information import (
    conditional_entropy,
    confident_cross_entropy,
    consistency,
    mean_entropy,
    mutual_information,
)
from skdeepcluster.losses._neighbors import neighbor_distance
from skdeepcluster.losses._pairs import confident_pairs
from skdeepcluster.losses._perturbation import adversarial_perturbation
from skdeepcluster.losses._pointwise import agreement, pointwise_mutual_information
from skdeepcluster.losses._reconstruction import mean_squared_error
from skdeepcluster.losses._self_training import kl_divergence, target_distribution
from skdeepcluster.losses._sizes import size_divergence, zipf_prior
from skdeepcluster.losses._soft_kmeans import soft_kmeans
from skdeepcluster.losses._transport import sinkhorn, soft_cross_entropy
from skdeepcluster.losses._triplets import triplet_loss

__all__ = [
    "adversarial_perturbation",
    "agreement",
    "canonical_correlation",
    "cluster_contrast",
    "code_error",
    "conditional_entropy",
    "confident_cross_entropy",
    "confident_pairs",
    "consistency",
    "direction_error",
    "feature_decorrelation",
    "feature_orthogonality",
    "gradient_penalty",
    "free_energy",
    "heat_kernel",
    "info_nce",
    "instance_discrimination",
    "kl_divergence",
    "locality",
    "mean_entropy",
    "mean_squared_error",
    "mutual_information",
    "neighbor_distance",
    "nt_xent",
    "partition_uncertainty",
    "pointwise_mutual_information",
    "prototype_contrast",
    "sinkhorn",
    "size_divergence",
    "soft_cross_entropy",
    "soft_kmeans",
    "taken_for_real",
    "target_distribution",
    "triplet_loss",
    "zipf_prior",
]
