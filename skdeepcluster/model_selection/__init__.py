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

__all__ = [
    "NClustersResult",
    "StabilityResult",
    "cluster_stability",
    "make_stability_scorer",
    "most_clusters",
    "select_n_clusters",
]
