"""From the content of a file back to an estimator; nothing in the file is believed."""

import copy
import inspect
import math

import numpy as np
import torch
from sklearn.base import ClusterMixin
from sklearn.frozen import FrozenEstimator

from skdeepcluster.base import DeepEstimator
from skdeepcluster.engine import private_global_generator
from skdeepcluster.networks import (
    ImageLayout,
    build,
    user_autoencoder,
    user_encoder,
)
from skdeepcluster.persistence._describe import (
    FOLDERS,
    check_finite,
    holds_user_network,
    is_fitted_attribute,
    public_estimators,
)
from skdeepcluster.utils import check_parameters


def member(mapping: dict, name: str, kind: type):
    """A member of a JSON object, of the right type; raises ValueError."""
    if type(mapping.get(name)) is not kind:
        raise ValueError(f"its {name!r} is not the {kind.__name__} that it should be.")
    return mapping[name]


class Restorer:
    """Makes what `Describer` has described.

    Parameters
    ----------
    arrays : dict of str to ndarray
        Emptied one by one.
    device : torch.device
        Where all models go.
    network : None, nn.Module or callable
        For the modules of the user, which are not in the file.
    """

    def __init__(self, arrays, device, network):
        self.arrays, self.device, self.network = arrays, device, network
        self.needed_network = False

    def check_all_used(self) -> None:
        """Raise ValueError where something was given for nothing."""
        if self.arrays:
            raise ValueError(f"it holds unknown tensors: {sorted(self.arrays)[:5]}.")
        if self.network is not None and not self.needed_network:
            raise ValueError("it holds its whole architecture: leave `network` out.")

    def estimator(self, description, path: str = "") -> DeepEstimator:
        """The estimator; `path` leads to it and ends in a dot."""
        name = member(description, "class", str)
        classes = public_estimators()
        if name not in classes:
            raise ValueError(
                f"it holds a {name!r}, which is no estimator of this version of "
                f"skdeepcluster; those are {', '.join(classes)}."
            )
        estimator = self.unfitted(classes[name], description, path)
        if "model" in description:
            self.fit(estimator, description, path)
        if "output" in description:
            output = member(description, "output", str)
            if output not in ("default", "pandas", "polars"):
                raise ValueError(f"it asks for the output {output!r}.")
            estimator.set_output(transform=output)
        return estimator

    def unfitted(self, cls, description, path):
        """The class with its parameters, those of the right type and range only."""
        known = inspect.signature(cls).parameters
        given = member(description, "parameters", dict)
        unknown = sorted(given.keys() - known.keys())
        if unknown:
            raise ValueError(
                f"{cls.__name__} has no parameter {unknown[0]!r} in this version of "
                "skdeepcluster. Use the version that wrote the file, or a newer one."
            )
        estimator = cls(
            **{
                name: None if name in FOLDERS else self.value(value, path + name)
                for name, value in given.items()
            }
        )
        check_parameters(estimator, cls._parameter_rules)
        return estimator

    def fit(self, estimator, description, path):
        """Set fitted attributes and model, as unpickling does."""
        fitted = {}
        for name, value in member(description, "attributes", dict).items():
            if not is_fitted_attribute(name) or hasattr(type(estimator), name):
                raise ValueError(f"it has an attribute of the name {name!r}.")
            fitted[name] = self.value(value, path + name)
        weights = self.weights(path + "model_.")
        config = member(description, "model", dict)
        of_user = holds_user_network(config)
        parts = self.user_parts(estimator, fitted, config) if of_user else {}
        config = self.config(config, len(weights), parts)
        check_weights(config, weights)
        model = {"config": config, "weights": weights}
        own = {"model_": model, "device_": str(self.device)}
        estimator.__setstate__({**vars(estimator), **fitted, **own})
        check_consistent(estimator)

    def weights(self, path):
        """All arrays below the path, by the rest of their names."""
        names = [name for name in self.arrays if name.startswith(path)]
        return {name.removeprefix(path): self.arrays.pop(name) for name in names}

    def config(self, config, n_weights, parts):
        """The architecture, in which the user's modules are modules again."""
        result = {}
        for name, value in config.items():
            if type(value) is dict:
                value = self.config(value, n_weights, parts)
            # Else a short file could describe a network of very many layers.
            elif type(value) is list and len(value) > n_weights + 2:
                raise ValueError("it has fewer tensors than its architecture layers.")
            result[name] = value
        if config["name"] == "UserNetwork":
            if config["module"] not in parts:
                raise ValueError("it names an unknown part of the user's network.")
            # A copy: several parts of a model may have that module, each its weights.
            result["module"] = copy.deepcopy(parts[config["module"]].module)
        return result

    def user_parts(self, estimator, fitted, config):
        """The user's modules by their names, with weights still to be loaded."""
        values = [w for v in fitted.values() for w in (v if type(v) is list else [v])]
        started_from = [v for v in values if isinstance(v, DeepEstimator)]
        if started_from:
            return dict(copy.deepcopy(started_from[0].model_).named_children())
        n_features = member(fitted, "n_features_in_", int)
        with private_global_generator(0, torch.device("cpu")):
            if "decoder" not in config:
                layout = member(config, "encoder", dict).get("layout")
                layout = None if layout is None else ImageLayout(*layout)
                encoder, _ = user_encoder(self.given_network(), n_features, layout)
                return {"encoder": encoder}
            sizes = n_features, min(estimator.n_components, n_features)
            model, _ = user_autoencoder(self.given_network(), *sizes)
        return dict(model.named_children())

    def value(self, value, where: str):
        """What a value in the description stands for."""
        match value:
            case list():
                return self.sequence(value, where)
            case {"tuple": list(values)}:
                return tuple(self.sequence(values, where))
            case {"slice": [start, stop, step]}:
                return slice(*self.sequence([start, stop, step], where))
            case {"dict": dict(members)}:
                return {k: self.value(v, f"{where}.{k}") for k, v in members.items()}
            case {"array": dict(known)}:
                return self.array(known, where)
            case {"strings": list(strings)} if all(type(s) is str for s in strings):
                return np.array(strings, dtype=object)
            case {"device": str(name)}:
                return torch.device(name)
            case {"estimator": dict(description)}:
                return self.estimator(description, where + ".")
            case {"frozen": dict(description)}:
                return FrozenEstimator(self.estimator(description, where + "."))
            case {"omitted": "network"}:
                return self.given_network()
            case dict():
                raise ValueError(f"its {where!r} is of no known kind.")
        return value

    def sequence(self, values, where):
        """Values one by one."""
        return [self.value(v, f"{where}.{i}") for i, v in enumerate(values)]

    def given_network(self):
        """What the user gave for what is not in the file."""
        if self.network is None:
            raise ValueError(
                "it was saved without the user's own network. Give that again: "
                "load(path, network=...)."
            )
        self.needed_network = True
        return self.network

    def array(self, known, where):
        """The array of that name, of the dtype and shape that the description has."""
        if where not in self.arrays:
            raise ValueError(f"the tensor {where!r} is missing.")
        array = self.arrays.pop(where)
        found = {"dtype": array.dtype.name, "shape": list(array.shape)}
        if found != known or array.dtype.kind not in "biuf":
            raise ValueError(f"the tensor {where!r} is {found}, but should be {known}.")
        check_finite(array, f"the tensor {where!r}")
        return array


def check_weights(config: dict, weights: dict[str, np.ndarray]) -> None:
    """Raise ValueError where the weights are not those of the architecture."""
    with torch.device("meta"):  # whatever sizes a file names, they take no memory
        expected = build(config).state_dict()
    missing, unknown = expected.keys() - weights.keys(), weights.keys() - expected
    if missing or unknown:
        raise ValueError(
            f"its tensors are not those of the network: missing {sorted(missing)}, "
            f"unknown {sorted(unknown)}."
        )
    of_user = holds_user_network(config)
    for name, tensor in expected.items():
        known = tensor.dtype, tuple(tensor.shape)
        found = torch.from_numpy(weights[name]).dtype, weights[name].shape
        if found != known:
            raise ValueError(
                f"its tensor {name!r} is {found}, but the network has {known}."
            )
        if not of_user:
            check_finite(weights[name], f"its tensor {name!r}")


def check_consistent(estimator: DeepEstimator) -> None:
    """Raise ValueError where attributes that methods use do not fit together."""
    fitted = vars(estimator)
    n_features = member(fitted, "n_features_in_", int)
    shapes = {"center_": (n_features,)}
    if isinstance(estimator, ClusterMixin):
        n_clusters = member(fitted, "n_clusters_", int)
        shapes["cluster_means_"] = n_clusters, n_features
        shapes["labels_"] = (np.size(fitted.get("labels_")),)
    if "feature_names_in_" in fitted:
        shapes["feature_names_in_"] = (n_features,)
    for name, shape in shapes.items():
        if member(fitted, name, np.ndarray).shape != shape:
            raise ValueError(f"its {name!r} does not have the shape {shape}.")
    if member(fitted, "scale_", float) <= 0:
        raise ValueError("its 'scale_' is not positive.")
    image_shape = fitted["image_shape_"]
    if image_shape is not None and math.prod(image_shape) != n_features:
        raise ValueError(f"its 'image_shape_' is not one of {n_features} features.")
    # One row through the network: its sizes fit to each other and to the rest.
    row = estimator.center_[None]
    n_components = member(fitted, "n_components_", int)
    if estimator._apply_to_rows(row, "embed").shape != (1, n_components):
        raise ValueError(f"its network does not make {n_components} components.")
    if hasattr(estimator, "inverse_transform"):
        Z = np.zeros((1, n_components))
        if estimator.inverse_transform(Z).shape != row.shape:
            raise ValueError(f"its network does not rebuild {n_features} features.")
    if hasattr(estimator, "predict"):
        label = estimator._apply_to_rows(row, "label")
        if label.shape != (1,) or not 0 <= label[0] < n_clusters:
            raise ValueError(f"its network does not tell {n_clusters} clusters apart.")
