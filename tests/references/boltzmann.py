"""Restricted Boltzmann machines in float64, by the sums over all hidden states."""

import itertools

import numpy as np


def free_energy(v, weight, visible_bias, hidden_bias, *, gaussian_visible=False):
    """Of Bernoulli hidden units: minus the log of the sum over all their states."""
    result = []
    for row in v:
        total = 0.0
        for h in itertools.product([0, 1], repeat=len(hidden_bias)):
            h = np.array(h)
            visible = visible_bias @ row
            if gaussian_visible:
                visible = -0.5 * ((row - visible_bias) ** 2).sum()
            total += np.exp(visible + hidden_bias @ h + h @ weight @ row)
        result.append(-np.log(total))
    return np.array(result)


def free_energy_of_gaussian_units(v, weight, visible_bias, hidden_bias):
    """Of hidden units with a variance of one, by a sum over a fine grid."""
    h = np.linspace(-30, 30, 6001)
    result = []
    for row in v:
        total = visible_bias @ row
        for unit, bias in zip(weight, hidden_bias, strict=True):
            a = bias + unit @ row
            density = np.exp(h * a - h**2 / 2) / np.sqrt(2 * np.pi)
            total += np.log(density.sum() * (h[1] - h[0]))
        result.append(-total)
    return np.array(result)
