"""What SCAN may start from, and settings with which it trains in milliseconds."""

import pytest
import torch
from sklearn.frozen import FrozenEstimator

from skdeepcluster import BYOL, Autoencoder, SCANClustering, SimCLR
from tests.cluster._small import small as make_small

CPU = torch.device("cpu")


def autoencoder():
    return Autoencoder(
        3, hidden_layer_sizes=(16,), max_epochs=20, batch_size=20, random_state=5
    )


def simclr():
    return from_views(SimCLR)


def byol():
    return from_views(BYOL)


def from_views(cls):
    return cls(
        hidden_layer_sizes=(16, 8),
        projection_size=6,
        max_epochs=5,
        batch_size=20,
        random_state=5,
    )


def frozen(make):
    return lambda X: FrozenEstimator(make().fit(X))


REPRESENTATIONS = {
    "None": lambda X: None,
    "Autoencoder": lambda X: autoencoder(),
    "SimCLR": lambda X: simclr(),
    "BYOL": lambda X: byol(),
    "frozen Autoencoder": frozen(autoencoder),
    "frozen SimCLR": frozen(simclr),
    "frozen BYOL": frozen(byol),
}
each_representation = pytest.mark.parametrize("name", REPRESENTATIONS)


def small(n_clusters=3, **changes):
    settings = {"n_neighbors": 5, "n_heads": 3}
    return make_small(SCANClustering, n_clusters, **{**settings, **changes})
