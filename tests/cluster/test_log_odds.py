"""Log-odds of an assignment and their gradient."""

import joblib
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.special import logit, logsumexp
from sklearn.exceptions import NotFittedError

from skdeepcluster import DCNClustering
from tests._discovery import CLUSTERERS, PREDICTING, tiny

each_clusterer = pytest.mark.parametrize("cls", PREDICTING)


@pytest.mark.parametrize(
    "cls", [cls for cls in CLUSTERERS if hasattr(cls, "predict_proba")]
)
def test_log_odds__are_those_of_the_probabilities(cls, blobs):
    X, _ = blobs
    clusterer = tiny(cls).fit(X)
    X = np.linspace(X[0], X[20], 30)
    for label in range(3):
        q = clusterer.predict_proba(X)[:, label].astype(np.float64)
        sure = (q < 1e-3) | (q > 1 - 1e-3)  # where q is rounded
        found = clusterer.assignment_log_odds(X, np.full(30, label))
        np.testing.assert_allclose(found[~sure], logit(q[~sure]), atol=1e-3)


def test_dcn__has_those_of_a_t_distribution(blobs):
    X, _ = blobs
    dcn = tiny(DCNClustering, n_clusters=4).fit(X)
    d2 = np.square(dcn.center_distances(X), dtype=np.float64)
    log_t = -np.log1p(d2)
    own = np.arange(4) == dcn.labels_[:, None]
    expected = log_t[own] - logsumexp(np.where(own, -np.inf, log_t), axis=1)
    np.testing.assert_allclose(dcn.assignment_log_odds(X), expected, atol=1e-4)


@each_clusterer
def test_gradients__are_those_of_differences(cls, blobs):
    X, _ = blobs
    X = 1000 + 50 * X
    clusterer = tiny(cls).fit(X)
    labels = np.arange(60) % 3
    gradients = clusterer.assignment_gradients(X, labels)
    assert gradients.shape == X.shape
    step = 0.05
    for feature in range(X.shape[1]):
        aside = step * (np.arange(6) == feature)
        rise = (
            clusterer.assignment_log_odds(X + aside, labels).astype(np.float64)
            - clusterer.assignment_log_odds(X - aside, labels)
        ) / (2 * step)
        # A kink of the network between the two points spoils single rows.
        close = np.isclose(gradients[:, feature], rise, rtol=0.1, atol=2e-3)
        assert close.mean() > 0.9


@each_clusterer
def test_position__is_on_the_way_from_the_mean(cls, blobs):
    X, _ = blobs
    clusterer = tiny(cls).fit(X)
    labels = clusterer.labels_
    quarter = clusterer.center_ + (X - clusterer.center_) / 4
    np.testing.assert_allclose(
        clusterer.assignment_log_odds(X, labels, position=0.25),
        clusterer.assignment_log_odds(quarter, labels),
        rtol=1e-4,
        atol=1e-4,
    )
    both = clusterer.assignment_gradients(X, labels, positions=(0.25, 1.0))
    mean = (
        clusterer.assignment_gradients(quarter, labels)
        + clusterer.assignment_gradients(X, labels)
    ) / 2
    np.testing.assert_allclose(both, mean, rtol=1e-3, atol=1e-4)


@each_clusterer
def test_labels__are_the_own_ones_by_default(cls, blobs):
    X, _ = blobs
    clusterer = tiny(cls).fit(X)
    np.testing.assert_array_equal(
        clusterer.assignment_gradients(X),
        clusterer.assignment_gradients(X, clusterer.labels_),
    )


@each_clusterer
def test_nothing_stays_behind(cls, blobs):
    X, _ = blobs
    clusterer = tiny(cls).fit(X)
    before = joblib.hash(clusterer)
    clusterer.assignment_gradients(X)
    assert joblib.hash(clusterer) == before
    assert not clusterer.model_.training
    assert all(p.grad is None for p in clusterer.model_.parameters())


@each_clusterer
def test_one_row_more__changes_no_other(cls, blobs):
    X, _ = blobs
    clusterer = tiny(cls).fit(X)
    np.testing.assert_allclose(
        clusterer.assignment_gradients(X[:7]),
        clusterer.assignment_gradients(X)[:7],
        rtol=1e-4,
        atol=1e-5,
    )


def test_sparse_and_images__as_dense_and_flat(blobs):
    X, _ = blobs
    X = np.round(X)
    dcn = tiny(DCNClustering).fit(X)
    expected = dcn.assignment_gradients(X)
    np.testing.assert_array_equal(dcn.assignment_gradients(csr_array(X)), expected)
    images = X.reshape(60, 2, 3)
    gradients = tiny(DCNClustering).fit(images).assignment_gradients(images)
    np.testing.assert_array_equal(gradients, expected)


def test_one_cluster__has_no_odds(blobs):
    X, _ = blobs
    dcn = tiny(DCNClustering, n_clusters=1).fit(X)
    with pytest.raises(ValueError, match="at least two clusters.*n_clusters_=1"):
        dcn.assignment_log_odds(X)


@pytest.mark.parametrize("labels", [[0] * 59, [8] * 60, [-1] * 60, [0.5] * 60])
def test_wrong_labels__are_refused(labels, blobs):
    X, _ = blobs
    dcn = tiny(DCNClustering).fit(X)
    with pytest.raises(ValueError, match="labels must hold one number from 0 to 7"):
        dcn.assignment_gradients(X, labels)


@pytest.mark.parametrize("method", ["assignment_log_odds", "assignment_gradients"])
def test_unfitted__is_refused(method, blobs):
    with pytest.raises(NotFittedError):
        getattr(DCNClustering(), method)(blobs[0])
