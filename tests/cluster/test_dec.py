"""DECClustering: the equations of the paper and what is particular to the method."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score
from torch import nn

import skdeepcluster.cluster._dec as dec_module
import skdeepcluster.cluster._shared._centroids as centroids_module
import skdeepcluster.cluster._shared._targets as targets_module
from skdeepcluster import Autoencoder, DECClustering
from tests.cluster._small import clustering_history
from tests.cluster._small import small as make_small
from tests.references import self_training as reference


def small(n_clusters=3, **changes):
    return make_small(DECClustering, n_clusters, **{"update_interval": 2, **changes})


# -- equations ---------------------------------------------------------------------


@pytest.mark.parametrize("alpha", [0.5, 1.0, 7.0])
def test_predict_proba__is_students_t_around_the_centres(blobs, alpha):
    X, _ = blobs
    dec = small(alpha=alpha).fit(X)
    expected = reference.soft_assignment(dec.transform(X), dec.cluster_centers_, alpha)
    np.testing.assert_allclose(dec.predict_proba(X), expected, rtol=1e-3, atol=1e-6)


def test_loss__is_the_divergence_from_targets_of_the_whole_data(blobs):
    X, _ = blobs
    # Steps too short to change anything: each epoch's loss is that of the start.
    dec = small(n_clusters=4, learning_rate=1e-20, max_epochs=2).fit(X)
    start = dec.autoencoder_.transform(X).astype(np.float64)
    q = reference.soft_assignment(start, dec.cluster_centers_, 1.0)
    p = reference.target_distribution(q)
    expected = reference.kl_divergence(p, q)
    for record in clustering_history(dec):
        assert record["loss"] == record["clustering"]
        assert record["loss"] == pytest.approx(expected, rel=1e-4)
    # Targets of one batch at a time would be others.
    by_batch = [
        reference.kl_divergence(reference.target_distribution(part), part)
        for part in np.split(q, 3)
    ]
    assert np.mean(by_batch) != pytest.approx(expected, rel=1e-2)


def test_targets__are_renewed_from_all_rows_at_every_interval(blobs, monkeypatch):
    totals = []

    def target_distribution(q, balance, frequencies):
        totals.append(float(frequencies.sum()))
        return q

    monkeypatch.setattr(targets_module, "target_distribution", target_distribution)
    small(update_interval=5).fit(blobs[0])  # twelve steps
    assert totals == pytest.approx([60.0] * 3)


def test_targets__from_a_copy_are_those_that_are_kept(blobs, monkeypatch):
    kept = small(max_epochs=10, update_interval=5).fit(blobs[0])
    monkeypatch.setattr(targets_module, "STORED_TARGETS", 0)
    copied = small(max_epochs=10, update_interval=5).fit(blobs[0])
    for one, other in zip(kept.history_, copied.history_, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=1e-4, abs=1e-7)
    np.testing.assert_allclose(
        copied.cluster_centers_, kept.cluster_centers_, rtol=1e-3, atol=1e-3
    )


def test_training__makes_assignments_more_certain(blobs):
    X, _ = blobs
    before = small(max_epochs=0).fit(X).predict_proba(X).max(axis=1).mean()
    after = small(max_epochs=30).fit(X).predict_proba(X).max(axis=1).mean()
    assert after > before + 0.01


def test_no_epochs__are_kmeans_in_the_space_of_the_autoencoder(blobs):
    X, _ = blobs
    dec = small(n_clusters=5, init="kmeans", max_epochs=0).fit(X)
    Z = dec.autoencoder_.transform(X)
    distances = np.linalg.norm(Z[:, None] - dec.cluster_centers_, axis=2)
    np.testing.assert_array_equal(dec.labels_, dec.init_labels_)
    np.testing.assert_array_equal(dec.labels_, distances.argmin(axis=1))
    for label in range(5):
        np.testing.assert_allclose(
            dec.cluster_centers_[label], Z[dec.labels_ == label].mean(axis=0), atol=1e-4
        )
    assert dec.n_iter_ == 0
    np.testing.assert_array_equal(dec.transform(X), Z)


def test_init_labels__are_those_before_the_clustering_stage(blobs):
    X, _ = blobs
    start, trained = small(max_epochs=0).fit(X), small(max_epochs=10).fit(X)
    np.testing.assert_array_equal(trained.init_labels_, start.labels_)


# -- what is trained ---------------------------------------------------------------


def encoder_weights(estimator):
    return {
        name: weight.clone()
        for name, weight in estimator.model_.encoder.state_dict().items()
    }


def test_update_encoder_false__moves_only_the_centres(blobs):
    X, _ = blobs
    start = small(max_epochs=0).fit(X)
    dec = small(update_encoder=False).fit(X)
    before, after = encoder_weights(dec.autoencoder_), encoder_weights(dec)
    assert all(torch.equal(after[name], before[name]) for name in before)
    np.testing.assert_array_equal(dec.transform(X), dec.autoencoder_.transform(X))
    assert not np.array_equal(dec.cluster_centers_, start.cluster_centers_)


def test_update_encoder_true__moves_both(blobs):
    X, _ = blobs
    start, dec = small(max_epochs=0).fit(X), small().fit(X)
    before, after = encoder_weights(dec.autoencoder_), encoder_weights(dec)
    assert all(not torch.equal(after[name], before[name]) for name in before)
    assert not np.array_equal(dec.cluster_centers_, start.cluster_centers_)


def test_autoencoder__is_not_changed_by_the_clustering_stage(blobs):
    X, _ = blobs
    dec = small(max_epochs=10)
    alone = dec.autoencoder.fit(X)
    dec.fit(X)
    assert dec.autoencoder is alone
    np.testing.assert_array_equal(dec.autoencoder_.transform(X), alone.transform(X))
    X_hat = dec.autoencoder_.inverse_transform(dec.autoencoder_.transform(X))
    np.testing.assert_array_equal(X_hat, alone.inverse_transform(alone.transform(X)))


def test_history__holds_both_stages(blobs):
    dec = small().fit(blobs[0])
    stages = [record["stage"] for record in dec.history_]
    assert stages == ["pretraining"] * 20 + ["clustering"] * 4
    for record in clustering_history(dec):
        assert 0 <= record["changed"] <= 1
        assert 1 <= record["smallest"] <= 20
    assert dec.n_iter_ == 4
    assert pd.DataFrame(dec.history_)["loss"].notna().all()


def test_update_encoder_false__keeps_batch_statistics(blobs):
    X, _ = blobs
    network = nn.Sequential(nn.Linear(6, 3), nn.BatchNorm1d(3)), nn.Linear(3, 6)
    autoencoder = Autoencoder(network=lambda *_: network, max_epochs=3, random_state=0)
    dec = small(autoencoder=autoencoder, update_encoder=False, max_epochs=10).fit(X)
    np.testing.assert_array_equal(dec.transform(X), dec.autoencoder_.transform(X))


# -- stopping ----------------------------------------------------------------------


def test_tol__stops_at_the_second_target_that_follows_a_step(blobs):
    # No change is below every positive tol; targets at steps 0, 3 and 6.
    dec = small(tol=1.0, update_interval=3, max_epochs=50).fit(blobs[0])
    assert dec.n_iter_ == 2


def test_tol__zero_trains_to_the_end(blobs):
    assert small(tol=0.0, max_epochs=9).fit(blobs[0]).n_iter_ == 9


def test_update_interval__counts_steps(blobs, monkeypatch):
    steps = []
    refresh = dec_module.SelfTraining.refresh

    def watched(objective, trainer):
        steps.append(True)
        return refresh(objective, trainer)

    monkeypatch.setattr(dec_module.SelfTraining, "refresh", watched)
    for interval, expected in [(1, 12), (2, 6), (5, 3), (12, 1), (100, 1)]:
        steps.clear()
        small(update_interval=interval).fit(blobs[0])
        assert len(steps) == expected


def test_update_interval__auto_is_half_an_epoch_but_not_less_than_20_steps():
    class Epoch:
        def __init__(self, steps):
            self.steps_per_epoch = steps

    intervals = [dec_module.auto_interval("auto", Epoch(n)) for n in (1, 40, 100, 1000)]
    assert intervals == [20, 20, 50, 500]
    assert dec_module.auto_interval(7, Epoch(1000)) == 7


# -- dead clusters -----------------------------------------------------------------


@pytest.fixture
def dead_centre(monkeypatch):
    """K-means puts its second centroid where no row is."""
    kmeans_centers = centroids_module.kmeans_centers

    def with_dead_centre(*arguments):
        centers, labels = kmeans_centers(*arguments)
        centers[1] = 1e3
        return centers, labels

    monkeypatch.setattr(centroids_module, "kmeans_centers", with_dead_centre)


@pytest.mark.filterwarnings("error::sklearn.exceptions.ConvergenceWarning")
def test_dead_cluster__is_seeded_anew_while_training(blobs, dead_centre):
    X, y = blobs
    dec = small(init="kmeans", max_epochs=10).fit(X)
    assert dec.n_clusters_ == 3
    assert np.bincount(dec.labels_).min() > 0
    assert clustering_history(dec)[0]["smallest"] > 0
    assert adjusted_rand_score(y, dec.labels_) > 0.9


def test_cluster_that_ends_without_rows__is_dropped_everywhere(blobs, dead_centre):
    X, _ = blobs
    # No target, so nothing is seeded anew.
    dec = small(init="kmeans", max_epochs=0)
    with pytest.warns(ConvergenceWarning, match="2 clusters instead of n_clusters=3"):
        dec.fit(X)
    assert dec.n_clusters_ == dec.model_.n_clusters == 2
    assert set(dec.labels_) == {0, 1}
    assert dec.predict_proba(X).shape == dec.center_distances(X).shape == (60, 2)
    assert dec.cluster_centers_.shape == (2, 3)
    assert dec.cluster_means_.shape == (2, 6)
    np.testing.assert_allclose(dec.predict_proba(X).sum(axis=1), 1.0, rtol=1e-6)
    np.testing.assert_array_equal(dec.predict(X), dec.labels_)
    assert np.abs(dec.cluster_centers_).max() < 100


def test_warning__points_to_the_line_that_called_fit(blobs, dead_centre):
    with pytest.warns(ConvergenceWarning) as caught:
        small(init="kmeans", max_epochs=0).fit(blobs[0])
    assert caught[0].filename == __file__


# -- what is reported --------------------------------------------------------------


def test_distances_inertia_means_and_score__by_hand(blobs):
    X, _ = blobs
    dec = small(n_clusters=4).fit(X)
    Z = dec.transform(X)
    distances = np.linalg.norm(Z[:, None] - dec.cluster_centers_, axis=2)
    np.testing.assert_allclose(dec.center_distances(X), distances, rtol=1e-4, atol=1e-5)
    own = distances[np.arange(60), dec.labels_]
    assert dec.inertia_ == pytest.approx(np.square(own).sum(), rel=1e-4)
    means = np.array([X[dec.labels_ == label].mean(axis=0) for label in range(4)])
    np.testing.assert_allclose(dec.cluster_means_, means)
    new = X[::3] + 0.5
    expected = -np.square(new - means[dec.predict(new)]).sum(axis=1).mean()
    assert dec.score(new) == pytest.approx(expected)


@pytest.mark.parametrize(("center", "scale"), [(0, 1), (1e6, 1e3)])
def test_cluster_means__are_in_the_units_of_the_rows(blobs, center, scale):
    X, y = blobs
    dec = small().fit(center + scale * X)
    order = [np.bincount(dec.labels_[y == label]).argmax() for label in range(3)]
    expected = [center + scale * X[y == label].mean(axis=0) for label in range(3)]
    np.testing.assert_allclose(dec.cluster_means_[order], expected, atol=scale)


# -- digits ------------------------------------------------------------------------


def digits_scores(seed):
    X, y = load_digits(return_X_y=True)
    kmeans = KMeans(10, n_init=20, random_state=seed).fit(X)
    dec = DECClustering(10, random_state=seed).fit(X)
    return adjusted_rand_score(y, dec.labels_), adjusted_rand_score(y, kmeans.labels_)


def test_digits__beat_kmeans():
    score, score_of_kmeans = digits_scores(0)
    assert score > score_of_kmeans + 0.02


@pytest.mark.slow
def test_digits__beat_kmeans_over_five_seeds():
    scores, scores_of_kmeans = np.transpose([digits_scores(seed) for seed in range(5)])
    assert scores.mean() >= 0.74
    assert np.all(scores > scores_of_kmeans - 0.05)


def test_default_settings__find_groups_far_apart(blobs):
    X, y = blobs
    dec = DECClustering(3, random_state=0)
    assert adjusted_rand_score(y, dec.fit_predict(X)) > 0.95
