"""DKMClustering: soft k-means that hardens while it trains."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import DKMClustering
from skdeepcluster.cluster._dkm import AnnealedKMeans, annealed
from skdeepcluster.engine import Batch
from skdeepcluster.networks import MLP, SoftKMeansModel
from tests.cluster._small import clustering_history
from tests.cluster._small import small as make_small
from tests.references import reconstruction, running_means
from tests.references import soft_kmeans as reference


def small(n_clusters=3, **changes):
    return make_small(DKMClustering, n_clusters, **changes)


def constant(value):
    return {"first_inverse_temperature": value, "inverse_temperature": value}


def objective(n_steps, first=0.1, last=28.1):
    """Three centroids in the plane and rows that are embedded by one layer."""
    encoder = MLP([2, 2], torch.Generator().manual_seed(0))
    decoder = MLP([2, 2], torch.Generator().manual_seed(1))
    model = SoftKMeansModel(encoder, torch.eye(3, 2), decoder)
    model.scale.fill_(2.0)
    model.inverse_temperature.fill_(first)
    return AnnealedKMeans(model, 30, 0.0, 1, 0.3, last, n_steps)


def batch():
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    return Batch(x, torch.arange(30))


# -- loss --------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.1, 2.0])
@pytest.mark.parametrize("inverse_temperature", [0.5, 10.0])
def test_loss__against_the_references(blobs, weight, inverse_temperature):
    X, _ = blobs
    # Steps too short to change anything, so that all batches see the same network.
    settings = {"learning_rate": 1e-20, "max_epochs": 1, "clustering_weight": weight}
    dkm = small(**settings, **constant(inverse_temperature)).fit(X)
    z = dkm.transform(X).astype(np.float64)
    error = reconstruction.mean_squared_error(dkm.inverse_transform(z), X)
    (record,) = clustering_history(dkm)
    assert record["reconstruction"] == pytest.approx(error / dkm.scale_**2, rel=1e-3)
    d2 = reference.squared_distances(z, dkm.cluster_centers_.astype(np.float64))
    own = running_means.mean_squared_distance(z, dkm.cluster_centers_, dkm.labels_)
    distance = reference.soft_kmeans(d2, inverse_temperature / own)
    assert record["clustering"] == pytest.approx(weight * distance, rel=1e-3)
    assert record["loss"] == record["reconstruction"] + record["clustering"]


def test_losses__move_network_and_centroids_by_gradient():
    one = objective(100)
    terms = one.losses(batch())
    assert list(terms) == ["reconstruction", "clustering"]
    terms["clustering"].backward()
    assert one.model.centers.grad.abs().min() > 0
    assert one.model.encoder[0].weight.grad.abs().min() > 0
    assert one.model.decoder[0].weight.grad is None


# -- inverse temperature -----------------------------------------------------------


def test_annealed__has_the_forty_values_of_the_paper():
    expected = reference.inverse_temperatures()
    assert expected[-1] == pytest.approx(28.1, rel=1e-2)
    np.testing.assert_allclose(annealed(0.1, expected[-1]), expected, rtol=1e-6)


@pytest.mark.parametrize(("first", "last"), [(1.0, 28.1), (7.0, 7.0), (5.0, 0.5)])
def test_annealed__leads_from_one_end_to_the_other(first, last):
    values = annealed(first, last)
    assert len(values) == 40
    np.testing.assert_allclose(values[[0, -1]], [first, last], rtol=1e-6)
    assert torch.equal(values, values.sort(descending=last < first).values)


@pytest.mark.parametrize("n_steps", [1, 2, 7, 80, 400])
def test_after_step__rises_over_half_of_the_steps(n_steps):
    one = objective(n_steps)
    seen = [float(one.model.inverse_temperature)]
    for _ in range(n_steps):
        one.after_step(batch())
        seen.append(float(one.model.inverse_temperature))
    if n_steps > 1:
        assert seen[0] == pytest.approx(0.1)
    assert seen == sorted(seen)
    np.testing.assert_allclose(seen[n_steps // 2 :], 28.1, rtol=1e-6)
    if n_steps == 400:  # each for five steps
        np.testing.assert_allclose(seen[:200:5], annealed(0.1, 28.1), rtol=1e-6)
        assert len(set(seen)) == 40


def test_predict_proba__is_the_softmax_at_the_last_inverse_temperature(blobs):
    X, _ = blobs
    dkm = small(n_clusters=5, init="kmeans", inverse_temperature=3.0).fit(X)
    assert float(dkm.model_.inverse_temperature) == pytest.approx(3.0)
    z, centers = dkm.transform(X), dkm.cluster_centers_
    d2 = reference.squared_distances(z.astype(np.float64), centers)
    # The scale is that of the start.
    start = KMeans(5, n_init=20, random_state=0).fit(dkm.autoencoder_.transform(X))
    assert float(dkm.model_.scale) == pytest.approx(start.inertia_ / 60, rel=0.05)
    expected = reference.soft_assignment(d2, 3.0 / float(dkm.model_.scale))
    np.testing.assert_allclose(dkm.predict_proba(X), expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(dkm.labels_, running_means.nearest(z, centers))


def test_tolerance__stops_nothing_before_the_last_inverse_temperature(blobs):
    X, _ = blobs
    assert small(tol=1.0, max_epochs=20).fit(X).n_iter_ == 10
    assert small(tol=1.0, max_epochs=20, **constant(28.1)).fit(X).n_iter_ == 2


def test_warm_start__goes_on_with_the_inverse_temperature_it_had(blobs):
    X, _ = blobs
    dkm = small(warm_start=True, first_inverse_temperature=0.5).fit(X)
    dkm.set_params(max_epochs=0).fit(X)
    assert float(dkm.model_.inverse_temperature) == pytest.approx(28.1)
    dkm.set_params(max_epochs=1, learning_rate=1e-20).fit(X)
    z = dkm.transform(X).astype(np.float64)
    d2 = reference.squared_distances(z, dkm.cluster_centers_.astype(np.float64))
    expected = reference.soft_kmeans(d2, 28.1 / float(dkm.model_.scale))
    (record,) = clustering_history(dkm)
    assert record["clustering"] == pytest.approx(0.05 * expected, rel=1e-3)


def test_flat_start__draws_rows_together(blobs):
    X, _ = blobs
    settings = {"max_epochs": 20, "clustering_weight": 1.0, "learning_rate": 0.01}
    flat, sharp = (
        small(**settings, **constant(value)).fit_transform(X).std()
        for value in (0.01, 28.1)
    )
    assert flat < 0.5 * sharp


# -- clusters ----------------------------------------------------------------------


def test_blobs__are_found(blobs):
    X, y = blobs
    dkm = small(max_epochs=20).fit(X)
    assert adjusted_rand_score(y, dkm.labels_) == 1.0
    assert dkm.predict_proba(X).max(axis=1).mean() > 0.95


def test_coinciding_rows__have_a_scale():
    X = np.repeat([[0.0, 0.0, 1.0], [5.0, 5.0, 0.0]], 20, axis=0)
    with pytest.warns(UserWarning, match="ended with 2 clusters"):
        dkm = small(n_clusters=3).fit(X)
    assert 0 < float(dkm.model_.scale) < np.inf
    np.testing.assert_allclose(dkm.predict_proba(X).max(axis=1), 1.0, atol=1e-3)


@pytest.mark.parametrize("name", ["first_inverse_temperature", "inverse_temperature"])
@pytest.mark.parametrize("value", [0, -1.0, np.inf, "auto"])
def test_inverse_temperature_out_of_range__is_refused(name, value, blobs):
    with pytest.raises(ValueError, match=f"'{name}' parameter of DKMClustering"):
        small(**{name: value}).fit(blobs[0])


@pytest.mark.slow
def test_digits__three_seeds_beat_their_start():
    X, y = load_digits(return_X_y=True)
    fits = [DKMClustering(10, random_state=seed).fit(X) for seed in range(3)]
    deep, start = (
        np.mean([adjusted_rand_score(y, getattr(dkm, name)) for dkm in fits])
        for name in ("labels_", "init_labels_")
    )
    assert deep > start
    assert deep > 0.67  # k-means on the pixels
