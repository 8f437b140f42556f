"""How close the rows of a batch lie to those nearest to them, in float64."""

import numpy as np


def neighbor_distance(z, n_neighbors):
    """Mean squared distance of each row to its nearest others."""
    distances = []
    for i, row in enumerate(z):
        others = sorted(np.sum((row - z[j]) ** 2) for j in range(len(z)) if j != i)
        distances += others[:n_neighbors]
    return np.mean(distances) if distances else 0.0
