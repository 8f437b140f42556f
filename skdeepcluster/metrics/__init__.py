"""Scores of a clustering, scorers for searches, and names that outlive a refit."""

from skdeepcluster.metrics._alignment import align_labels
from skdeepcluster.metrics._external import clustering_accuracy, purity_score
from skdeepcluster.metrics._scorers import (
    acc_scorer,
    ari_scorer,
    make_clustering_scorer,
    nmi_scorer,
)

__all__ = [
    "acc_scorer",
    "align_labels",
    "ari_scorer",
    "clustering_accuracy",
    "make_clustering_scorer",
    "nmi_scorer",
    "purity_score",
]
