"""Rows and their neighbours in the embedding, pair by pair, in float64."""

import numpy as np


def locality(z, z_other, similarity):
    """Mean over the rows of the weighted squared distance to the other."""
    total = 0.0
    for row, other, weight in zip(z, z_other, similarity, strict=True):
        total += weight * sum((a - b) ** 2 for a, b in zip(row, other, strict=True))
    return total / len(z)


def heat_kernel(x, x_other, width):
    """Of each pair of rows."""
    return np.array(
        [
            np.exp(-sum((row - other) ** 2) / width)
            for row, other in zip(x, x_other, strict=True)
        ]
    )
