"""From an autoencoder to one whose embedding are all layers of its encoder."""

import torch

from skdeepcluster.engine import Trainer
from skdeepcluster.networks import (
    AllLayers,
    AutoencoderModel,
    FromLastLayer,
    layer_outputs,
)


@torch.no_grad()
def with_all_layers(trainer: Trainer, model: AutoencoderModel) -> AutoencoderModel:
    """The same networks, with all layers of the encoder side by side as embedding.

    Each layer is centred and scaled to the same share of the variance that the last
    has on its own, so that no wide layer drowns the others and the variance of an
    embedding stays what it is. A layer that gives all rows the same counts for nothing.
    """
    x = trainer.rows.between(0, 1)
    widths = [output.shape[1] for output in layer_outputs(model.encoder, x)]
    encoder = AllLayers(model.encoder, widths).to(trainer.device)
    z = trainer.passes(encoder, encoder.n_outputs)
    sums = torch.zeros(2, encoder.n_outputs, dtype=torch.float64).to(trainer.device)
    for _, part in z:
        sums += torch.stack([part.double().sum(dim=0), part.double().square().sum(0)])
    mean, square = z.group.sum(sums) / z.n_rows
    variance = (square - mean.square()).clamp_min(0)  # (n_outputs,)
    of_layers = [part.sum() for part in variance.split(widths)]
    share = of_layers[-1] / len(widths)
    scales = [(share / v).sqrt() if v > 0 else torch.zeros_like(v) for v in of_layers]
    scales[-1] = torch.full_like(share, len(widths) ** -0.5)  # to be divided by
    encoder.center.copy_(mean)
    encoder.scale.copy_(
        torch.cat([s.expand(n) for s, n in zip(scales, widths, strict=True)])
    )
    decoder = FromLastLayer(model.decoder, widths[-1]).to(trainer.device)
    decoder.center.copy_(encoder.center[-widths[-1] :])
    decoder.scale.copy_(encoder.scale[-widths[-1] :])
    return AutoencoderModel(encoder, decoder)
