"""Which features decide that a row belongs to its cluster."""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import DECClustering, VaDEClustering
from skdeepcluster.inspection import cluster_feature_importance, feature_contributions
from tests._discovery import FROM_AUTOENCODER, tiny

each_clusterer = pytest.mark.parametrize("cls", FROM_AUTOENCODER)
INFORMATIVE = [1, 4, 10]


@pytest.fixture(scope="module")
def planted():
    """240 rows in three clusters that differ in three of twelve columns."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 80)
    X = rng.normal(size=(240, 12))
    X[:, INFORMATIVE] += 6 * np.eye(3)[y]
    return X, y


@each_clusterer
def test_contributions__add_up_to_the_log_odds(cls, blobs):
    X, _ = blobs
    X = 1000 + 50 * X
    clusterer = tiny(cls).fit(X)
    contributions = feature_contributions(clusterer, X, n_steps=256)
    rise = clusterer.assignment_log_odds(X) - clusterer.assignment_log_odds(
        X, clusterer.labels_, position=0.0
    )
    assert contributions.shape == X.shape
    np.testing.assert_allclose(
        contributions.sum(axis=1), rise, rtol=0.02, atol=0.02 * np.abs(rise).mean()
    )


@each_clusterer
def test_planted_columns__are_found(cls, planted):
    X, y = planted
    clusterer = tiny(cls, n_clusters=3, n_init=10, max_epochs=5).fit(X)
    assert adjusted_rand_score(y, clusterer.labels_) > 0.9
    importance = cluster_feature_importance(clusterer, X)
    assert importance.shape == (3, 12)
    # Each cluster is high in one of the columns.
    strongest = importance.argmax(axis=1)
    assert sorted(strongest) == INFORMATIVE
    assert set(np.argsort(importance.sum(axis=0))[-3:]) == set(INFORMATIVE)
    contributions = feature_contributions(clusterer, X)
    share = np.abs(contributions[:, INFORMATIVE]).sum() / np.abs(contributions).sum()
    assert share > 0.5


def test_importance__is_complete_too(planted):
    X, _ = planted
    dec = tiny(DECClustering, n_clusters=3).fit(X)
    rise = dec.assignment_log_odds(X) - dec.assignment_log_odds(
        X, dec.labels_, position=0.0
    )
    expected = [rise[dec.labels_ == label].mean() for label in range(3)]
    importance = cluster_feature_importance(dec, X)
    np.testing.assert_allclose(importance.sum(axis=1), expected, rtol=0.02)


def test_cluster_without_rows__has_no_importance(planted):
    X, y = planted
    dec = tiny(DECClustering, n_clusters=3).fit(X)
    importance = cluster_feature_importance(dec, X[dec.labels_ != 1])
    assert np.isnan(importance).any(axis=1).tolist() == [False, True, False]


def test_training_mean__has_nothing_to_explain(blobs):
    X, _ = blobs
    dec = tiny(DECClustering).fit(X)
    contributions = feature_contributions(dec, dec.center_[None])
    np.testing.assert_array_equal(contributions, 0)


def test_pipeline__explains_what_the_clusterer_is_given(blobs):
    X, _ = blobs
    scaled = StandardScaler().fit_transform(X)
    dec = tiny(DECClustering)
    expected = feature_contributions(dec.fit(scaled), scaled)
    pipeline = make_pipeline(StandardScaler(), dec).fit(X)
    np.testing.assert_array_equal(feature_contributions(pipeline, X), expected)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "container",
    [
        csr_array,
        lambda X: pd.DataFrame(X).rename(columns=str),
        lambda X: X.reshape(60, 2, 3),
    ],
)
def test_other_containers__give_the_same(container, blobs):
    X = np.round(blobs[0])
    expected = feature_contributions(tiny(VaDEClustering).fit(X), X)
    X = container(X)
    found = feature_contributions(tiny(VaDEClustering).fit(X), X)
    np.testing.assert_array_equal(found, expected)


def test_too_few_steps__warn(blobs):
    X, _ = blobs
    dec = tiny(DECClustering, n_clusters=3, max_epochs=30).fit(X)
    with pytest.warns(ConvergenceWarning, match="more steps than n_steps=1"):
        feature_contributions(dec, 100 * X, n_steps=1)


@pytest.mark.parametrize("n_steps", [0, 1.5, True])
def test_wrong_number_of_steps__is_refused(n_steps, blobs):
    dec = tiny(DECClustering).fit(blobs[0])
    with pytest.raises(ValueError, match="n_steps must be an int"):
        feature_contributions(dec, blobs[0], n_steps=n_steps)


@pytest.mark.parametrize("explain", [feature_contributions, cluster_feature_importance])
def test_no_gradients__names_the_alternative(explain, blobs):
    kmeans = KMeans(3, n_init=1).fit(blobs[0])
    with pytest.raises(TypeError, match="KMeans has no assignment_gradients.*profiles"):
        explain(kmeans, blobs[0])
