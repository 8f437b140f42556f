"""Assignments by linear heads on groups of columns."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_START = 0.02  # of a head's length, divided by the root of the number of columns


class SpacesModel(nn.Module):
    """A linear head on each of several spaces, which are groups of columns of a row.

    The soft assignment is the mean of what the heads say. A head has a direction for
    each cluster, of length one, and how long it is (weight normalisation).

    Parameters
    ----------
    n_features, n_clusters, n_spaces : int
    width : int
        Columns of the widest space.
    """

    columns: Tensor
    factors: Tensor

    def __init__(self, n_features: int, n_clusters: int, n_spaces: int, width: int):
        super().__init__()
        self.n_features, self.width = n_features, width
        filled = torch.full((n_spaces, width), n_features)
        self.register_buffer("columns", filled)
        self.register_buffer("factors", torch.ones(n_spaces))
        self.direction = nn.Parameter(torch.zeros(n_spaces, width, n_clusters))
        self.length = nn.Parameter(torch.zeros(n_spaces, 1, n_clusters))
        self.bias = nn.Parameter(torch.zeros(n_spaces, 1, n_clusters))

    @classmethod
    def on(
        cls,
        columns: Tensor,
        n_features: int,
        n_clusters: int,
        generator: torch.Generator,
    ) -> "SpacesModel":
        """A new model on spaces with these columns: (n_spaces, width) int64.

        A narrower space is filled up with the number `n_features`.
        """
        model = cls(n_features, n_clusters, *columns.shape)
        model.columns.copy_(columns)
        is_there = (columns < n_features).unsqueeze(2)
        bound = is_there.sum(dim=1, keepdim=True) ** -0.5
        with torch.no_grad():
            model.direction.uniform_(-1, 1, generator=generator)
            model.direction.mul_(is_there * bound)
            # So rows of one length are as undecided in a space of any width.
            model.length.copy_(_START / bound)
        return model

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "SpacesModel",
            "n_features": self.n_features,
            "n_clusters": self.n_clusters,
            "n_spaces": self.n_spaces,
            "width": self.width,
        }

    @property
    def n_spaces(self) -> int:
        """Number of spaces."""
        return len(self.columns)

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return self.bias.shape[2]

    def features(self, x: Tensor) -> Tensor:
        """Columns of each space, scaled: (n, n_features) -> (n_spaces, n, width)."""
        # Narrower spaces are filled up with a column of zeros behind the others.
        of_spaces = F.pad(x, (0, 1))[:, self.columns] * self.factors[:, None]
        return of_spaces.transpose(0, 1)

    def flat(self, x: Tensor) -> Tensor:
        """The same beside each other: (n, n_features) -> (n, n_spaces * width)."""
        return self.features(x).transpose(0, 1).flatten(1)

    def squares(self, x: Tensor) -> Tensor:
        """Squared length of a row in each space: (n, n_features) -> (n, n_spaces)."""
        return self.features(x).square().sum(dim=2).T

    def heads(self, of_spaces: Tensor) -> Tensor:
        """Logits: (n_spaces, n, width) -> (n_spaces, n, n_clusters)."""
        weight = F.normalize(self.direction, dim=1) * self.length
        return (of_spaces @ weight + self.bias).float()

    def embed(self, x: Tensor) -> Tensor:
        """Mean logits of the heads: (n, n_features) -> (n, n_clusters)."""
        return self.heads(self.features(x)).mean(dim=0)

    def log_assign(self, x: Tensor) -> Tensor:
        """Log of the soft assignment: (n, n_features) -> (n, n_clusters)."""
        log_p = self.heads(self.features(x)).log_softmax(dim=2)
        return log_p.logsumexp(dim=0) - math.log(self.n_spaces)

    def assign(self, x: Tensor) -> Tensor:
        """Soft assignment: (n, n_features) -> (n, n_clusters), rows sum to one."""
        return self.log_assign(x).exp()

    def label(self, x: Tensor) -> Tensor:
        """Numbers of the clusters: (n, n_features) -> (n,)."""
        return self.log_assign(x).max(dim=1).indices

    @torch.no_grad()
    def keep(self, clusters: Tensor) -> None:
        """Drop all clusters but these: (n_kept,) int64."""
        for parameter in (self.direction, self.length, self.bias):
            parameter.data = parameter[:, :, clusters].clone()
