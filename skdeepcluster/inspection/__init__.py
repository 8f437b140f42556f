"""What an analyst needs to understand and explain a clustering."""

from skdeepcluster.inspection._centers import decoded_centers
from skdeepcluster.inspection._confidence import assignment_confidence
from skdeepcluster.inspection._confidence_display import ConfidenceDisplay
from skdeepcluster.inspection._confusion_display import ClusterConfusionDisplay
from skdeepcluster.inspection._contributions import (
    cluster_feature_importance,
    feature_contributions,
)
from skdeepcluster.inspection._drift import DriftResult, cluster_drift
from skdeepcluster.inspection._embedding_display import EmbeddingDisplay
from skdeepcluster.inspection._exemplars_display import ExemplarsDisplay
from skdeepcluster.inspection._profiles import cluster_profiles
from skdeepcluster.inspection._sizes_display import ClusterSizesDisplay
from skdeepcluster.inspection._training_display import TrainingDisplay

__all__ = [
    "ClusterConfusionDisplay",
    "ClusterSizesDisplay",
    "ConfidenceDisplay",
    "DriftResult",
    "EmbeddingDisplay",
    "ExemplarsDisplay",
    "TrainingDisplay",
    "assignment_confidence",
    "cluster_drift",
    "cluster_feature_importance",
    "cluster_profiles",
    "decoded_centers",
    "feature_contributions",
]
