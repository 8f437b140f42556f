"""What is behind pipelines and searches."""

import numpy as np
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import _num_samples, check_is_fitted


def unwrap(estimator):
    """The fitted transformers in front, in their order, and the clusterer behind them.

    Looks into pipelines, finished searches and frozen estimators.
    """
    check_is_fitted(estimator)
    if hasattr(estimator, "best_estimator_"):
        return unwrap(estimator.best_estimator_)
    if isinstance(estimator, FrozenEstimator):
        return unwrap(estimator.estimator)
    if isinstance(estimator, Pipeline):
        before, clusterer = unwrap(estimator[-1])
        return [*(step for _, step in estimator.steps[:-1]), *before], clusterer
    return [], estimator


def labels_of(estimator, X) -> np.ndarray:
    """Clusters of the rows: predicted, or where that is impossible those of the fit."""
    if hasattr(estimator, "predict"):
        return np.asarray(estimator.predict(X))
    _, clusterer = unwrap(estimator)
    labels = getattr(clusterer, "labels_", None)
    name, n_samples = type(clusterer).__name__, _num_samples(X)
    if labels is None:
        raise TypeError(f"{name} has neither predict nor labels_: it is no clusterer.")
    if len(labels) != n_samples:
        raise ValueError(
            f"{name} cannot predict, so X must be the {len(labels)} rows that it was "
            f"fitted on. Got {n_samples} rows. In a search use one split, "
            "cv=[(rows, rows)] with rows = np.arange(len(X))."
        )
    return np.asarray(labels)
