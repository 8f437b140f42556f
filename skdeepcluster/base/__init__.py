"""The scikit-learn face of all estimators."""

from skdeepcluster.base._estimator import (
    DecoderMixin,
    DeepEstimator,
    auto_batch_size,
    auto_epochs,
)
from skdeepcluster.base._fingerprint import content, fingerprint

__all__ = [
    "DecoderMixin",
    "DeepEstimator",
    "auto_batch_size",
    "auto_epochs",
    "content",
    "fingerprint",
]
