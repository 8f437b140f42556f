"""With what an autoencoder starts: widths of its layers, networks, axes."""

import math
from typing import Literal

import numpy as np
import torch
from sklearn.utils.extmath import randomized_svd
from torch import Tensor, nn

from skdeepcluster.engine import (
    Trainer,
    blocks_of,
    derive_seed,
    generator,
)
from skdeepcluster.networks import (
    MLP,
    AutoencoderModel,
    BernoulliLikelihood,
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    ImageLayout,
    LinearPath,
)

_BERNOULLI_ROWS = 5000  # from which likelihood="auto" looks at the values


def auto_hidden_layer_sizes(n_samples: int) -> tuple[int, ...]:
    """Widths that grow with the number of rows, up to those of the DEC paper."""
    if n_samples < 1000:
        return (128, 128)
    return (500, 500) if n_samples < 5000 else (500, 500, 2000)


def first_networks(
    trainer: Trainer,
    layout: ImageLayout | None,
    widths: list[int],
    linear_path: bool,
    seed: int,
) -> AutoencoderModel:
    """Encoder and decoder with their first weights.

    Convolutional where there is a layout, else of these widths.
    """
    n_features, n_components = widths[0], widths[-1]
    weights = generator(seed, "weights")
    encoder: nn.Module
    decoder: nn.Module
    if layout is None:
        encoder, decoder = MLP(widths, weights), MLP(widths[::-1], weights)
    else:
        encoder = ConvolutionalEncoder(layout, n_components, weights)
        decoder = ConvolutionalDecoder(layout, n_components, weights)
    if linear_path:
        axes, deviation = principal_axes(
            trainer, n_components, derive_seed(seed, "axes")
        )
        encoder = LinearPath(encoder, n_features, n_components, axes / deviation)
        decoder = LinearPath(decoder, n_components, n_features, axes.T * deviation)
    return AutoencoderModel(encoder, decoder)


def first_likelihood(
    trainer: Trainer,
    center: np.ndarray,
    scale: float,
    wanted: Literal["auto", "gaussian", "bernoulli"],
) -> BernoulliLikelihood | None:
    """That of shares, None for the Gaussian one; "auto" looks at rows and values."""
    is_open = wanted == "auto" and trainer.n_total >= _BERNOULLI_ROWS
    if not (is_open or wanted == "bernoulli"):
        return None
    likelihood = bernoulli_likelihood(trainer, center, scale)
    return None if is_open and likelihood.crowding <= 1 / 2 else likelihood


def bernoulli_likelihood(
    trainer: Trainer, center: np.ndarray, scale: float
) -> BernoulliLikelihood:
    """Of shares between all rows' smallest value and their largest.

    Those of the trainer are centred and scaled.
    """
    mean = torch.from_numpy(center.astype(np.float32)).to(trainer.device)
    blocks = blocks_of(
        trainer.rows, lambda x: torch.stack((x * scale + mean).aminmax())
    )
    ends = torch.cat([block for _, block in blocks]).aminmax()
    smallest, largest = trainer.group.gather(torch.stack(ends)[None]).aminmax()
    extent = largest - smallest
    extent = extent if extent > 0 else torch.ones_like(extent)
    likelihood = BernoulliLikelihood(len(mean)).to(trainer.device)
    likelihood.slope.copy_(scale / extent)
    likelihood.offset.copy_((mean - smallest) / extent)
    return likelihood


def principal_axes(
    trainer: Trainer, n_components: int, seed: int
) -> tuple[Tensor, float]:
    """Principal axes of the rows, or of a sample where they are many.

    Returns them as (n_components, n_features), zero where there are fewer, and the root
    of the mean variance along them (1 where nothing varies).
    """
    rows, group = trainer.rows, trainer.group
    size = min(trainer.n_total, max(1000, min(20_000, 2**25 // rows.n_features)))
    share = -(-size * rows.n_samples // trainer.n_total)
    x = group.gather(rows.sample(share, seed)).cpu().numpy()
    _, singular_values, found = randomized_svd(
        x,
        min(n_components, *x.shape),
        power_iteration_normalizer="QR",  # which every array library has
        random_state=seed,
    )
    axes = torch.zeros(n_components, rows.n_features)
    axes[: len(found)] = torch.from_numpy(found)
    deviation = math.sqrt(np.square(singular_values).sum() / (len(x) * len(axes)))
    return axes, deviation if deviation > 0 else 1.0
