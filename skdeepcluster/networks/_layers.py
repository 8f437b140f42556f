"""An embedding of all layers of an encoder, and its way back."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class AllLayers(nn.Module):
    """The outputs of all layers of an encoder side by side, centred and scaled.

    Of feature maps these are the means.

    Parameters
    ----------
    encoder : nn.Module
        With `activations`.
    widths : sequence of int
        Of the outputs; the last is that of the encoder.
    """

    center: Tensor  # (sum of widths,)
    scale: Tensor  # (sum of widths,), by which they are multiplied

    def __init__(self, encoder: nn.Module, widths: Sequence[int]):
        super().__init__()
        self.encoder, self.widths = encoder, [int(width) for width in widths]
        self.register_buffer("center", torch.zeros(self.n_outputs))
        self.register_buffer("scale", torch.ones(self.n_outputs))

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "AllLayers",
            "encoder": self.encoder.config,
            "widths": self.widths,
        }

    @property
    def n_outputs(self) -> int:
        """Number of features that all layers give together."""
        return sum(self.widths)

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_outputs)."""
        return (torch.cat(layer_outputs(self.encoder, x), 1) - self.center) * self.scale


class FromLastLayer(nn.Module):
    """A decoder that is given what `AllLayers` gives, and needs its last part.

    Parameters
    ----------
    decoder : nn.Module
    n_inputs : int
        Of the decoder.
    """

    center: Tensor  # (n_inputs,)
    scale: Tensor  # (n_inputs,), by which they had been multiplied

    def __init__(self, decoder: nn.Module, n_inputs: int):
        super().__init__()
        self.decoder, self.n_inputs = decoder, int(n_inputs)
        self.register_buffer("center", torch.zeros(self.n_inputs))
        self.register_buffer("scale", torch.ones(self.n_inputs))

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "FromLastLayer",
            "decoder": self.decoder.config,
            "n_inputs": self.n_inputs,
        }

    def forward(self, z: Tensor) -> Tensor:
        """(n, n_outputs) -> (n, n_features)."""
        return self.decoder(z[:, -self.n_inputs :] / self.scale + self.center)


def layer_outputs(encoder: nn.Module, x: Tensor) -> list[Tensor]:
    """What each layer gives, of maps the means: (n, n_features) -> (n, width) each."""
    return [
        output.float() if output.ndim == 2 else output.float().mean(dim=(2, 3))
        for output in encoder.activations(x)
    ]
