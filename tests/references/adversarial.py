"""Losses of generators and their opponents in float64, row by row."""

import numpy as np


def taken_for_real(logits):
    """Minus the log of the probability that each row is real; their mean."""
    return np.mean([-np.log(1 / (1 + np.exp(-logit))) for logit in np.ravel(logits)])


def taken_for_made(logits):
    """Minus the log of the probability that each row is made; their mean."""
    return np.mean(
        [-np.log(1 - 1 / (1 + np.exp(-logit))) for logit in np.ravel(logits)]
    )


def cross_entropy(logits, codes):
    total = 0.0
    for row, code in zip(logits, codes, strict=True):
        total -= np.log(np.exp(row[code]) / sum(np.exp(value) for value in row))
    return total / len(logits)


def gaussian_error(means, values):
    """Minus the log-density with variance one, without its constant."""
    total = 0.0
    for own, other in zip(means, values, strict=True):
        total += sum((a - b) ** 2 / 2 for a, b in zip(own, other, strict=True))
    return total / len(means)


def gradient_penalty(critic, x, x_made, share, width=1e-5):
    """By differences of the critic, a function of one row."""
    total = 0.0
    for real, made, part in zip(x, x_made, np.ravel(share), strict=True):
        at = part * real + (1 - part) * made
        slope = [
            (critic(at + step) - critic(at - step)) / (2 * width)
            for step in width * np.eye(len(at))
        ]
        total += (np.sqrt(np.sum(np.square(slope))) - 1) ** 2
    return total / len(x)
