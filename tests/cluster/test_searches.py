"""Clusterers in pipelines and in searches over their parameters."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import DECClustering
from tests._discovery import FROM_AUTOENCODER, TOLD_HOW_MANY, tiny

each_clusterer = pytest.mark.parametrize(
    "cls", [cls for cls in FROM_AUTOENCODER if cls in TOLD_HOW_MANY]
)


def best_possible(estimator, X, y=None):
    return estimator.score(X)


def search(cls, **settings):
    grid = {"n_clusters": [2, 3], "autoencoder__n_components": [2, 4]}
    return GridSearchCV(tiny(cls), grid, cv=2, error_score="raise", **settings)


@each_clusterer
def test_grid_search__over_both_levels(cls, blobs):
    X, y = blobs
    without_y = search(cls).fit(X)
    assert np.all(np.isfinite(without_y.cv_results_["mean_test_score"]))
    assert without_y.best_estimator_.predict(X).shape == (60,)

    with_y = search(cls, scoring="adjusted_rand_score").fit(X, y)
    if not hasattr(cls, "sample"):  # a mixture fits these few rows too closely
        assert without_y.best_params_["n_clusters"] == 3
        assert with_y.best_params_["n_clusters"] == 3
    custom = search(cls, scoring=best_possible).fit(X)
    assert custom.best_score_ == without_y.best_score_


@each_clusterer
def test_grid_search__in_two_processes(cls, blobs):
    X, _ = blobs
    alone = search(cls).fit(X).cv_results_["mean_test_score"]
    in_two = search(cls, n_jobs=2).fit(X).cv_results_["mean_test_score"]
    np.testing.assert_allclose(in_two, alone, rtol=1e-4)


@each_clusterer
def test_grid_search__without_an_autoencoder_says_what_to_do(cls, blobs):
    grid = {"autoencoder__n_components": [2, 3]}
    searching = GridSearchCV(tiny(cls, autoencoder=None), grid, cv=2)
    with pytest.raises(ValueError, match=r"autoencoder=Autoencoder\("):
        searching.fit(blobs[0])


@each_clusterer
@pytest.mark.parametrize("with_y", [True, False])
def test_pipeline__with_and_without_y(cls, with_y, blobs):
    X, y = blobs
    units = 10.0 ** np.arange(6)
    clusterer = tiny(cls, n_clusters=3, n_init=10)
    clusterer.set_params(autoencoder__max_epochs=60, autoencoder__learning_rate=1e-2)
    pipeline = make_pipeline(StandardScaler(), clusterer)
    labels = pipeline.fit_predict(X * units, *([y] if with_y else []))
    assert adjusted_rand_score(y, labels) > 0.9
    np.testing.assert_array_equal(pipeline.predict(X * units), labels)
    assert pipeline[-1].autoencoder_.n_features_in_ == 6


@each_clusterer
def test_pipeline__pandas_in_and_out(cls, blobs):
    X = pd.DataFrame(blobs[0], columns=[*"abcdef"], index=range(100, 160))
    pipeline = make_pipeline(StandardScaler(), tiny(cls))
    pipeline.set_output(transform="pandas")
    Z = pipeline.fit_transform(X)
    assert list(Z.index) == list(X.index)
    assert list(Z.columns) == [f"{cls.__name__.lower()}{i}" for i in range(4)]
    assert list(pipeline[-1].feature_names_in_) == [*"abcdef"]
    assert list(pipeline[-1].autoencoder_.feature_names_in_) == [*"abcdef"]


def test_clusterer_as_a_step_in_front_of_another(blobs):
    X, y = blobs
    pipeline = make_pipeline(tiny(DECClustering, n_clusters=3), KMeans(3, n_init=5))
    assert adjusted_rand_score(y, pipeline.fit_predict(X)) > 0.9
