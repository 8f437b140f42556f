"""All public estimators, and settings with which they train in milliseconds."""

import inspect

import numpy as np
from sklearn.base import BaseEstimator, ClusterMixin, clone

import skdeepcluster
from skdeepcluster import Autoencoder
from skdeepcluster.representation import FromEncoder

_public = [getattr(skdeepcluster, name) for name in skdeepcluster.__all__]
ESTIMATORS = [
    thing
    for thing in _public
    if inspect.isclass(thing) and issubclass(thing, BaseEstimator)
]
CLUSTERERS = [cls for cls in ESTIMATORS if issubclass(cls, ClusterMixin)]
PREDICTING = [cls for cls in CLUSTERERS if hasattr(cls, "predict")]
TOLD_HOW_MANY = [
    cls for cls in CLUSTERERS if "n_clusters" in inspect.signature(cls).parameters
]
# Those that train themselves, and are not all done with what they start from.
TRAINED = [
    cls for cls in ESTIMATORS if "max_epochs" in inspect.signature(cls).parameters
]
FROM_AUTOENCODER = [
    cls
    for cls in CLUSTERERS
    if cls in TRAINED and "autoencoder" in inspect.signature(cls).parameters
]
FROM_ENCODER = [  # any encoder; those that play games have two kinds of networks
    cls
    for cls in ESTIMATORS
    if issubclass(cls, FromEncoder) and callable in cls._parameter_rules["network"]
]
FROM_VIEWS = [
    cls for cls in FROM_ENCODER if "augmentation" in inspect.signature(cls).parameters
]

# For every estimator that has a parameter of this name. Batches are small and
# intervals odd, so that an epoch has several steps and refreshes fall inside it.
TINY = {
    "autoencoder": Autoencoder(
        n_components=4, hidden_layer_sizes=(16,), max_epochs=2, batch_size=16
    ),
    "batch_size": 16,
    "hidden_layer_sizes": (16,),
    "margin": 4.0,  # which no clusters are apart: there is always something to learn
    "max_epochs": 2,
    "n_autoencoders": 4,
    "n_components": 4,
    "n_critic_steps": 2,
    "n_init": 2,
    "n_landmarks": 20,
    "random_state": 0,
    "tol": 0.0,
    "update_interval": 3,
}

# Other seeds, with which so short a training finds three clusters in the blobs.
SEEDS = {"IMSATClustering": 2}

# Methods that say something about rows.
METHODS = ("transform", "predict", "predict_proba", "center_distances", "score")


def parameter_names(cls) -> list[str]:
    return list(inspect.signature(cls).parameters)


def tiny(cls, **changes) -> BaseEstimator:
    """A new estimator with tiny settings; of `changes` it takes those it has."""
    known = parameter_names(cls)
    settings = {**TINY, "random_state": SEEDS.get(cls.__name__, 0), **changes}
    if "n_clusters" in changes:  # of those that find out how many
        settings["max_clusters"] = changes["n_clusters"]
    settings = {name: value for name, value in settings.items() if name in known}
    if settings.get("autoencoder") is TINY["autoencoder"]:
        settings["autoencoder"] = clone(TINY["autoencoder"])
    return cls(**settings)


def set_training(estimator, **changes) -> BaseEstimator:
    """Set what only training has, where an estimator or its autoencoder has it."""
    known = parameter_names(type(estimator))
    for name, value in changes.items():
        if name not in known and "autoencoder" in known:
            name = f"autoencoder__{name}"
        if name in estimator.get_params():
            estimator.set_params(**{name: value})
    return estimator


def outputs(estimator, X) -> dict:
    """What the methods in `METHODS` that the fitted estimator has make of the rows."""
    return {
        name: getattr(estimator, name)(X)
        for name in METHODS
        if hasattr(estimator, name)
    }


def assert_same_outputs(first: dict, second: dict) -> None:
    """Equal to the last bit."""
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)
        assert np.all(np.isfinite(first[name])), name
