"""VaDEClustering: the bound, the mixture, and rows that are drawn from it."""

import pickle

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array
from scipy.special import logsumexp
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from sklearn.preprocessing import minmax_scale
from torch import nn

from skdeepcluster import Autoencoder, VaDEClustering
from skdeepcluster.cluster._vade import divergence
from skdeepcluster.networks import MLP, GaussianLikelihood, MixtureModel
from tests.cluster._small import clustering_history
from tests.cluster._small import small as make_small
from tests.references import mixture_bound as reference


def small(n_clusters=3, **changes):
    return make_small(VaDEClustering, n_clusters, **changes)


def posterior(vade, X):
    """Mean and variance of the embedding of each row, in float64."""
    x = torch.from_numpy((X - vade.center_) / vade.scale_).float()
    with torch.no_grad():
        mean, log_variance = vade.model_.posterior(x)
    return mean.double().numpy(), log_variance.double().exp().numpy()


def mixture_of(vade):
    return (
        vade.weights_.astype(float),
        vade.cluster_centers_.astype(float),
        vade.covariances_.astype(float),
    )


@pytest.fixture
def mixture():
    """Four Gaussians in three dimensions with parameters drawn at random."""
    model = MixtureModel(MLP([5, 6]), MLP([3, 5]), GaussianLikelihood(), 4, 3)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in (model.logits, model.centers, model.log_variances):
            parameter.normal_(generator=generator)
    return model


def draws():
    """Three tensors for seven rows."""
    return torch.randn(3, 7, 3, generator=torch.Generator().manual_seed(1)).unbind()


def parameters_of(model):
    with torch.no_grad():
        return (
            model.log_weights().double().exp().numpy(),
            model.centers.double().numpy(),
            model.log_variances.double().exp().numpy(),
        )


# -- equations ---------------------------------------------------------------------


def test_divergence__is_that_of_clusters_and_gaussians(mixture):
    mean, log_variance, z = draws()
    expected = reference.divergence(
        mean.double().numpy(),
        log_variance.double().exp().numpy(),
        z.double().numpy(),
        *parameters_of(mixture),
    )
    value = divergence(mixture, mean, log_variance, z)
    assert value.item() == pytest.approx(expected, rel=1e-5)


def test_divergence__of_one_standard_cluster_is_that_of_a_plain_autoencoder():
    model = MixtureModel(MLP([5, 6]), MLP([3, 5]), GaussianLikelihood(), 1, 3)
    mean, log_variance, z = draws()
    plain = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
    value = divergence(model, mean, log_variance, z)
    assert value.item() == pytest.approx(plain.item(), rel=1e-5)


def test_divergence__does_not_change_when_everything_moves(mixture):
    mean, log_variance, z = draws()
    before = divergence(mixture, mean, log_variance, z)
    with torch.no_grad():
        mixture.centers += 2.0
    after = divergence(mixture, mean + 2.0, log_variance, z + 2.0)
    assert after.item() == pytest.approx(before.item(), rel=1e-4)


def test_divergence__its_gradient_goes_through_the_responsibilities(mixture):
    mixture.double()
    mean, log_variance, z = (part.double() for part in draws())
    inputs = tuple(part.requires_grad_() for part in (mean, log_variance, z))
    assert torch.autograd.gradcheck(
        lambda *parts: divergence(mixture, *parts), inputs, atol=1e-6
    )
    (gradient,) = torch.autograd.grad(divergence(mixture, *inputs), z)
    assert gradient.abs().min() > 0  # z acts through them alone


def test_divergence__is_finite_far_from_all_clusters(mixture):
    mean = torch.full((2, 3), 1e4, requires_grad=True)
    value = divergence(mixture, mean, torch.zeros(2, 3), mean)
    value.backward()
    assert torch.isfinite(value)
    assert torch.isfinite(mean.grad).all()


@pytest.mark.parametrize("weight", [1.0, 5.0])
def test_loss__is_weighted_reconstruction_and_divergence(blobs, weight):
    X, _ = blobs
    # Steps too short to change anything; many epochs, so that the noise averages out.
    vade = small(reconstruction_weight=weight, learning_rate=1e-20, max_epochs=200).fit(
        X
    )
    mean, variance = posterior(vade, X)
    rng = np.random.default_rng(0)
    x = (X - vade.center_) / vade.scale_
    errors, divergences = [], []
    for _ in range(20):
        z = mean + np.sqrt(variance) * rng.normal(size=mean.shape)
        x_hat = (vade.inverse_transform(z) - vade.center_) / vade.scale_
        errors.append(-reference.log_gaussian_likelihood(x, x_hat).mean())
        divergences.append(reference.divergence(mean, variance, z, *mixture_of(vade)))
    records = clustering_history(vade)
    found = np.mean([record["reconstruction"] for record in records])
    assert found == pytest.approx(weight * np.mean(errors), rel=0.01)
    found = np.mean([record["divergence"] for record in records])
    assert found == pytest.approx(np.mean(divergences), rel=0.01)


def test_predict_proba__is_the_posterior_of_the_mixture_at_the_mean(blobs):
    X, y = blobs
    vade = small(max_epochs=10).fit(X)
    expected = reference.responsibilities(
        vade.transform(X).astype(float), *mixture_of(vade)
    )
    np.testing.assert_allclose(vade.predict_proba(X), expected, rtol=1e-3, atol=1e-6)
    np.testing.assert_array_equal(vade.labels_, expected.argmax(axis=1))
    assert adjusted_rand_score(y, vade.labels_) == 1.0


def test_score__is_the_bound_of_the_log_density(blobs):
    X, _ = blobs
    X = 7.0 * X + 3.0
    vade = small(max_epochs=10).fit(X)
    mean, variance = posterior(vade, X)
    x = (X - vade.center_) / vade.scale_
    rng = np.random.default_rng(0)
    bounds = []
    for _ in range(200):
        z = mean + np.sqrt(variance) * rng.normal(size=mean.shape)
        x_hat = (vade.inverse_transform(z) - vade.center_) / vade.scale_
        log_q = [reference.log_normal(*row) for row in zip(z, mean, variance, strict=1)]
        joint = reference.log_joint(z, *mixture_of(vade))
        prior = logsumexp(joint, axis=1)
        bounds.append(reference.log_gaussian_likelihood(x, x_hat) + prior - log_q)
    expected = np.mean(bounds) - X.shape[1] * np.log(vade.scale_)
    assert vade.score(X) == pytest.approx(expected, abs=0.1)
    assert vade.score(X) == vade.score(X)
    # A bound of a density: the density of the best mixture in X is above it.
    best = GaussianMixture(3, covariance_type="diag", random_state=0).fit(X)
    assert vade.score(X) < best.score(X)


# -- start -------------------------------------------------------------------------


def test_start__is_the_mixture_of_k_means(blobs):
    X, _ = blobs
    vade = small(learning_rate=1e-20).fit(X)
    z = vade.autoencoder_.transform(X)
    np.testing.assert_allclose(vade.transform(X), z, atol=1e-5)
    for label in range(3):
        own = z[vade.labels_ == label]
        np.testing.assert_allclose(vade.cluster_centers_[label], own.mean(0), atol=1e-4)
        np.testing.assert_allclose(vade.covariances_[label], own.var(0), rtol=1e-3)
    np.testing.assert_allclose(vade.weights_, 1 / 3, rtol=1e-5)
    _, variance = posterior(vade, X)
    np.testing.assert_allclose(variance / (0.1 * vade.covariances_.mean(0)), 1, 1e-3)


def pair(n_features, n_components):
    return nn.Linear(n_features, n_components), nn.Linear(n_components, n_features)


@pytest.mark.parametrize(
    "autoencoder",
    [
        Autoencoder(2, hidden_layer_sizes=(8,), linear_path=False, max_epochs=2),
        Autoencoder(2, hidden_layer_sizes=(), max_epochs=2),
        Autoencoder(2, network=pair, max_epochs=2),
    ],
    ids=["plain", "linear", "own network"],
)
def test_every_encoder_gets_variances(blobs, autoencoder):
    X, _ = blobs
    vade = small(autoencoder=autoencoder, max_epochs=3).fit(X)
    start = small(autoencoder=autoencoder, learning_rate=1e-20).fit(X)
    np.testing.assert_allclose(
        start.transform(X), start.autoencoder_.transform(X), atol=1e-5
    )
    mean, variance = posterior(vade, X)
    assert mean.shape == variance.shape == (60, 2)
    assert np.ptp(variance, axis=0).min() > 0  # rows differ, once it is trained
    again = pickle.loads(pickle.dumps(vade))
    np.testing.assert_array_equal(again.predict_proba(X), vade.predict_proba(X))


# -- likelihoods -------------------------------------------------------------------


def test_bernoulli__takes_shares_between_the_ends(blobs):
    X, y = blobs
    X = minmax_scale(X)
    vade = small(likelihood="bernoulli", max_epochs=30).fit(X)
    assert adjusted_rand_score(y, vade.labels_) == 1.0
    X_hat = vade.inverse_transform(vade.transform(X))
    assert X_hat.min() >= -1e-6
    assert X_hat.max() <= 1 + 1e-6
    pixels = np.round(255 * X).astype(np.uint8)
    same = small(likelihood="bernoulli", max_epochs=30).fit(pixels)
    assert same.inverse_transform(same.transform(pixels)).max() > 100
    assert same.score(pixels) == pytest.approx(vade.score(X), rel=0.05)


def test_bernoulli__loss_is_the_cross_entropy_of_shares(blobs):
    X = 40.0 * minmax_scale(blobs[0]) - 10
    vade = small(
        likelihood="bernoulli", learning_rate=1e-20, max_epochs=200, n_clusters=2
    ).fit(X)
    mean, variance = posterior(vade, X)
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(20):
        z = mean + np.sqrt(variance) * rng.normal(size=mean.shape)
        p = (vade.inverse_transform(z) + 10) / 40
        errors.append(-reference.log_bernoulli_likelihood((X + 10) / 40, p).mean())
    found = np.mean([record["reconstruction"] for record in clustering_history(vade)])
    assert found == pytest.approx(np.mean(errors), rel=0.01)


def test_bernoulli__shares_do_not_depend_on_where_values_begin(blobs):
    X = minmax_scale(blobs[0])
    one, other = (small(likelihood="bernoulli").fit(rows) for rows in (X, 5 * X - 3))
    np.testing.assert_array_equal(one.labels_, other.labels_)
    assert one.score(X) == pytest.approx(other.score(5 * X - 3), rel=1e-3)


def test_bernoulli__goes_on_from_an_autoencoder_with_that_likelihood(blobs):
    X = minmax_scale(blobs[0])
    autoencoder = FrozenEstimator(
        Autoencoder(2, likelihood="bernoulli", max_epochs=20, random_state=0).fit(X)
    )
    Z = autoencoder.transform(X)
    expected = autoencoder.estimator.inverse_transform(Z)
    for likelihood in ("auto", "bernoulli", "gaussian"):
        vade = small(likelihood=likelihood, autoencoder=autoencoder, max_epochs=0)
        X_hat = vade.fit(X).inverse_transform(Z)
        np.testing.assert_allclose(X_hat, expected, atol=1e-6)
        assert vade.model_.likelihood.is_density == (likelihood == "gaussian")


def test_bernoulli__sparse_equals_dense(blobs):
    X = np.round(10 * minmax_scale(blobs[0]))
    dense, sparse = (
        small(likelihood="bernoulli").fit(rows) for rows in (X, csr_array(X))
    )
    np.testing.assert_array_equal(sparse.predict_proba(X), dense.predict_proba(X))


def test_score__is_that_of_the_fit_and_not_of_later_parameters(blobs):
    X, _ = blobs
    vade = small().fit(X)
    before = vade.score(X)
    assert vade.set_params(likelihood="bernoulli").score(X) == before


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_embedding_of_any_scale__keeps_the_clusters(blobs, scale):
    class Scaled(nn.Module):
        def __init__(self, factor):
            super().__init__()
            self.factor = factor
            self.weight = nn.Parameter(torch.eye(6))

        def forward(self, x):
            return self.factor * (x @ self.weight)

    X, y = blobs
    network = Scaled(scale), Scaled(1 / scale)
    vade = small(
        autoencoder=Autoencoder(network=lambda *_: network, max_epochs=0), max_epochs=0
    ).fit(X)
    assert adjusted_rand_score(y, vade.labels_) == 1.0


# -- new rows ----------------------------------------------------------------------


def test_sample__has_the_clusters_of_the_data(blobs):
    X, y = blobs
    X, y = X[:50] * 10 + 100, y[:50]  # 20, 20 and 10 rows
    vade = small(max_epochs=100).fit(X)
    X_new, labels = vade.sample(2000)
    assert X_new.shape == (2000, 6)
    assert labels.dtype == np.int64
    shares = np.bincount(labels, minlength=3) / 2000
    np.testing.assert_allclose(shares, vade.weights_, atol=0.05)
    np.testing.assert_allclose(np.sort(vade.weights_), [0.2, 0.4, 0.4], atol=0.05)
    for label in range(3):
        drawn = X_new[labels == label].mean(axis=0)
        np.testing.assert_allclose(drawn, vade.cluster_means_[label], atol=15)
    assert (vade.predict(X_new) == labels).mean() > 0.95


def test_sample__follows_the_random_state(blobs):
    vade = small().fit(blobs[0])
    np.testing.assert_array_equal(vade.sample(5)[0], vade.sample(5)[0])
    vade.set_params(random_state=np.random.RandomState(0))
    assert not np.array_equal(vade.sample(5)[0], vade.sample(5)[0])
    assert vade.sample()[0].shape == (1, 6)


def test_sample__of_one_cluster(blobs):
    vade = small(max_epochs=100).fit(blobs[0])
    rows, labels = vade.sample(20, cluster=2)
    np.testing.assert_array_equal(labels, 2)
    assert (vade.predict(rows) == 2).mean() > 0.9
    with pytest.raises(ValueError, match="cluster must be None or .* Got 3"):
        vade.sample(20, cluster=3)


@pytest.mark.parametrize("n_samples", [0, -1, 1.5, "3", True])
def test_sample__wrong_number__is_refused(blobs, n_samples):
    vade = small().fit(blobs[0])
    with pytest.raises(ValueError, match="n_samples must be an int"):
        vade.sample(n_samples)


@pytest.mark.slow
def test_digits__five_seeds_beat_their_start():
    X, y = load_digits(return_X_y=True)
    fits = [VaDEClustering(10, random_state=seed).fit(X) for seed in range(5)]
    deep, start = (
        np.mean([adjusted_rand_score(y, getattr(vade, name)) for vade in fits])
        for name in ("labels_", "init_labels_")
    )
    assert deep > start
    assert deep > 0.67  # k-means on the pixels
