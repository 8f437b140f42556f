"""Networks that a user brings."""

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from skdeepcluster.networks._images import ImageLayout
from skdeepcluster.networks._mlp import unchanged
from skdeepcluster.networks._models import AutoencoderModel


class UserNetwork(nn.Module):
    """A module that a user brought; with a layout it is given images, else flat rows.

    It may draw from torch's global generator, which the trainer then keeps private.
    """

    draws_globally = True

    def __init__(self, module: nn.Module, layout: Sequence | None = None):
        super().__init__()
        self.module = module
        self.layout = None if layout is None else ImageLayout(*layout)

    @property
    def config(self) -> dict:
        """The module itself: what a user brings travels in a pickle as it is."""
        layout = None if self.layout is None else list(self.layout)
        return {"name": "UserNetwork", "module": self.module, "layout": layout}

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_outputs)."""
        given = x if self.layout is None else self.layout.images(x)
        return self.module(given).flatten(start_dim=1)

    def activations(
        self, x: Tensor, corrupt: Callable[[Tensor], Tensor] = unchanged
    ) -> list[Tensor]:
        """The output alone: of what is inside nothing is known."""
        return [self(x)]


def user_autoencoder(
    network: nn.Module | Callable, n_features: int, n_components: int
) -> tuple[AutoencoderModel, int]:
    """A model of the `network` parameter of Autoencoder, and its size of the embedding.

    A module is copied; a callable is given the sizes and returns a module or the pair
    of encoder and decoder. Raises ValueError where they do not fit.
    """
    if isinstance(network, nn.Module):
        network = copy.deepcopy(network)
    else:
        network = network(n_features, n_components)
    model = _two_parts(network)
    return model, _embedding_size(model, n_features)


def _two_parts(network) -> AutoencoderModel:
    """A user's network as a model: a pair, or a module with `encoder` and `decoder`."""
    parts = getattr(network, "encoder", None), getattr(network, "decoder", None)
    if isinstance(network, tuple) and len(network) == 2:
        parts = network
    if not all(isinstance(part, nn.Module) for part in parts):
        raise ValueError(
            "The 'network' parameter of Autoencoder must give a module with the "
            "attributes 'encoder' and 'decoder', or such a pair, all torch modules. "
            f"Got {type(network).__name__}."
        )
    return AutoencoderModel(*map(UserNetwork, parts))


def _embedding_size(model: AutoencoderModel, n_features: int) -> int:
    """Send two rows through the network; also fills in lazy layers."""
    x = torch.zeros(2, n_features)
    try:
        with torch.no_grad():
            z = model.eval().embed(x)
            x_hat = model.decode(z)
    except (AttributeError, IndexError, RuntimeError, TypeError) as error:
        raise ValueError(
            "The 'network' parameter of Autoencoder gives a network that cannot "
            f"process rows of {n_features} features: {error}"
        ) from error
    if x_hat.shape != x.shape:
        raise ValueError(
            "The 'network' parameter of Autoencoder must rebuild rows of "
            f"{n_features} features. Its decoder gives {x_hat.shape[1]}."
        )
    return z.shape[1]


def user_encoder(
    network: nn.Module | Callable, n_features: int, layout: ImageLayout | None
) -> tuple[UserNetwork, int]:
    """An encoder of the `network` parameter, and the size of its output.

    A module is copied; a callable that is none is given the shape of a row, which of
    images is (channels, height, width), and returns one. Raises ValueError where it
    does not fit.
    """
    shape = (n_features,) if layout is None else tuple(layout[:3])
    network = (
        copy.deepcopy(network) if isinstance(network, nn.Module) else network(shape)
    )
    if not isinstance(network, nn.Module):
        raise ValueError(
            "The 'network' parameter must be or give a torch module. Got "
            f"{type(network).__name__}."
        )
    encoder = UserNetwork(network.cpu(), layout)
    try:
        with torch.no_grad():
            size = encoder.eval()(torch.zeros(2, n_features)).shape[1]
    except (AttributeError, IndexError, RuntimeError, TypeError) as error:
        raise ValueError(
            "The 'network' parameter gives a network that cannot process rows of "
            f"shape {shape}: {error}"
        ) from error
    return encoder, size
