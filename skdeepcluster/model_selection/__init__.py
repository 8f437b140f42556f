"""Choosing between clusterings without labels."""

from skdeepcluster.model_selection._n_clusters import (
    NClustersResult,
    most_clusters,
    select_n_clusters,
)
from skdeepcluster.model_selection._stability import (
    StabilityResult,
    cluster_stability,
    make_stability_scorer,
)
from skdeepcluster.model_selection._threshold import FixedThresholdClusterer

__all__ = [
    "FixedThresholdClusterer",
    "NClustersResult",
    "StabilityResult",
    "cluster_stability",
    "make_stability_scorer",
    "most_clusters",
    "select_n_clusters",
]
