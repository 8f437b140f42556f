"""New rows beside reference rows."""

import numpy as np
import pytest
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster.inspection import assignment_confidence, cluster_drift
from tests._discovery import PREDICTING, tiny


@pytest.fixture(scope="module")
def rows():
    """Three months of rows from four clouds."""
    X, _ = make_blobs(900, n_features=5, centers=4, random_state=0)
    return X[:300], X[300:600], X[600:]


@pytest.fixture(scope="module")
def k_means(rows):
    return KMeans(4, n_init=5, random_state=0).fit(rows[0])


def test_numbers__are_those_of_the_rows(rows, k_means):
    _, reference, new = rows
    drift = cluster_drift(k_means, new, reference)
    np.testing.assert_array_equal(drift.clusters, range(4))
    for X, shares, confidences in (
        (new, drift.shares, drift.confidences),
        (reference, drift.reference_shares, drift.reference_confidences),
    ):
        labels, confidence = k_means.predict(X), assignment_confidence(k_means, X)
        for cluster in range(4):
            own = labels == cluster
            assert shares[cluster] == pytest.approx(own.mean())
            assert confidences[cluster] == pytest.approx(confidence[own].mean())
    p, r = drift.shares, drift.reference_shares
    assert drift.stability_index == pytest.approx(((p - r) * np.log(p / r)).sum())


def test_nothing_has_changed(rows, k_means):
    drift = cluster_drift(k_means, rows[2], rows[1])
    assert drift.stability_index < 0.1
    assert 0.01 < drift.unsure < 0.12


def test_same_rows__lie_below_their_own_quantile_once_in_twenty(rows, k_means):
    drift = cluster_drift(k_means, rows[1], rows[1])
    assert drift.stability_index == 0
    assert drift.unsure == pytest.approx(0.05, abs=0.015)


def test_cluster_that_grows__is_seen_in_the_shares(rows, k_means):
    _, reference, new = rows
    labels = k_means.predict(new)
    grown = np.vstack([new, *[new[labels == 2]] * 4])
    drift = cluster_drift(k_means, grown, reference)
    assert drift.stability_index > 0.25
    assert drift.shares[2] > 2 * drift.reference_shares[2]
    assert drift.unsure < 0.15


def test_rows_between_clusters__are_unsure(rows, k_means):
    _, reference, new = rows
    drift = cluster_drift(k_means, (new + new[::-1]) / 2, reference)
    assert drift.unsure > 0.4


def test_cluster_without_rows(rows, k_means):
    _, reference, new = rows
    labels = k_means.predict(new)
    drift = cluster_drift(k_means, new[labels != 1], reference)
    assert drift.shares[1] == 0
    assert np.isnan(drift.confidences[1])
    assert np.isfinite(drift.stability_index)
    back = cluster_drift(k_means, reference, new[labels != 1])
    # What no reference row was like is unsure.
    assert back.unsure >= drift.reference_shares[1]


@pytest.mark.parametrize("cls", PREDICTING)
def test_every_clusterer__in_a_pipeline(cls, rows):
    pipeline = make_pipeline(StandardScaler(), tiny(cls, n_clusters=4)).fit(rows[0])
    drift = cluster_drift(pipeline, rows[2], rows[1])
    assert drift.shares.sum() == pytest.approx(1)
    assert 0 <= drift.unsure <= 1


def test_clusterer_without_confidence(rows):
    clusterer = AgglomerativeClustering(4).fit(rows[0])
    with pytest.raises(TypeError, match="no confidence"):
        cluster_drift(clusterer, rows[0], rows[0])
