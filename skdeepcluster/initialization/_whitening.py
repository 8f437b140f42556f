"""Directions of equal variance."""

import torch
from torch import nn

from skdeepcluster.engine import Passes

_LEAST = 1e-4  # of the largest variance; below it a direction holds rounding


@torch.no_grad()
def whiten(z: Passes, layer: nn.Linear) -> None:
    """Make a layer (d -> p) the map to the p largest principal components, each with
    mean zero and variance one over the rows; a direction without variance gives zero.
    """
    size = layer.in_features
    sums = torch.zeros(size, size + 1, dtype=torch.float64).to(z.device)
    for _, part in z:  # of products, and of the values
        part = part.double()
        sums += torch.cat([part.T @ part, part.sum(dim=0)[:, None]], dim=1)
    sums = z.group.sum(sums) / z.n_rows
    mean = sums[:, -1]
    variances, directions = torch.linalg.eigh(sums[:, :-1] - torch.outer(mean, mean))
    kept = slice(size - layer.out_features, None)  # they are in ascending order
    variances, directions = variances[kept], directions[:, kept]
    is_there = variances > max(_LEAST * variances[-1], torch.finfo(torch.float64).tiny)
    scales = torch.where(is_there, variances.clamp(min=1e-300).rsqrt(), 0.0)
    weight = (directions * scales).T  # (p, d)
    layer.weight.copy_(weight)
    layer.bias.copy_(-(weight @ mean))
