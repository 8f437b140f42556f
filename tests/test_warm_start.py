"""``warm_start=True`` goes on from the fitted model, on other rows."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import (
    Autoencoder,
    ComposedClustering,
    DECClustering,
    IDECClustering,
    InfoGANClustering,
)
from skdeepcluster.engine import Group
from tests._discovery import (
    CLUSTERERS,
    ESTIMATORS,
    FROM_AUTOENCODER,
    TOLD_HOW_MANY,
    TRAINED,
    assert_same_outputs,
    outputs,
    tiny,
)

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_clusterer = pytest.mark.parametrize("cls", CLUSTERERS)
each_told_how_many = pytest.mark.parametrize("cls", TOLD_HOW_MANY)
each_trained = pytest.mark.parametrize("cls", TRAINED)
each_from_autoencoder = pytest.mark.parametrize("cls", FROM_AUTOENCODER)


def known(cls, **changes):
    """A clusterer of the blobs, or an autoencoder."""
    return tiny(cls, n_clusters=3, n_init=10, warm_start=True, **changes)


def weights(estimator):
    return {n: w.clone() for n, w in estimator.model_.state_dict().items()}


@pytest.fixture
def next_month(blobs):
    """Rows around the same centres, in another order and a little moved."""
    X, y = blobs
    rng = np.random.default_rng(1)
    order = rng.permutation(len(X))
    return X[order] + rng.normal(scale=0.5, size=X.shape), y[order]


@each_trained
def test_no_epochs__nothing_is_forgotten(cls, blobs, next_month):
    estimator = known(cls).fit(blobs[0])
    before = outputs(estimator, next_month[0])
    estimator.set_params(max_epochs=0).fit(next_month[0])
    after = outputs(estimator, next_month[0])
    # Means of clusters are those of the new rows, and scores are against them.
    before.pop("score", None), after.pop("score", None)
    assert_same_outputs(before, after)
    assert estimator.n_iter_ == 0


@each_estimator
def test_training_goes_on__and_starts_anew_without(cls, blobs, next_month):
    X, _ = next_month
    first = known(cls).fit(blobs[0])
    start = weights(first)
    warm = copy.deepcopy(first).fit(X)
    assert any((weights(warm)[n] != start[n]).any() for n in start)
    cold = copy.deepcopy(first).set_params(warm_start=False).fit(X)
    anew = clone(first).set_params(warm_start=False).fit(X)
    assert_same_outputs(outputs(cold, X), outputs(anew, X))
    assert not np.array_equal(warm.transform(X), cold.transform(X))
    np.testing.assert_array_equal(warm.center_, first.center_)
    assert not np.array_equal(cold.center_, first.center_)


@each_from_autoencoder
def test_clusters_keep_their_numbers(cls, blobs, next_month):
    X, y = blobs
    clusterer = known(cls, max_epochs=5).fit(X)
    assert adjusted_rand_score(y, clusterer.labels_) == 1.0
    names = dict(zip(clusterer.labels_, y, strict=True))
    stages = {record["stage"] for record in clusterer.history_}
    assert stages == {"pretraining", "clustering"}
    clusterer.fit(next_month[0])
    found = [names[label] for label in clusterer.labels_]
    np.testing.assert_array_equal(found, next_month[1])
    np.testing.assert_array_equal(clusterer.init_labels_, clusterer.labels_)
    assert {record["stage"] for record in clusterer.history_} == {"clustering"}
    np.testing.assert_array_equal(clusterer.predict(next_month[0]), clusterer.labels_)


def test_loss__goes_on_falling(blobs):
    autoencoder = known(Autoencoder, max_epochs=10).fit(blobs[0])
    first = [record["loss"] for record in autoencoder.history_]
    second = [record["loss"] for record in autoencoder.fit(blobs[0]).history_]
    assert abs(second[0] - first[-1]) < abs(second[0] - first[0])
    assert second[-1] < first[-1]


@each_estimator
def test_first_fit__is_an_ordinary_one(cls, blobs):
    X, _ = blobs
    warm, cold = known(cls).fit(X), known(cls).set_params(warm_start=False).fit(X)
    assert_same_outputs(outputs(warm, X), outputs(cold, X))


@each_estimator
@pytest.mark.parametrize("spoil", [lambda X: X[:, 1:], lambda X: X * np.nan])
def test_refused_rows__leave_the_fit_before(cls, spoil, blobs):
    X, _ = blobs
    estimator = known(cls).fit(X)
    before, attributes = outputs(estimator, X), dict(vars(estimator))
    with pytest.raises(ValueError):
        estimator.fit(spoil(X))
    assert_same_outputs(outputs(estimator, X), before)
    assert vars(estimator).keys() == attributes.keys()


@each_trained
def test_interrupted__leaves_the_fit_before(cls, blobs, next_month, monkeypatch):
    X, _ = blobs
    estimator = known(cls).fit(X)
    before = outputs(estimator, X)

    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("skdeepcluster.engine._stage.Stage._step", interrupt)
    with pytest.raises(KeyboardInterrupt):
        estimator.fit(next_month[0])
    assert_same_outputs(outputs(estimator, X), before)
    if hasattr(estimator, "predict"):
        np.testing.assert_array_equal(estimator.predict(X), estimator.labels_)


@each_told_how_many
def test_other_number_of_clusters__is_refused(cls, blobs):
    clusterer = known(cls).fit(blobs[0]).set_params(n_clusters=4)
    with pytest.raises(ValueError, match="goes on with the 3 clusters"):
        clusterer.fit(blobs[0])


@each_estimator
def test_checkpoint__belongs_to_the_start(cls, blobs, next_month, tmp_path):
    X, _ = next_month
    first = known(cls, checkpoint=tmp_path).fit(blobs[0])
    twice = copy.deepcopy(first).fit(X)
    again = copy.deepcopy(first).fit(X)
    assert_same_outputs(outputs(twice, X), outputs(again, X))
    names = {
        str(estimator._own_checkpoint(X, 0, estimator.model_, Group()).folder)
        for estimator in (first, twice)
    }
    assert len(names) == 2


def test_layers_are_not_trained_again(blobs):
    autoencoder = known(Autoencoder, layerwise=True, linear_path=False).fit(blobs[0])
    assert {r["stage"] for r in autoencoder.history_} > {"layer-1"}
    autoencoder.fit(blobs[0])
    assert {r["stage"] for r in autoencoder.history_} == {"pretraining"}


def test_frozen_encoder__moves_only_centroids(blobs, next_month):
    dec = known(DECClustering, update_encoder=False).fit(blobs[0])
    Z = dec.transform(next_month[0])
    centers = dec.cluster_centers_.copy()
    dec.fit(next_month[0])
    np.testing.assert_array_equal(dec.transform(next_month[0]), Z)
    assert not np.array_equal(dec.cluster_centers_, centers)


def test_pickled_in_between(blobs, next_month):
    X, _ = next_month
    first = known(DECClustering).fit(blobs[0])
    kept = pickle.loads(pickle.dumps(first))
    assert_same_outputs(outputs(first.fit(X), X), outputs(kept.fit(X), X))


@pytest.mark.parametrize("cls", [DECClustering, IDECClustering, ComposedClustering])
def test_alpha__is_that_of_now(cls, blobs):
    first = tiny(cls, n_clusters=3, max_epochs=1, warm_start=True).fit(blobs[0])
    before = first.predict_proba(blobs[0])
    first.set_params(alpha=50.0, max_epochs=0).fit(blobs[0])
    assert first.model_.alpha == 50.0
    assert not np.allclose(first.predict_proba(blobs[0]), before)


def test_inverse_temperature__is_that_of_now(blobs):
    first = tiny(
        ComposedClustering,
        n_clusters=3,
        clustering_loss="soft_kmeans",
        max_epochs=1,
        warm_start=True,
    ).fit(blobs[0])
    first.set_params(inverse_temperature=1000.0, max_epochs=0).fit(blobs[0])
    assert float(first.model_.inverse_temperature) == 1000.0


@pytest.mark.parametrize("n_continuous", [0, 1, 5])
def test_shape_of_the_model__stays(n_continuous, blobs):
    first = tiny(InfoGANClustering, n_clusters=3, max_epochs=2, warm_start=True)
    changed = copy.deepcopy(first.fit(blobs[0])).set_params(n_continuous=n_continuous)
    np.testing.assert_array_equal(
        first.fit(blobs[0]).transform(blobs[0]),
        changed.fit(blobs[0]).transform(blobs[0]),
    )
