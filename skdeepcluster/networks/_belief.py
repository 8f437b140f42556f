"""Deep belief networks: upwards to a code, and downwards to a row."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from skdeepcluster.networks._mlp import blank_linear, unchanged

_DEVIATION = 0.01  # of the first weights


class BeliefEncoder(nn.Module):
    """Layers of sigmoids, and a linear one at the top.

    Rows come centred and scaled; the first layer sees ``x * slope + offset``, which is
    the row as it comes, or for Bernoulli units the row in its own unit.

    Parameters
    ----------
    sizes : sequence of int
        Widths from input to code, at least two.
    generator : torch.Generator, default=None
        Source of the initial weights; without one they are left undefined.
    """

    slope: Tensor
    offset: Tensor

    def __init__(self, sizes: Sequence[int], generator: torch.Generator | None = None):
        super().__init__()
        self.sizes = [int(size) for size in sizes]
        self.layers = _layers(self.sizes, generator)
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("offset", torch.zeros(self.sizes[0]))

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {"name": "BeliefEncoder", "sizes": self.sizes}

    def below(self, x: Tensor, layer: int) -> Tensor:
        """What a layer is given: (n, n_features) -> (n, n_inputs)."""
        h = x * self.slope + self.offset
        for linear in self.layers[:layer]:
            h = torch.sigmoid(linear(h))
        return h

    def activations(
        self, x: Tensor, corrupt: Callable[[Tensor], Tensor] = unchanged
    ) -> list[Tensor]:
        """What each sigmoid gives, and at the end the code: (n, width) each.

        The next layer is given what `corrupt` makes of it.
        """
        return _activations(self.layers, self.below(x, 0), corrupt)

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_components)."""
        return self.activations(x)[-1]


class BeliefDecoder(nn.Module):
    """The mirror image, whose output is on the scale of the rows that come.

    Parameters
    ----------
    sizes : sequence of int
        Widths from code to output, at least two.
    bernoulli : bool
        Whether the output is a probability, else it is linear.
    generator : torch.Generator, default=None
        Source of the initial weights; without one they are left undefined.
    """

    slope: Tensor
    offset: Tensor

    def __init__(
        self,
        sizes: Sequence[int],
        bernoulli: bool,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.sizes, self.bernoulli = [int(size) for size in sizes], bool(bernoulli)
        self.layers = _layers(self.sizes, generator)
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("offset", torch.zeros(self.sizes[-1]))

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "BeliefDecoder",
            "sizes": self.sizes,
            "bernoulli": self.bernoulli,
        }

    def activations(
        self, z: Tensor, corrupt: Callable[[Tensor], Tensor] = unchanged
    ) -> list[Tensor]:
        """What each inner sigmoid gives, and at the end the row: (n, width) each."""
        *hidden, v = _activations(self.layers, z, corrupt)
        if self.bernoulli:
            v = torch.sigmoid(v)
        return [*hidden, (v - self.offset) / self.slope]

    def forward(self, z: Tensor) -> Tensor:
        """(n, n_components) -> (n, n_features)."""
        return self.activations(z)[-1]


def _activations(layers, x, corrupt) -> list[Tensor]:
    *inner, last = layers
    hidden = []
    for linear in inner:
        hidden.append(torch.sigmoid(linear(x)))
        x = corrupt(hidden[-1])
    return [*hidden, last(x)]


@torch.no_grad()
def _layers(sizes, generator) -> nn.ModuleList:
    layers = nn.ModuleList(
        blank_linear(n_in, n_out, generator)
        for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True)
    )
    if generator is not None:
        for layer in layers:
            layer.weight.normal_(std=_DEVIATION, generator=generator)
            layer.bias.zero_()
    return layers
