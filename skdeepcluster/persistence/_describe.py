"""From an estimator to plain values that JSON can hold, and arrays by name."""

import math

import numpy as np
import torch
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from torch import nn

from skdeepcluster.base import DeepEstimator
from skdeepcluster.utils import check_parameters

# Folders of the machine on which it was fitted. From a file they could make a later
# fit read pickles there or delete what is there, so they are neither kept nor read.
FOLDERS = ("checkpoint", "memory")


def public_estimators() -> dict[str, type[DeepEstimator]]:
    """The estimators that the package exports, by name."""
    import skdeepcluster  # which imports this room's neighbours, so not above

    exported = {name: getattr(skdeepcluster, name) for name in skdeepcluster.__all__}
    return {
        name: thing
        for name, thing in exported.items()
        if isinstance(thing, type) and issubclass(thing, DeepEstimator)
    }


def is_fitted_attribute(name: str) -> bool:
    """Whether it is named as what `fit` learns, beside the model."""
    return name.endswith("_") and not name.startswith("_") and name != "model_"


def holds_user_network(config: dict) -> bool:
    """Whether a part of the model is a module that the user brought."""
    return config["name"] == "UserNetwork" or any(
        holds_user_network(value) for value in config.values() if type(value) is dict
    )


def check_finite(array: np.ndarray, where: str) -> None:
    """Raise ValueError where an array holds something else than finite numbers."""
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError(f"{where} holds numbers that are not finite.")


class Describer:
    """Describes an estimator with all its parts; collects its arrays in `arrays`.

    A value that JSON lacks is an object with one member, which names its kind. An
    array is named by the path of attributes that leads to it.

    Parameters
    ----------
    omit_network : bool
        Whether to leave modules of the user out; else they raise ValueError.
    """

    def __init__(self, omit_network: bool):
        self.omit_network = omit_network
        self.arrays: dict[str, np.ndarray] = {}
        self.dropped_generator = False

    def estimator(self, estimator: BaseEstimator, path: str = "") -> dict:
        """Class, parameters, fitted attributes and model; `path` ends in a dot."""
        cls = type(estimator)
        if public_estimators().get(cls.__name__) is not cls:
            raise TypeError(
                f"save keeps the estimators of skdeepcluster. Got {cls.__name__}: of "
                "a Pipeline or a search save the fitted step, and pickle what is left."
            )
        check_parameters(estimator, cls._parameter_rules)
        parameters = estimator.get_params(deep=False)
        description = {
            "class": cls.__name__,
            "parameters": {
                name: self.parameter(name, value, path)
                for name, value in parameters.items()
            },
        }
        state = estimator.__getstate__()
        if "model_" in state:
            description["attributes"] = {
                name: self.value(value, path + name)
                for name, value in state.items()
                if is_fitted_attribute(name)
            }
            description["model"] = self.model(state["model_"], path + "model_.")
        output = state.get("_sklearn_output_config", {}).get("transform")
        if output is not None:
            description["output"] = output
        return description

    def parameter(self, name, value, path):
        """A parameter; what belongs to one machine or one process becomes None."""
        if name in FOLDERS:
            return None
        if isinstance(value, np.random.RandomState):
            self.dropped_generator = True
            return None
        if name == "network" and not isinstance(value, (str, type(None))):
            self.check_omitted(value)
            return {"omitted": "network"}
        return self.value(value, path + name)

    def model(self, packed: dict, path: str) -> dict:
        """The architecture; the weights go to the arrays."""
        of_user = holds_user_network(packed["config"])
        for name, weights in packed["weights"].items():
            if not of_user:  # whose buffers may mean something by an infinity
                check_finite(weights, path + name)
            self.arrays[path + name] = np.asarray(weights, order="C")
        return self.config(packed["config"])

    def config(self, config: dict, part: str = "") -> dict:
        """The architecture, in which a user's module is only named by its part."""
        result = {}
        for name, value in config.items():
            if isinstance(value, nn.Module):
                self.check_omitted(value)
                value = part
            elif isinstance(value, dict):
                value = self.config(value, name)
            result[name] = value
        return result

    def check_omitted(self, network) -> None:
        """A user's own module is code, which no file holds."""
        if not self.omit_network:
            raise ValueError(
                f"The network {type(network).__name__} is your own, and a file without "
                "code cannot hold it. Use save(..., omit_network=True), which stores "
                "its weights, and give the network again in load(path, network=...)."
            )

    def value(self, value, where: str):
        """Something that JSON can hold in the place of `value`."""
        if isinstance(value, np.generic):
            value = value.item()
        match value:
            case None | bool() | int() | str():
                return value
            case float() if math.isfinite(value):
                return value
            case float():
                raise ValueError(f"{where} is {value}; files hold finite numbers.")
            case list():
                return self.sequence(value, where)
            case tuple():
                return {"tuple": self.sequence(value, where)}
            case slice():
                parts = [value.start, value.stop, value.step]
                return {"slice": self.sequence(parts, where)}
            case dict():
                members = {k: self.value(v, f"{where}.{k}") for k, v in value.items()}
                return {"dict": members}
            case np.ndarray():
                return self.array(value, where)
            case torch.device():
                return {"device": str(value)}
            case FrozenEstimator():
                return {"frozen": self.estimator(value.estimator, where + ".")}
            case BaseEstimator():
                return {"estimator": self.estimator(value, where + ".")}
        raise TypeError(f"{where} is a {type(value).__name__}, which save cannot keep.")

    def sequence(self, values, where):
        """Values one by one."""
        return [self.value(v, f"{where}.{i}") for i, v in enumerate(values)]

    def array(self, array, where):
        """Numbers go to the arrays; strings stay."""
        if array.dtype.kind in "OU" and all(isinstance(v, str) for v in array.flat):
            return {"strings": array.tolist()}
        if array.dtype.kind not in "biuf":
            raise TypeError(f"{where} has the dtype {array.dtype}, not numbers or str.")
        check_finite(array, where)
        self.arrays[where] = np.asarray(array, order="C")
        return {"array": {"dtype": array.dtype.name, "shape": list(array.shape)}}
