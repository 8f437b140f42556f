"""Network architectures: modules that can be built again from a plain description."""

import torch
from torch import nn

from skdeepcluster.networks._adversarial import ClusterGANModel, InfoGANModel
from skdeepcluster.networks._belief import BeliefDecoder, BeliefEncoder
from skdeepcluster.networks._convolutional import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    ConvolutionalNetwork,
)
from skdeepcluster.networks._heads import (
    AutoencoderHeadModel,
    ClusterHeads,
    HeadModel,
    ProjectionModel,
    PrototypeHeads,
    UnitRows,
)
from skdeepcluster.networks._images import ImageLayout, image_layout
from skdeepcluster.networks._landmarks import LandmarkEncoder, SumOfEncoders
from skdeepcluster.networks._layers import AllLayers, FromLastLayer, layer_outputs
from skdeepcluster.networks._likelihoods import (
    BernoulliLikelihood,
    ExpectingDecoder,
    GaussianLikelihood,
)
from skdeepcluster.networks._memory import MemoryBank, MovingAverage, Queue
from skdeepcluster.networks._mlp import MLP, LinearPath
from skdeepcluster.networks._models import (
    AutoencoderModel,
    CentroidModel,
    SoftKMeansModel,
    nearest,
    squared_distances,
)
from skdeepcluster.networks._norm import fixed_averages
from skdeepcluster.networks._resnet import ResNet18
from skdeepcluster.networks._space_autoencoders import SpaceAutoencoders
from skdeepcluster.networks._spaces import SpacesModel
from skdeepcluster.networks._user import UserNetwork, user_autoencoder, user_encoder
from skdeepcluster.networks._variational import (
    MixtureModel,
    TwoHeads,
    with_log_variance,
)

__all__ = [
    "MLP",
    "AutoencoderHeadModel",
    "AllLayers",
    "AutoencoderModel",
    "BeliefDecoder",
    "BeliefEncoder",
    "BernoulliLikelihood",
    "CentroidModel",
    "ClusterGANModel",
    "ClusterHeads",
    "ConvolutionalDecoder",
    "ConvolutionalEncoder",
    "ConvolutionalNetwork",
    "ExpectingDecoder",
    "FromLastLayer",
    "GaussianLikelihood",
    "HeadModel",
    "ImageLayout",
    "InfoGANModel",
    "LandmarkEncoder",
    "LinearPath",
    "MemoryBank",
    "MixtureModel",
    "MovingAverage",
    "ProjectionModel",
    "PrototypeHeads",
    "Queue",
    "ResNet18",
    "SpaceAutoencoders",
    "SpacesModel",
    "SoftKMeansModel",
    "SumOfEncoders",
    "TwoHeads",
    "UnitRows",
    "UserNetwork",
    "build",
    "fixed_averages",
    "image_layout",
    "layer_outputs",
    "nearest",
    "squared_distances",
    "user_autoencoder",
    "user_encoder",
    "with_log_variance",
]


_MODULES = {
    cls.__name__: cls
    for cls in (
        MLP,
        LinearPath,
        UserNetwork,
        AllLayers,
        FromLastLayer,
        TwoHeads,
        AutoencoderModel,
        CentroidModel,
        SoftKMeansModel,
        MixtureModel,
        GaussianLikelihood,
        BernoulliLikelihood,
        ExpectingDecoder,
        ConvolutionalEncoder,
        ConvolutionalDecoder,
        ConvolutionalNetwork,
        ResNet18,
        UnitRows,
        ProjectionModel,
        ClusterHeads,
        PrototypeHeads,
        HeadModel,
        SpacesModel,
        SpaceAutoencoders,
        AutoencoderHeadModel,
        InfoGANModel,
        ClusterGANModel,
        LandmarkEncoder,
        SumOfEncoders,
        BeliefEncoder,
        BeliefDecoder,
    )
}


def build(config: dict) -> nn.Module:
    """The module that a `config` describes, with weights still to be loaded."""
    arguments = {
        name: build(value) if isinstance(value, dict) else value
        for name, value in config.items()
        if name != "name"
    }
    if "centers" in arguments:
        arguments["centers"] = torch.empty(arguments["centers"])
    return _MODULES[config["name"]](**arguments)
