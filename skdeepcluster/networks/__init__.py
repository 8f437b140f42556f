"""Network architectures: modules that can be built again from a plain description."""

import torch
from torch import nn

from skdeepcluster.networks._mlp import MLP, LinearPathMLP, UserNetwork
from skdeepcluster.networks._models import (
    AutoencoderModel,
    CentroidModel,
    squared_distances,
)

__all__ = [
    "MLP",
    "AutoencoderModel",
    "CentroidModel",
    "LinearPathMLP",
    "UserNetwork",
    "build",
    "squared_distances",
]


def build(config: dict) -> nn.Module:
    """The module that a `config` describes, with weights still to be loaded."""
    arguments = {
        name: build(value) if isinstance(value, dict) else value
        for name, value in config.items()
        if name != "name"
    }
    if config["name"] == "CentroidModel":
        arguments["centers"] = torch.empty(arguments["centers"])
    return {
        "MLP": MLP,
        "LinearPathMLP": LinearPathMLP,
        "UserNetwork": UserNetwork,
        "AutoencoderModel": AutoencoderModel,
        "CentroidModel": CentroidModel,
    }[config["name"]](**arguments)
