"""Autoencoder: the `network` parameter, an architecture that the user brings."""

import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from skdeepcluster import Autoencoder


@pytest.fixture
def plane():
    """80 rows of seven features that lie near a plane, far from the origin."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 7))
    return 1000 + 50 * (X + 0.01 * rng.normal(size=X.shape))


def small(**changes):
    settings = {"max_epochs": 20, "batch_size": 16, "random_state": 0}
    return Autoencoder(2).set_params(**{**settings, **changes})


class Template(nn.Module):
    def __init__(self, n_features=7, n_components=2):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(n_features, 16),
            nn.BatchNorm1d(16),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(16, n_components),
        )
        self.decoder = nn.Linear(n_components, n_features)


def weights(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same_weights(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_module__is_a_template_and_stays_as_it_is(plane):
    template = Template()
    before = weights(template)
    autoencoder = small(network=template).fit(plane)
    assert autoencoder.network is template
    assert template.training
    assert_same_weights(weights(template), before)
    assert all(p.grad is None for p in template.parameters())


def test_module__its_weights_are_the_start(plane):
    template = Template()
    autoencoder = small(network=template, max_epochs=0).fit(plane)
    x = torch.tensor((plane - autoencoder.center_) / autoencoder.scale_).float()
    with torch.no_grad():
        expected = template.eval().encoder(x)
    np.testing.assert_allclose(autoencoder.transform(plane), expected, atol=1e-6)


def test_callable__is_given_the_sizes_and_may_return_a_pair(plane):
    asked = []

    def network(n_features, n_components):
        asked.append((n_features, n_components))
        return nn.Linear(n_features, n_components), nn.Linear(n_components, n_features)

    autoencoder = small(network=network, n_components=3).fit(plane)
    assert asked == [(7, 3)]
    assert autoencoder.transform(plane).shape == (80, 3)


@pytest.mark.parametrize("network", [Template, lambda d, k: Template(d, k)])
def test_callable__may_return_a_module(plane, network):
    assert small(network=network).fit_transform(plane).shape == (80, 2)


def test_network__decides_the_size_of_the_embedding(plane):
    autoencoder = small(network=Template(7, 4), n_components=2).fit(plane)
    assert autoencoder.n_components_ == 4
    assert autoencoder.transform(plane).shape == (80, 4)
    assert len(autoencoder.get_feature_names_out()) == 4


def test_network__of_lazy_layers(plane):
    def network(n_features, n_components):
        return nn.LazyLinear(n_components), nn.LazyLinear(n_features)

    assert small(network=network).fit_transform(plane).shape == (80, 2)


def test_network__of_convolutions_gives_flat_rows():
    images = np.random.default_rng(0).normal(size=(40, 1, 4, 4))
    encoder = nn.Sequential(
        nn.Unflatten(1, (1, 4, 4)), nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 3, 2)
    )
    decoder = nn.Sequential(nn.Unflatten(1, (3, 1, 1)), nn.ConvTranspose2d(3, 1, 4))
    autoencoder = small(network=lambda *_: (encoder, decoder)).fit(images)
    Z = autoencoder.transform(images)
    assert Z.shape == (40, 3)
    assert autoencoder.inverse_transform(Z).shape == (40, 16)


@pytest.mark.parametrize(
    "make", [lambda: Template, Template], ids=["callable", "template"]
)
def test_network__with_dropout_and_batch_norm_is_reproducible(plane, make):
    network = make()
    before = torch.get_rng_state()
    first = small(network=network, max_epochs=5).fit(plane)
    assert torch.equal(torch.get_rng_state(), before)
    Z = first.transform(plane)
    np.testing.assert_array_equal(first.transform(plane), Z)  # in eval mode
    torch.rand(3)  # elsewhere somebody draws
    second = small(network=network, max_epochs=5).fit(plane)
    np.testing.assert_array_equal(second.transform(plane), Z)
    other = small(network=network, max_epochs=5, random_state=1).fit(plane)
    assert not np.array_equal(other.transform(plane), Z)


@pytest.mark.parametrize("network", [Template, Template()], ids=["callable", "module"])
def test_network__travels_in_a_pickle(plane, network):
    autoencoder = small(network=network).fit(plane)
    loaded = pickle.loads(pickle.dumps(autoencoder))
    Z = autoencoder.transform(plane)
    np.testing.assert_array_equal(loaded.transform(plane), Z)  # in eval mode
    np.testing.assert_array_equal(
        loaded.inverse_transform(Z), autoencoder.inverse_transform(Z)
    )


def test_network__that_draws_globally_in_two_threads(plane):
    def fit(seed):
        return small(network=Template, max_epochs=5, random_state=seed).fit(plane)

    expected = [fit(seed).transform(plane) for seed in (0, 1)]
    with ThreadPoolExecutor(2) as pool:
        results = [fitted.transform(plane) for fitted in pool.map(fit, (0, 1))]
    np.testing.assert_array_equal(results, expected)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (nn.Linear(7, 7), "attributes 'encoder' and 'decoder'.*Got Linear"),
        (lambda d, k: nn.Linear(d, k), "Got Linear"),
        (lambda d, k: (nn.Linear(d, k),), "or such a pair.*Got tuple"),
        (lambda d, k: None, "Got NoneType"),
        (lambda d, k: ("encoder", "decoder"), "'network' parameter"),
        (
            lambda d, k: (nn.Linear(d, k), nn.Linear(k, d + 1)),
            "rebuild rows of 7 features. Its decoder gives 8",
        ),
        (
            lambda d, k: (nn.Linear(d + 1, k), nn.Linear(k, d)),
            "'network' parameter",
        ),
        (
            lambda d, k: (nn.Linear(d, k), nn.Linear(k + 1, d)),
            "'network' parameter",
        ),
    ],
    ids=[
        "module without parts",
        "callable without parts",
        "one part",
        "nothing",
        "no modules",
        "decoder too wide",
        "encoder does not fit",
        "decoder does not fit",
    ],
)
def test_bad_network__raises_and_names_the_parameter(plane, network, message):
    with pytest.raises(ValueError, match=message):
        small(network=network).fit(plane)


def test_callable_with_another_signature__raises(plane):
    with pytest.raises(TypeError, match="argument"):
        small(network=lambda: Template()).fit(plane)
