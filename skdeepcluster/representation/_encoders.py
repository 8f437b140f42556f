"""Encoders of rows or images, for methods without a decoder."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.engine import derive_seed, generator, private_global_generator
from skdeepcluster.networks import (
    MLP,
    ConvolutionalNetwork,
    ImageLayout,
    ResNet18,
    image_layout,
    user_encoder,
)
from skdeepcluster.representation._views import (
    AUGMENTATIONS,
    channel_scaling,
    check_augmentation,
)
from skdeepcluster.utils import Integers, TupleOf, feature_scaling

_OF_IMAGES = {"convolutional": ConvolutionalNetwork, "resnet18": ResNet18}


class EncoderMixin:
    """For estimators that make an encoder of their own and compare views with it."""

    network: Literal["auto", "mlp", "convolutional", "resnet18"] | nn.Module | Callable
    hidden_layer_sizes: Sequence[int] | Literal["auto"]

    _encoder_rules: dict = {
        "network": ["auto", "mlp", *_OF_IMAGES, nn.Module, callable],
        "hidden_layer_sizes": ["auto", TupleOf(Integers(1))],
        "augmentation": [*AUGMENTATIONS, callable],
        "image_shape": [None, TupleOf(Integers(1))],
        "channels": ["auto", "first", "last"],
    }

    def _layout(self, n_features: int) -> ImageLayout | None:
        """How flat rows hold images; None where they hold none."""
        return image_layout(
            self.image_shape_, self.image_shape, self.channels, n_features
        )

    def _check_encoder(self, n_features: int):
        layout = self._layout(n_features)
        if len(self.hidden_layer_sizes) == 0:
            raise ValueError(
                "hidden_layer_sizes must name at least one layer, the embedding. Got "
                f"{self.hidden_layer_sizes!r}."
            )
        check_augmentation(self.augmentation, layout)
        if layout is None and self.network in ("convolutional", "resnet18"):
            raise ValueError(
                f"network={self.network!r} is for images, and the rows of X are none. "
                "Give arrays of shape (n_samples, height, width) or with channels, set "
                "image_shape, or use network='auto'."
            )

    def _scaling(self, X) -> tuple[np.ndarray, float]:
        """Centre and scale; of images the centre is that of each channel."""
        center, scale = feature_scaling(X, self._group.gather_objects)
        layout = self._layout(X.shape[1])
        if layout is None:
            return center, scale
        return channel_scaling(layout, center, scale)

    def _make_encoder(self, n_features: int, seed: int) -> tuple[nn.Module, int]:
        """The encoder with its first weights, and the size of its output."""
        layout, network = self._layout(n_features), self.network
        weights = generator(seed, "weights")
        if isinstance(network, str):
            if network == "mlp" or layout is None:
                hidden = self.hidden_layer_sizes
                widths = (256, 256, 256) if hidden == "auto" else hidden
                encoder = MLP([n_features, *widths], weights)
                return encoder, widths[-1]
            name = "convolutional" if network == "auto" else network
            encoder = _OF_IMAGES[name](layout, weights)
            return encoder, encoder.n_outputs
        with private_global_generator(
            derive_seed(seed, "weights"), torch.device("cpu")
        ):
            return user_encoder(network, n_features, layout)
