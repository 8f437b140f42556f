"""A clusterer that trains in milliseconds, for the tests of single methods."""

import inspect

from sklearn.datasets import make_circles

from skdeepcluster import Autoencoder

SETTINGS = {
    "batch_size": 20,  # three steps per epoch
    "max_epochs": 4,
    "tol": 0.0,
    "n_init": 3,
    "random_state": 0,
}


def small(cls, n_clusters=3, **changes):
    """A new clusterer for the blobs, which it can find."""
    autoencoder = Autoencoder(
        n_components=3,
        hidden_layer_sizes=(16,),
        max_epochs=20,
        batch_size=20,
        random_state=5,
    )
    known = inspect.signature(cls).parameters
    settings = {"autoencoder": autoencoder, **SETTINGS}
    settings = {name: value for name, value in settings.items() if name in known}
    return cls(n_clusters, **{**settings, **changes})


def clustering_history(clusterer):
    """The records of the clustering stage."""
    return [r for r in clusterer.history_ if r["stage"] == "clustering"]


def unchanged(n_features):
    """An autoencoder whose embedding is the rows, but for where they lie."""
    return Autoencoder(n_features, hidden_layer_sizes=(32, 32), max_epochs=0)


def rings():
    """Two rings, one around the other, which k-means cuts into halves."""
    return make_circles(400, noise=0.04, factor=0.4, random_state=0)
