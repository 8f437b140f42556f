"""Labels of -1 where the clusterer is not sure."""

import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from skdeepcluster.inspection import assignment_confidence
from skdeepcluster.metrics import ari_scorer
from skdeepcluster.model_selection import FixedThresholdClusterer
from skdeepcluster.utils import InvalidParameterError
from tests._discovery import PREDICTING, tiny


@parametrize_with_checks(
    [FixedThresholdClusterer(KMeans(3, n_init=1, random_state=0), threshold=0.0)]
)
def test_upstream_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("cls", PREDICTING)
@pytest.mark.parametrize("share", [0.2, 0.5])
def test_rows_below_the_threshold__are_unsure(cls, share, blobs):
    X, _ = blobs
    fitted = tiny(cls, n_clusters=3).fit(X)
    confidence = assignment_confidence(fitted, X)
    threshold = float(np.quantile(confidence, share))
    careful = FixedThresholdClusterer(FrozenEstimator(fitted), threshold=threshold)
    labels = careful.fit_predict(X)
    unsure = confidence < threshold
    np.testing.assert_array_equal(labels, np.where(unsure, -1, fitted.labels_))
    np.testing.assert_array_equal(careful.predict(X), careful.labels_)
    assert careful.estimator_.estimator is fitted
    assert labels.dtype == np.int64


def test_zero__leaves_all_labels(blobs):
    X, _ = blobs
    k_means = KMeans(3, n_init=1, random_state=0)
    labels = FixedThresholdClusterer(k_means, threshold=0.0).fit_predict(X)
    np.testing.assert_array_equal(labels, clone(k_means).fit_predict(X))


def test_pipeline_inside_and_search_around(blobs):
    X, y = blobs
    inside = make_pipeline(StandardScaler(), KMeans(n_init=5, random_state=0))
    search = GridSearchCV(
        FixedThresholdClusterer(inside),
        {"threshold": [0.0, 0.2], "estimator__kmeans__n_clusters": [2, 3]},
        scoring=ari_scorer,
        cv=KFold(2, shuffle=True, random_state=0),
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_["estimator__kmeans__n_clusters"] == 3


def test_pickle_and_clone(blobs):
    X, _ = blobs
    careful = FixedThresholdClusterer(tiny(PREDICTING[0]), threshold=0.3).fit(X)
    again = pickle.loads(pickle.dumps(careful))
    np.testing.assert_array_equal(again.predict(X), careful.labels_)
    np.testing.assert_array_equal(clone(careful).fit(X).labels_, careful.labels_)


@pytest.mark.parametrize("threshold", [-0.1, 1.5, "high"])
def test_bad_threshold(threshold, blobs):
    with pytest.raises(InvalidParameterError, match="threshold"):
        FixedThresholdClusterer(KMeans(2), threshold=threshold).fit(blobs[0])


def test_clusterer_without_confidence(blobs):
    clusterer = FixedThresholdClusterer(AgglomerativeClustering(2))
    with pytest.raises((TypeError, AttributeError)):
        clusterer.fit(blobs[0])
