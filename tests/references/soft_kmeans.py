"""Soft k-means and its schedule in float64, entry by entry, as they are printed."""

import numpy as np


def squared_distances(z, centers):
    return np.array([[sum((row - center) ** 2) for center in centers] for row in z])


def soft_assignment(d2, inverse_temperature):
    """Exponentials of minus the squared distances, rows divided by their sum."""
    r = np.empty_like(d2)
    for i in range(len(d2)):
        nearest = min(d2[i])  # which changes no quotient
        for j in range(d2.shape[1]):
            r[i, j] = np.exp(-inverse_temperature * (d2[i, j] - nearest))
        r[i] /= sum(r[i])
    return r


def soft_kmeans(d2, inverse_temperature):
    """Each squared distance counts as much as its soft assignment; mean over rows."""
    r = soft_assignment(d2, inverse_temperature)
    total = 0.0
    for i in range(len(d2)):
        for j in range(d2.shape[1]):
            total += r[i, j] * d2[i, j]
    return total / len(d2)


def inverse_temperatures():
    """The forty values of the paper, one after the other."""
    values = [0.1]
    for n in range(1, 40):
        values.append(2 ** (1 / np.log(n + 1) ** 2) * values[-1])
    return np.array(values)
