"""A clusterer that trains in milliseconds, for the tests of single methods."""

import inspect

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
