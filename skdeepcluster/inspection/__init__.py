"""What an analyst needs to understand and explain a clustering."""

from skdeepcluster.inspection._centers import decoded_centers
from skdeepcluster.inspection._confidence import assignment_confidence
from skdeepcluster.inspection._contributions import (
    cluster_feature_importance,
    feature_contributions,
)

__all__ = [
    "assignment_confidence",
    "cluster_feature_importance",
    "decoded_centers",
    "feature_contributions",
]
