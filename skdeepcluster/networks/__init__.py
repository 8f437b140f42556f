"""Network architectures: modules that can be built again from a plain description."""

import torch
from torch import nn

from skdeepcluster.networks._mlp import MLP, LinearPathMLP
from skdeepcluster.networks._models import (
    AutoencoderModel,
    CentroidModel,
    nearest,
    squared_distances,
)
from skdeepcluster.networks._user import UserNetwork, user_autoencoder
from skdeepcluster.networks._variational import (
    BernoulliLikelihood,
    GaussianLikelihood,
    MixtureModel,
    TwoHeads,
    with_log_variance,
)

__all__ = [
    "MLP",
    "AutoencoderModel",
    "BernoulliLikelihood",
    "CentroidModel",
    "GaussianLikelihood",
    "LinearPathMLP",
    "MixtureModel",
    "TwoHeads",
    "UserNetwork",
    "build",
    "nearest",
    "squared_distances",
    "user_autoencoder",
    "with_log_variance",
]


_MODULES = {
    cls.__name__: cls
    for cls in (
        MLP,
        LinearPathMLP,
        UserNetwork,
        TwoHeads,
        AutoencoderModel,
        CentroidModel,
        MixtureModel,
        GaussianLikelihood,
        BernoulliLikelihood,
    )
}


def build(config: dict) -> nn.Module:
    """The module that a `config` describes, with weights still to be loaded."""
    arguments = {
        name: build(value) if isinstance(value, dict) else value
        for name, value in config.items()
        if name != "name"
    }
    if config["name"] == "CentroidModel":
        arguments["centers"] = torch.empty(arguments["centers"])
    return _MODULES[config["name"]](**arguments)
