"""Fully connected networks."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class MLP(nn.Sequential):
    """Linear layers with ReLU between them; the last layer is linear.

    Weights are uniform within ``1 / sqrt(fan_in)`` and biases zero: with this start a
    plain autoencoder on digits clusters far better than with Glorot's.

    Parameters
    ----------
    sizes : sequence of int
        Widths from input to output, at least two.
    generator : torch.Generator, default=None
        Source of the initial weights; without one they are left undefined, to be
        loaded.
    """

    def __init__(self, sizes: Sequence[int], generator: torch.Generator | None = None):
        layers: list[nn.Module] = []
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
            # Not initialised by torch: that would draw from its global generator.
            layers += [nn.utils.skip_init(nn.Linear, n_in, n_out), nn.ReLU()]
        super().__init__(*layers[:-1])
        self.config = {"name": "MLP", "sizes": [int(size) for size in sizes]}
        if generator is not None:
            self._initialise(generator)

    @torch.no_grad()
    def _initialise(self, generator):
        for layer in self:
            if isinstance(layer, nn.Linear):
                bound = layer.in_features**-0.5
                layer.weight.uniform_(-bound, bound, generator=generator)
                layer.bias.zero_()


class UserNetwork(nn.Module):
    """A module that a user brought; it maps flat rows to flat rows.

    It may draw from torch's global generator, which the trainer then keeps private.
    """

    draws_globally = True

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    @property
    def config(self) -> dict:
        """The module itself: what a user brings travels in a pickle as it is."""
        return {"name": "UserNetwork", "module": self.module}

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_outputs)."""
        return self.module(x).flatten(start_dim=1)
