"""What the stages of an autoencoder minimise."""

import torch
from torch import Tensor, nn

from skdeepcluster.engine import Objective
from skdeepcluster.losses import mean_squared_error
from skdeepcluster.networks import ExpectingDecoder

# Share of the numbers that is dropped while layers are trained one by one.
_LAYER_DROPOUT = 0.2


class Reconstruction(Objective):
    """Rebuild each row from its own, possibly corrupted, self."""

    def __init__(self, model, corruption):
        super().__init__(model)
        self.corruption = corruption

    def losses(self, batch):
        # A feature set to zero is set to its mean.
        x = dropped(batch.x, self.corruption, self.generator)
        z, decoder = self.model.embed(x), self.model.decoder
        if isinstance(decoder, ExpectingDecoder):
            error = -decoder.log_prob(z, batch.x).mean() / batch.x.shape[1]
        else:
            error = mean_squared_error(decoder(z), batch.x)
        return {"reconstruction": error}


class LayerReconstruction(Objective):
    """One layer of the encoder and its mirror image, on top of trained layers."""

    def __init__(self, encoder, decoder, layer):
        last = encoder.n_layers - 1
        self.is_first, self.is_last = layer == 0, layer == last
        up, down = 2 * layer, 2 * (last - layer)  # there is a ReLU behind each
        layers, mirrored = list(encoder), list(decoder)
        super().__init__(
            nn.ModuleList(
                [
                    nn.Sequential(*layers[up : up + 2]),
                    nn.Sequential(*mirrored[down : down + 2]),
                ]
            )
        )
        self.below = nn.Sequential(*layers[:up]).forward  # a function: not trained

    def losses(self, batch):
        up, down = self.model
        with torch.no_grad():
            h = self.below(batch.x)  # (batch, width below), clean
        scale = 1 / (1 - _LAYER_DROPOUT)
        given = h
        if not self.is_first:
            given = scale * dropped(h, _LAYER_DROPOUT, self.generator)
        hidden = up(given)
        if not self.is_last:
            hidden = scale * dropped(hidden, _LAYER_DROPOUT, self.generator)
        return {"reconstruction": mean_squared_error(down(hidden), h.float())}


def dropped(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Set a random share of the numbers to zero: (n, d) -> (n, d)."""
    if share == 0:
        return x
    return x * (torch.rand(x.shape, generator=generator, device=x.device) >= share)
