"""What a decoder's output says of the features of a row."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdeepcluster.networks._mlp import unchanged

LOG_2PI = math.log(2 * math.pi)


class GaussianLikelihood(nn.Module):
    """Features lie around the decoder's output with a variance of one."""

    config = {"name": "GaussianLikelihood"}
    is_density = True  # whose value depends on the unit of the features

    def mean(self, output: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_features)."""
        return output

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """(n, n_features) and (n, n_features) -> (n,)."""
        return -0.5 * ((x - output).square() + LOG_2PI).sum(dim=1)


class BernoulliLikelihood(nn.Module):
    """Features are shares of an extent, and the decoder predicts the shares.

    Rows come centred and scaled: ``x * slope + offset`` are the shares. An output that
    means the share p has the logit ``4 (p - 1 / 2)``, the tangent of the true one in
    the middle, so that a decoder trained on squared errors is a good start.
    """

    def __init__(self, n_features: int):
        super().__init__()
        self.config = {"name": "BernoulliLikelihood", "n_features": n_features}
        self.is_density = False
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("offset", torch.zeros(n_features))

    @property
    def crowding(self) -> float:
        """How much the shares of all features crowd at zero and one, from 0 to 1.

        Their variance by that of zeros and ones of the same mean; a third where they
        are spread evenly. Holds where the rows came centred, with a mean variance of
        one.
        """
        mean = float(self.offset.mean())
        possible = mean * (1 - mean)
        variance = float(self.slope.square() + self.offset.var(correction=0))
        return variance / possible if possible > 0 else 0.0

    def logits(self, output: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_features)."""
        return 4 * (output * self.slope + self.offset - 0.5)

    def mean(self, output: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_features), on the scale of the rows."""
        return (self.logits(output).sigmoid() - self.offset) / self.slope

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """(n, n_features) and (n, n_features) -> (n,)."""
        shares = (x * self.slope + self.offset).clamp(0, 1)
        entropies = F.binary_cross_entropy_with_logits(
            self.logits(output), shares, reduction="none"
        )
        return -entropies.sum(dim=1)


class ExpectingDecoder(nn.Module):
    """A decoder that gives what a likelihood expects of the features.

    Parameters
    ----------
    decoder, likelihood : nn.Module
    """

    def __init__(self, decoder: nn.Module, likelihood: nn.Module):
        super().__init__()
        self.decoder, self.likelihood = decoder, likelihood

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "ExpectingDecoder",
            "decoder": self.decoder.config,
            "likelihood": self.likelihood.config,
        }

    def forward(self, z: Tensor) -> Tensor:
        """(n, n_components) -> (n, n_features)."""
        return self.likelihood.mean(self.decoder(z).float())

    def activations(
        self, z: Tensor, corrupt: Callable[[Tensor], Tensor] = unchanged
    ) -> list[Tensor]:
        """Those of the decoder, of which the last is what is expected."""
        *hidden, last = self.decoder.activations(z, corrupt)
        return [*hidden, self.likelihood.mean(last.float())]

    def log_prob(self, z: Tensor, x: Tensor) -> Tensor:
        """(n, n_components) and (n, n_features) -> (n,)."""
        return self.likelihood.log_prob(self.decoder(z).float(), x)
