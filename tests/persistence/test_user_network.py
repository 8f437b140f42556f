"""Architectures of users: refused, or left out of the file and given again."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from torch import nn

from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.persistence import load, save
from tests._discovery import FROM_AUTOENCODER, assert_same_outputs, outputs, tiny

each_from_autoencoder = pytest.mark.parametrize("cls", FROM_AUTOENCODER)


class Network(nn.Module):
    """With batch statistics, dropout and a buffer that is not finite."""

    def __init__(self, n_features=6, n_components=3, width=8):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(n_features, width),
            nn.BatchNorm1d(width),
            nn.Dropout(0.2),
            nn.Linear(width, n_components),
        )
        self.encoder.register_buffer("ceiling", torch.tensor(torch.inf))
        self.decoder = nn.Linear(n_components, n_features)


class Tied(nn.Module):
    """A decoder that goes back through the weights of the encoder."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Linear(6, 2, bias=False)
        self.decoder = nn.Linear(2, 6, bias=False)
        self.decoder.weight = nn.Parameter(self.encoder.weight.T)


def lazy(n_features, n_components):
    return nn.LazyLinear(n_components), nn.LazyLinear(n_features)


NETWORKS = {
    "callable": Network,
    "module": Network(),
    "tied": Tied(),
    "lazy": lazy,
}


@pytest.fixture
def fitted(blobs):
    def make(network, cls=Autoencoder):
        autoencoder = tiny(Autoencoder, network=network)
        return tiny(cls, network=network, autoencoder=autoencoder).fit(blobs[0])

    return make


@pytest.mark.parametrize("cls", [Autoencoder, DECClustering])
@pytest.mark.parametrize(
    ("network", "name"), [(Network, "type"), (Network(), "Network")]
)
def test_network__is_refused_and_the_error_says_what_to_do(
    cls, network, name, fitted, path
):
    message = rf"network {name} is your own.* omit_network=True.* load\(path, network"
    with pytest.raises(ValueError, match=message):
        save(fitted(network, cls), path)
    assert not path.exists()


def test_network__that_is_no_parameter_any_more_is_refused(fitted, path):
    with pytest.raises(ValueError, match="network Sequential is your own"):
        save(fitted(Network).set_params(network=None), path)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_network__given_again_has_the_weights_of_the_file(network, fitted, path, blobs):
    X, _ = blobs
    estimator = fitted(network)
    save(estimator, path, omit_network=True)
    assert b"BatchNorm" not in path.read_bytes()
    before = torch.get_rng_state()
    loaded = load(path, network=network)
    assert torch.equal(torch.get_rng_state(), before)
    assert loaded.network is network
    assert_same_outputs(outputs(loaded, X), outputs(estimator, X))
    # A network given as a module stays as it is, and a new fit starts from it.
    assert_same_outputs(outputs(clone(loaded).fit(X), X), outputs(estimator, X))


@each_from_autoencoder
def test_clusterer__every_part_gets_the_network(cls, fitted, path, blobs):
    X, _ = blobs
    estimator = fitted(Network, cls)
    save(estimator, path, omit_network=True)
    loaded = load(path, network=Network)
    assert loaded.autoencoder.network is Network
    assert_same_outputs(outputs(loaded, X), outputs(estimator, X))
    parts = loaded.autoencoder_, estimator.autoencoder_
    assert_same_outputs(*(outputs(part, X) for part in parts))
    assert loaded.autoencoder_.model_.encoder is not loaded.model_.encoder


def test_frozen__with_a_network(fitted, path, blobs):
    X, _ = blobs
    frozen = FrozenEstimator(fitted(Network))
    estimator = tiny(DECClustering, autoencoder=frozen).fit(X)
    save(estimator, path, omit_network=True)
    loaded = load(path, network=Network(6, 4))
    assert_same_outputs(outputs(loaded, X), outputs(estimator, X))
    assert_same_outputs(outputs(loaded.fit(X), X), outputs(estimator, X))


def test_callable__is_given_the_sizes_of_the_fit(fitted, path, blobs):
    asked = []

    def network(n_features, n_components):
        asked.append((n_features, n_components))
        return nn.Linear(n_features, 2), nn.Linear(2, n_features)

    save(tiny(Autoencoder, network=network).fit(blobs[0]), path, omit_network=True)
    assert load(path, network=network).n_components_ == 2
    assert asked == [(6, 4), (6, 4)]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (None, r"without the user's own network.* load\(path, network=...\)"),
        (lambda d, k: Network(d, 3, width=9), r"'encoder\.module\..*, but the network"),
        (lazy, r"missing \['decoder.module.bias'\]|unknown \['encoder\.module\.0"),
        (lambda d, k: nn.Linear(d, k), "Got Linear"),
        (lambda d, k: Network(d + 1, k), "rows of 6 features"),
        (lambda: Network(), "TypeError.*takes 0 positional arguments"),
        ("Network", "'network' parameter of Autoencoder"),
        (Network().double(), "rows of 6 features"),
    ],
)
def test_network_that_does_not_fit__raises(network, message, fitted, path):
    save(fitted(Network), path, omit_network=True)
    with pytest.raises(ValueError, match=f"cannot be loaded: .*{message}"):
        load(path, network=network)


def test_network__for_a_file_that_is_complete_raises(blobs, path):
    save(tiny(Autoencoder).fit(blobs[0]), path, omit_network=True)
    np.testing.assert_array_equal(load(path).transform(blobs[0]).shape, (60, 4))
    with pytest.raises(ValueError, match="whole architecture: leave `network` out"):
        load(path, network=Network)
