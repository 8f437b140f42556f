"""Fully connected networks."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn


def unchanged(x: Tensor) -> Tensor:
    """What is given."""
    return x


class MLP(nn.Sequential):
    """Linear layers with ReLU between them; the last layer is linear by default.

    Weights are uniform within ``1 / sqrt(fan_in)`` and biases zero: with this start a
    plain autoencoder on digits clusters far better than with Glorot's.

    Parameters
    ----------
    sizes : sequence of int
        Widths from input to output, at least two.
    generator : torch.Generator, default=None
        Source of the initial weights; without one they are left undefined, to be
        loaded, on torch's default device.
    batch_norm : bool, default=False
        Whether batches are normalised before each ReLU.
    linear_output : bool, default=True
        Whether the last layer is linear; else it ends as the others do.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        generator: torch.Generator | None = None,
        batch_norm: bool = False,
        linear_output: bool = True,
    ):
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise(sizes):
            layers.append(blank_linear(n_in, n_out, generator))
            if batch_norm:
                layers.append(nn.BatchNorm1d(n_out))
            layers.append(nn.ReLU())
        if linear_output:
            del layers[-2 if batch_norm else -1 :]
        super().__init__(*layers)
        self.config = {"name": "MLP", "sizes": [int(size) for size in sizes]}
        if batch_norm:  # files from before it do without
            self.config["batch_norm"] = True
        if not linear_output:  # likewise
            self.config["linear_output"] = False
        if generator is not None:
            self._initialise(generator)

    @property
    def n_layers(self) -> int:
        """Number of linear layers."""
        return len(self.config["sizes"]) - 1

    def activations(
        self, x: Tensor, corrupt: Callable[[Tensor], Tensor] = unchanged
    ) -> list[Tensor]:
        """What each ReLU gives, and at the end what the network gives: (n, width) each.

        The next layer is given what `corrupt` makes of it.
        """
        hidden, x = through(self, x, corrupt)
        return [*hidden, x]

    @torch.no_grad()
    def _initialise(self, generator):
        for layer in self:
            if isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.zero_()


class LinearPath(nn.Module):
    """A linear map beside a network; their outputs are added.

    Parameters
    ----------
    network : nn.Module
        (n, n_in) -> (n, n_out), with a linear last layer.
    n_in, n_out : int
    linear : Tensor of shape (n_out, n_in), default=None
        Where the linear map starts; the network's last layer then starts at zero.
    """

    def __init__(
        self, network: nn.Module, n_in: int, n_out: int, linear: Tensor | None = None
    ):
        super().__init__()
        self.linear = blank_linear(n_in, n_out, bias=False)
        self.network = network
        if linear is not None:
            with torch.no_grad():
                self.linear.weight.copy_(linear)
                last_layer(network).weight.zero_()

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "LinearPath",
            "network": self.network.config,
            "n_in": self.linear.in_features,
            "n_out": self.linear.out_features,
        }

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_in) -> (n, n_out)."""
        return self.linear(x) + self.network(x)

    def activations(
        self, x: Tensor, corrupt: Callable[[Tensor], Tensor] = unchanged
    ) -> list[Tensor]:
        """Those of the network, of which the last has the linear map added."""
        *hidden, last = self.network.activations(x, corrupt)
        return [*hidden, self.linear(x) + last]


def through(
    layers: Iterable[nn.Module], x: Tensor, corrupt: Callable[[Tensor], Tensor]
) -> tuple[list[Tensor], Tensor]:
    """What each ReLU gives before it is corrupted, and what comes out at the end."""
    hidden = []
    for layer in layers:
        x = layer(x)
        if isinstance(layer, nn.ReLU):
            hidden.append(x)
            x = corrupt(x)
    return hidden, x


def last_layer(network: nn.Module) -> nn.Module:
    """The last part that has weights of its own."""
    return [part for part in network.modules() if hasattr(part, "weight")][-1]


def blank_linear(n_in, n_out, generator=None, **options) -> nn.Linear:
    """A layer that torch does not initialise: it would draw from its own generator."""
    device = torch.get_default_device() if generator is None else generator.device
    return nn.utils.skip_init(nn.Linear, n_in, n_out, device=device, **options)
