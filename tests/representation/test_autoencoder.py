"""Autoencoder: reconstruction, units, corruption and networks of users."""

import warnings

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from sklearn.cluster import (
    HDBSCAN,
    AgglomerativeClustering,
    KMeans,
    SpectralClustering,
)
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import minmax_scale
from torch import nn

from skdeepcluster import (
    Autoencoder,
    ComposedClustering,
    DECClustering,
    DEPICTClustering,
    IDECClustering,
)
from skdeepcluster.engine import Rows, Trainer
from skdeepcluster.networks import LinearPath
from skdeepcluster.representation._start import (
    auto_hidden_layer_sizes,
    principal_axes,
)
from tests.references.mixture_bound import log_bernoulli_likelihood
from tests.representation._small import small

# -- reconstruction ----------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("schedule", ["constant", "cosine", "one_cycle"])
def test_training__rebuilds_the_rows(plane, optimizer, schedule):
    rate = {"adam": 1e-2, "sgd": 0.1}[optimizer]
    autoencoder = small(
        optimizer=optimizer, learning_rate=rate, learning_rate_schedule=schedule
    )
    autoencoder.set_params(linear_path=False)
    variance = plane.var(axis=0).mean()
    untrained = small(max_epochs=0, linear_path=False).fit(plane)
    assert untrained.score(plane) < -0.5 * variance
    assert autoencoder.fit(plane).score(plane) > -0.05 * variance


@pytest.mark.parametrize("shape", [(50, 2), (60, 6), (150, 4)])
@pytest.mark.parametrize("seed", range(3))
def test_defaults__learn_on_little_data(shape, seed):
    # Groups far apart: steps that are too long die or diverge here.
    rng = np.random.default_rng(seed)
    centers = rng.uniform(-10, 10, size=(3, shape[1]))
    X = centers[rng.integers(3, size=shape[0])] + rng.normal(size=shape)
    autoencoder = Autoencoder(random_state=seed).fit(X)
    assert autoencoder.score(X) > -0.05 * X.var(axis=0).mean()


# -- likelihoods -------------------------------------------------------------------


def test_bernoulli__loss_is_the_cross_entropy_of_shares():
    X = np.random.default_rng(0).integers(-10, 31, size=(60, 7)).astype(float)
    autoencoder = small(likelihood="bernoulli", learning_rate=1e-20, max_epochs=1)
    Z = autoencoder.fit_transform(X)
    shares, p = (X + 10) / 40, (autoencoder.inverse_transform(Z) + 10) / 40
    expected = -log_bernoulli_likelihood(shares, p).mean() / X.shape[1]
    assert autoencoder.history_[0]["reconstruction"] == pytest.approx(expected, 1e-4)


@pytest.mark.parametrize("linear_path", [True, False])
def test_bernoulli__rebuilds_shares_between_the_ends(plane, linear_path):
    X = 200 * (plane > np.median(plane, axis=0))
    settings = {"linear_path": linear_path, "likelihood": "bernoulli"}
    autoencoder = small(**settings).fit(X)
    X_hat = autoencoder.inverse_transform(autoencoder.transform(X))
    assert -1e-3 <= X_hat.min() < 20
    assert 180 < X_hat.max() <= 200 + 1e-3
    assert autoencoder.score(X) > -0.2 * X.var()
    moved = small(**settings).fit(X / 200 - 3)
    assert moved.score(X / 200 - 3) == pytest.approx(
        autoencoder.score(X) / 200**2, 0.05
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"likelihood": "bernoulli"}, "Got linear_path='auto', likelihood='bern"),
        ({"linear_path": True}, "Got linear_path=True, likelihood='auto'"),
        ({"network": "convolutional"}, "and network='convolutional'"),
    ],
)
def test_layerwise__with_what_is_no_plain_stack__is_refused(plane, changes, message):
    autoencoder = small(layerwise=True, **changes)
    for estimator in (autoencoder, DECClustering(2, autoencoder=autoencoder)):
        with pytest.raises(ValueError, match=message):
            estimator.fit(plane)


@pytest.fixture(scope="module")
def crowded():
    """Rows whose values are near the ends of their range, as ink and paper are."""
    shares = np.random.default_rng(0).beta(0.2, 0.6, size=(5000, 6))
    return 255 * shares


def quick(**settings):
    return Autoencoder(2, hidden_layer_sizes=(4,), max_epochs=0, **settings)


@pytest.mark.parametrize("move", [lambda X: X, lambda X: 1 - 3 * X, csr_array])
def test_auto_likelihood__of_values_at_the_ends__is_bernoulli(crowded, move):
    autoencoder = quick().fit(move(crowded))
    assert autoencoder.likelihood_ == "bernoulli"
    assert not isinstance(autoencoder.model_.encoder, LinearPath)
    likelihood = autoencoder.model_.decoder.likelihood
    shares = crowded / np.ptp(crowded)
    possible = shares.mean() * (1 - shares.mean())
    assert likelihood.crowding == pytest.approx(shares.var() / possible, rel=0.01)


def test_auto_likelihood__else__is_gaussian(crowded):
    evenly = np.random.default_rng(0).uniform(size=crowded.shape)
    one_far_off = crowded.copy()
    one_far_off[0, 0] = 2000
    for X in (evenly, one_far_off, crowded[1:], np.ones(crowded.shape)):
        autoencoder = quick().fit(X)
        assert autoencoder.likelihood_ == "gaussian"
        assert isinstance(autoencoder.model_.encoder, LinearPath)


def test_auto_likelihood__leaves_what_is_said_alone(crowded):
    assert quick(likelihood="gaussian").fit(crowded).likelihood_ == "gaussian"
    layerwise = quick(layerwise=True).fit(crowded)
    assert layerwise.likelihood_ == "gaussian"
    assert not isinstance(layerwise.model_.encoder, LinearPath)
    pair = nn.Linear(6, 2), nn.Linear(2, 6)
    assert quick(network=lambda *_: pair).fit(crowded).likelihood_ == "gaussian"
    convolutional = quick(network="convolutional")
    assert convolutional.fit(crowded.reshape(-1, 2, 3)).likelihood_ == "gaussian"
    assert convolutional.fit(crowded).likelihood_ == "bernoulli"  # no images
    both = quick(linear_path=True).fit(crowded)
    assert both.likelihood_ == "bernoulli"
    assert isinstance(both.model_.encoder, LinearPath)


@pytest.mark.parametrize(
    "cls", [DECClustering, IDECClustering, DEPICTClustering, ComposedClustering]
)
def test_bernoulli__is_a_start_of_clusterers(cls, blobs):
    X, y = minmax_scale(blobs[0]), blobs[1]
    clusterer = cls(
        3, autoencoder=small(likelihood="bernoulli"), max_epochs=5, random_state=0
    )
    assert adjusted_rand_score(y, clusterer.fit(X).labels_) == 1.0
    if hasattr(clusterer, "inverse_transform"):
        X_hat = clusterer.inverse_transform(clusterer.transform(X))
        assert -1e-6 <= X_hat.min() <= X_hat.max() <= 1 + 1e-6


def test_bernoulli__several_runs_at_once(blobs):
    X = minmax_scale(blobs[0])
    autoencoder = small(likelihood="bernoulli", random_state=None)
    together = DECClustering(
        3, autoencoder=autoencoder, n_runs=4, max_epochs=5, random_state=0
    ).fit(X)
    losses = [r["loss"] for r in together.history_ if r["stage"] == "pretraining"]
    assert len(losses) == 4 * 60
    assert len(set(losses)) > 200


def test_bernoulli__a_network_of_a_user(blobs):
    X = minmax_scale(blobs[0])
    pair = nn.Linear(6, 2), nn.Linear(2, 6)
    autoencoder = small(likelihood="bernoulli", network=lambda *_: pair).fit(X)
    X_hat = autoencoder.inverse_transform(autoencoder.transform(X))
    assert -1e-6 <= X_hat.min() <= X_hat.max() <= 1 + 1e-6
    assert autoencoder.score(X) > -0.5 * X.var(axis=0).mean()


def test_diverging_steps__are_an_error(plane):
    with pytest.raises(ValueError, match="learning_rate"):
        small(optimizer="sgd", learning_rate=1e3).fit(plane)


@pytest.mark.parametrize("max_epochs", [0, 1])
def test_steps_beyond_all_bounds__raise_even_in_the_last_epoch(plane, max_epochs):
    autoencoder = small(
        optimizer="sgd", learning_rate=1e200, max_epochs=max_epochs, batch_size=80
    )
    if max_epochs == 0:
        assert np.all(np.isfinite(autoencoder.fit(plane).transform(plane)))
    else:
        with pytest.raises(ValueError, match="learning_rate"):
            autoencoder.fit(plane)


def test_history__loss_is_the_mean_squared_error_of_scaled_rows(plane):
    # One batch of all rows: the loss of the first epoch is that of the start.
    start = small(max_epochs=0).fit(plane)
    record = small(max_epochs=1, batch_size=80).fit(plane).history_[0]
    assert record["stage"] == "pretraining"
    assert record["loss"] == record["reconstruction"]
    assert record["loss"] == pytest.approx(
        -start.score(plane) / start.scale_**2, rel=1e-5
    )


# -- linear path -------------------------------------------------------------------


def test_linear_path__starts_at_the_principal_components(plane):
    start = small(max_epochs=0).fit(plane)
    pca = PCA(2).fit(plane)
    Z, expected = start.transform(plane), pca.transform(plane)
    # One factor for both axes, whose signs are free, gives them unit mean variance.
    factor = np.sqrt(expected.var(axis=0).mean())
    signs = np.sign((Z * expected).sum(axis=0))
    np.testing.assert_allclose(Z * signs, expected / factor, atol=1e-3)
    np.testing.assert_allclose(
        start.inverse_transform(Z),
        pca.inverse_transform(expected),
        atol=1e-3 * start.scale_,
    )


def test_linear_path__training_goes_beyond_the_principal_components():
    # A curve that no line follows.
    t = np.linspace(-2, 2, 120)[:, None]
    X = np.hstack([t, t**2, np.sin(2 * t)])
    pca = PCA(1).fit(X)
    by_pca = -np.square(X - pca.inverse_transform(pca.transform(X))).mean()
    curve = small(n_components=1, max_epochs=200)
    assert curve.set_params(max_epochs=0).fit(X).score(X) == pytest.approx(by_pca)
    assert curve.set_params(max_epochs=200).fit(X).score(X) > 0.3 * by_pca


@pytest.mark.parametrize("shape", [(3, 7), (1, 4), (20, 2)])
def test_linear_path__with_fewer_components_than_asked_for(shape):
    X = np.random.default_rng(0).normal(size=shape)
    for max_epochs in (0, 2):
        autoencoder = small(n_components=5, max_epochs=max_epochs).fit(X)
        Z = autoencoder.transform(X)
        assert Z.shape == (shape[0], min(5, shape[1]))
        assert np.all(np.isfinite(Z))


def test_linear_path__of_very_many_rows_is_that_of_a_sample():
    X = np.random.default_rng(0).normal(size=(60, 2)) * [1.0, 5.0]
    rows = Rows(np.tile(X, (500, 1)), np.zeros(2), 1.0, torch.device("cpu"))
    taken = []
    sample = rows.sample
    rows.sample = lambda size, seed: taken.append(size) or sample(size, seed)
    axes, deviation = principal_axes(Trainer(rows, batch_size=8, seed=0), 1, seed=0)
    assert taken == [20_000]
    np.testing.assert_allclose(axes.abs(), [[0.0, 1.0]], atol=0.2)
    assert deviation == pytest.approx(X[:, 1].std(), rel=0.1)


def test_linear_path__where_nothing_varies():
    rows = Rows(np.ones((9, 3)), np.ones(3), 1.0, torch.device("cpu"))
    axes, deviation = principal_axes(Trainer(rows, batch_size=8, seed=0), 2, seed=0)
    assert axes.shape == (2, 3)
    assert deviation == 1.0
    assert torch.all(axes.isfinite())


# -- units -------------------------------------------------------------------------


def test_inverse_transform__gives_rows_in_their_units(plane):
    autoencoder = small().fit(plane)
    X_hat = autoencoder.inverse_transform(autoencoder.transform(plane))
    assert X_hat.shape == plane.shape
    assert X_hat.dtype == np.float64
    np.testing.assert_allclose(X_hat, plane, atol=0.4 * autoencoder.scale_)
    np.testing.assert_allclose(X_hat.mean(axis=0), plane.mean(axis=0), rtol=0.01)


def test_inverse_transform__of_any_array_like(plane):
    autoencoder = small().fit(plane)
    Z = autoencoder.transform(plane)
    expected = autoencoder.inverse_transform(Z)
    for form in (Z.tolist(), Z.astype(np.float64), torch.tensor(Z)):
        np.testing.assert_array_equal(autoencoder.inverse_transform(form), expected)
    autoencoder.set_output(transform="pandas")
    frame = autoencoder.transform(plane)
    assert list(frame.columns) == ["autoencoder0", "autoencoder1"]
    np.testing.assert_array_equal(autoencoder.inverse_transform(frame), expected)


def test_inverse_transform__of_images_gives_flat_rows(plane):
    images = plane[:, :6].reshape(80, 1, 2, 3)
    autoencoder = small().fit(images)
    Z = autoencoder.transform(images)
    assert autoencoder.inverse_transform(Z).shape == (80, 6)


@pytest.mark.parametrize(
    ("Z", "message"),
    [
        (np.ones((4, 3)), "has 3 columns, .* n_components_=2"),
        (np.ones(2), "Expected 2D array"),
        (np.full((4, 2), np.nan), "NaN"),
        (np.ones((0, 2)), "0 sample"),
    ],
)
def test_inverse_transform__of_something_else_raises(plane, Z, message):
    with pytest.raises(ValueError, match=message):
        small(max_epochs=1).fit(plane).inverse_transform(Z)


@pytest.mark.parametrize("convert", [np.array, csr_array])
def test_score__is_minus_the_mean_squared_error(plane, convert, monkeypatch):
    autoencoder = small().fit(plane)
    X_hat = autoencoder.inverse_transform(autoencoder.transform(plane))
    expected = -np.square(plane - X_hat).mean()
    assert type(autoencoder.score(convert(plane))) is float
    assert autoencoder.score(convert(plane)) == pytest.approx(expected, rel=1e-6)
    assert autoencoder.score(plane[:1]) < 0


def test_center_and_scale__are_the_mean_and_one_spread(plane):
    autoencoder = small(max_epochs=0).fit(plane)
    np.testing.assert_allclose(autoencoder.center_, plane.mean(axis=0))
    expected = np.sqrt(plane.var(axis=0).mean())
    assert autoencoder.scale_ == pytest.approx(expected)


# -- sizes -------------------------------------------------------------------------


def test_n_components__is_capped_by_the_features(plane):
    assert small(n_components=50, max_epochs=1).fit_transform(plane).shape == (80, 7)


@pytest.mark.parametrize("linear_path", [True, False])
@pytest.mark.parametrize("hidden", [(), (3,), [8, 4]])
def test_hidden_layers__from_input_to_embedding(plane, hidden, linear_path):
    settings = {"hidden_layer_sizes": hidden, "linear_path": linear_path}
    model = small(max_epochs=1, **settings).fit(plane).model_

    def widths(part):
        layers = part.network if linear_path else part
        return [layer.out_features for layer in layers if isinstance(layer, nn.Linear)]

    assert widths(model.encoder) == [*hidden, 2]
    assert widths(model.decoder) == [*reversed(hidden), 7]


def test_hidden_layers__auto_grows_with_the_rows():
    sizes = [sum(auto_hidden_layer_sizes(n)) for n in (1, 999, 1000, 4999, 5000, 10**7)]
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[2] < sizes[4] == sizes[5]
    assert auto_hidden_layer_sizes(60_000) == (500, 500, 2000)


# -- two-step clustering -----------------------------------------------------------


@pytest.mark.parametrize(
    "clusterer",
    [
        KMeans(3, n_init=5, random_state=0),
        GaussianMixture(3, n_init=3, random_state=0),
        SpectralClustering(3, assign_labels="cluster_qr", random_state=0),
        AgglomerativeClustering(3),
        HDBSCAN(min_cluster_size=5, copy=True),
    ],
    ids=lambda clusterer: type(clusterer).__name__,
)
def test_pipeline__two_step_clustering(blobs, clusterer):
    X, y = blobs
    pipeline = make_pipeline(small(), clusterer)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels = pipeline.fit_predict(X)
    assert adjusted_rand_score(y, labels) > 0.9
