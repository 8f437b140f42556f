"""Data at the edge of what floating point and clustering can say."""

import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import VaDEClustering
from tests._discovery import (
    CLUSTERERS,
    ESTIMATORS,
    FROM_AUTOENCODER,
    TOLD_HOW_MANY,
    outputs,
    tiny,
)

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_clusterer = pytest.mark.parametrize("cls", CLUSTERERS)
each_told_how_many = pytest.mark.parametrize("cls", TOLD_HOW_MANY)
each_from_autoencoder = pytest.mark.parametrize("cls", FROM_AUTOENCODER)


def with_constant_columns(X):
    return np.hstack([X, np.full((len(X), 2), 7.3), np.zeros((len(X), 1))])


def with_one_extreme_row(X):
    X = X.copy()
    X[0] = 1e6
    return X


DATA = {
    "constant columns": with_constant_columns,
    "duplicate rows": lambda X: np.repeat(X[:15], 4, axis=0),
    "large values": lambda X: 1e12 * X,
    "small values": lambda X: 1e-12 * X,
    "large offset": lambda X: 1e12 + X,
    "offset of one column": lambda X: X + 1e12 * np.eye(1, X.shape[1]),
    "all but one column tiny": lambda X: X * np.logspace(-12, 0, X.shape[1]),
    "one extreme row": with_one_extreme_row,
    "one column": lambda X: X[:, :1],
    "sparse": lambda X: sparse.csr_array(X * (X > 5)),
    "sparse without entries": lambda X: sparse.csr_array(X.shape),
}


@each_estimator
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("make", DATA.values(), ids=DATA.keys())
def test_results_are_finite(cls, make, blobs):
    X = make(blobs[0])
    estimator = tiny(cls, n_clusters=3).fit(X)
    for name, value in outputs(estimator, X).items():
        assert np.all(np.isfinite(value)), name
    losses = [record["loss"] for record in estimator.history_]
    assert len(losses) >= 2
    assert np.all(np.isfinite(losses))


@each_from_autoencoder
@pytest.mark.parametrize(
    "make", [DATA[name] for name in ("large values", "small values", "large offset")]
)
def test_units_and_offset__do_not_hide_the_clusters(cls, make, blobs):
    X, y = blobs
    estimator = tiny(cls, n_clusters=3, n_init=10)
    assert adjusted_rand_score(y, estimator.fit_predict(X)) == 1.0
    assert adjusted_rand_score(y, estimator.fit_predict(make(X))) == 1.0


@each_estimator
@pytest.mark.parametrize("factor", [2.0**-40, 2.0**40])
def test_a_change_of_unit__changes_only_the_units(cls, factor, blobs):
    X, _ = blobs
    plain, scaled = tiny(cls).fit(X), tiny(cls).fit(factor * X)
    expected, results = outputs(plain, X), outputs(scaled, factor * X)
    for name in expected.keys() - {"score"}:
        np.testing.assert_array_equal(results[name], expected[name])
    if "score" not in expected:
        return
    if cls is VaDEClustering:  # the logarithm of a density, which has inverse units
        score = expected["score"] - X.shape[1] * np.log(factor)
    else:
        score = factor**2 * expected["score"]
    assert results["score"] == pytest.approx(score, rel=1e-6)


@each_told_how_many
@pytest.mark.parametrize("value", [0.0, 3.7, 1e12, -1e-12])
def test_one_distinct_row__is_one_cluster_with_a_warning(cls, value):
    X = np.full((20, 3), value)
    with pytest.warns(ConvergenceWarning, match="1 clusters instead of n_clusters=4"):
        estimator = tiny(cls, n_clusters=4).fit(X)
    assert estimator.n_clusters_ == 1
    assert set(estimator.labels_) == {0}
    if hasattr(estimator, "predict"):
        np.testing.assert_array_equal(estimator.predict(X), np.zeros(20))
    if hasattr(estimator, "predict_proba"):
        np.testing.assert_array_equal(estimator.predict_proba(X), np.ones((20, 1)))
    np.testing.assert_allclose(estimator.cluster_means_, X[:1])


@each_told_how_many
def test_fewer_distinct_rows_than_clusters(cls):
    X = np.repeat([[0.0, 0.0], [5.0, 0.0], [0.0, 5.0]], 10, axis=0)
    with pytest.warns(ConvergenceWarning, match="instead of n_clusters=6"):
        estimator = tiny(cls, n_clusters=6).fit(X)
    assert estimator.n_clusters_ <= 3
    assert set(estimator.labels_) == set(range(estimator.n_clusters_))
    if hasattr(estimator, "predict"):
        np.testing.assert_array_equal(estimator.predict(X), estimator.labels_)
    assert estimator.cluster_means_.shape == (estimator.n_clusters_, 2)


@each_clusterer
def test_one_cluster__is_no_reason_to_warn(cls, blobs):
    X, _ = blobs
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        estimator = tiny(cls, n_clusters=1).fit(X)
    assert set(estimator.labels_) == {0}
    np.testing.assert_allclose(estimator.cluster_means_[0], X.mean(axis=0))


@each_from_autoencoder
def test_as_many_clusters_as_rows(cls, blobs):
    X = blobs[0][::6]
    estimator = tiny(cls, n_clusters=len(X)).fit(X)
    assert sorted(estimator.labels_) == list(range(len(X)))


@each_estimator
def test_one_row(cls):
    estimator = tiny(cls, n_clusters=1).fit(np.ones((1, 3)))
    assert np.all(np.isfinite(estimator.transform(np.ones((1, 3)))))


@each_estimator
def test_variance_beyond_float64__raises(cls, blobs):
    with pytest.raises(ValueError, match="overflows"), np.errstate(all="ignore"):
        tiny(cls).fit(blobs[0] * 1e200)
