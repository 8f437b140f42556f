"""Autoencoders of two groups of columns."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from skdeepcluster.networks._models import AutoencoderModel


class SpaceAutoencoders(nn.Module):
    """An autoencoder for each of two spaces, which are groups of columns of a row.

    Parameters
    ----------
    widths, sizes : sequence of int
        Number of columns of each space, and of components of its embedding.
    first, second : AutoencoderModel
    """

    columns: Tensor
    factors: Tensor

    def __init__(
        self,
        widths: Sequence[int],
        sizes: Sequence[int],
        first: AutoencoderModel,
        second: AutoencoderModel,
    ):
        super().__init__()
        self.widths, self.sizes = list(widths), list(sizes)
        self.register_buffer("columns", torch.zeros(sum(self.widths), dtype=torch.long))
        self.register_buffer("factors", torch.ones(2))
        self.first, self.second = first, second

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "SpaceAutoencoders",
            "widths": self.widths,
            "sizes": self.sizes,
            "first": self.first.config,
            "second": self.second.config,
        }

    def columns_of_spaces(self) -> list[list[int]]:
        """Numbers of the columns of each space."""
        return [own.tolist() for own in self.columns.split(self.widths)]

    def features(self, x: Tensor) -> list[Tensor]:
        """Columns of each space, scaled: (n, n_features) -> (n, width) each."""
        columns = self.columns.split(self.widths)
        return [
            x.index_select(1, own) * factor
            for own, factor in zip(columns, self.factors, strict=True)
        ]

    def encode(self, features: list[Tensor]) -> list[Tensor]:
        """Embedding of each space: (n, width) each -> (n, n_components) each."""
        first, second = features
        return [self.first.embed(first).float(), self.second.embed(second).float()]

    def decode(self, z: list[Tensor]) -> list[Tensor]:
        """Back to the columns: (n, n_components) each -> (n, width) each."""
        first, second = z
        return [self.first.decode(first), self.second.decode(second)]

    def embed(self, x: Tensor) -> Tensor:
        """Both embeddings beside each other: (n, n_features) -> (n, n_both)."""
        return torch.cat(self.encode(self.features(x)), dim=1)
