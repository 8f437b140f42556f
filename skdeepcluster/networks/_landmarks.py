"""Encoders of a spectral embedding: how near rows are to landmarks, projected."""

import torch
from torch import Tensor, nn

from skdeepcluster.networks._models import squared_distances


class LandmarkEncoder(nn.Module):
    """An encoder, landmarks in its space and a point of the output for each of them.

    Landmarks and points are zero at first, to be set or loaded.

    Parameters
    ----------
    encoder : nn.Module
        (n, n_features) -> (n, n_components).
    n_landmarks, n_components, n_outputs : int
    n_nearest : int
        Landmarks that a row has a weight for.
    """

    landmarks: Tensor
    points: Tensor

    def __init__(
        self,
        encoder: nn.Module,
        n_landmarks: int,
        n_components: int,
        n_outputs: int,
        n_nearest: int,
    ):
        super().__init__()
        self.encoder, self.n_nearest = encoder, n_nearest
        self.register_buffer("landmarks", torch.zeros(n_landmarks, n_components))
        self.register_buffer("points", torch.zeros(n_landmarks, n_outputs))

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        n_landmarks, n_components = self.landmarks.shape
        return {
            "name": "LandmarkEncoder",
            "encoder": self.encoder.config,
            "n_landmarks": n_landmarks,
            "n_components": n_components,
            "n_outputs": self.points.shape[1],
            "n_nearest": self.n_nearest,
        }

    def affinities(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Weights of the nearest landmarks, which sum to one, and their numbers:
        (n, n_features) -> (n, n_nearest) twice.
        """
        d2 = squared_distances(self.encoder(x).float(), self.landmarks)
        d2, nearest = d2.topk(self.n_nearest, largest=False)
        # The width of a row's kernel is its own: far rows have weights, too.
        width2 = d2.mean(dim=1, keepdim=True).clamp(min=torch.finfo(d2.dtype).tiny)
        return torch.softmax(-0.5 * d2 / width2, dim=1), nearest

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_outputs)."""
        weights, nearest = self.affinities(x)
        return (weights.unsqueeze(2) * self.points[nearest]).sum(dim=1)


class SumOfEncoders(nn.Module):
    """The sum of what several networks make of a row.

    Parameters
    ----------
    **parts : nn.Module
    """

    def __init__(self, **parts: nn.Module):
        super().__init__()
        self.parts = nn.ModuleDict(parts)

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        parts = {name: part.config for name, part in self.parts.items()}
        return {"name": "SumOfEncoders", **parts}

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_outputs)."""
        first, *others = (part(x) for part in self.parts.values())
        return sum(others, start=first)
