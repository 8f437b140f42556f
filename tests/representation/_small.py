"""An autoencoder small enough for tests."""

from skdeepcluster import Autoencoder


def small(**changes):
    settings = {
        "n_components": 2,
        "hidden_layer_sizes": (32,),
        "max_epochs": 60,
        "batch_size": 16,
        "learning_rate": 1e-2,
        "random_state": 0,
    }
    return Autoencoder(**{**settings, **changes})
