"""Scores of a clustering."""

from skdeepcluster.metrics._external import clustering_accuracy, purity_score

__all__ = ["clustering_accuracy", "purity_score"]
