"""Self-training in float64, entry by entry, as the formulas are printed."""

import numpy as np


def soft_assignment(z, centers, alpha):
    """Student's t between each row and each centre, rows divided by their sum."""
    q = np.empty((len(z), len(centers)))
    for i in range(len(z)):
        for j in range(len(centers)):
            d2 = sum((z[i, c] - centers[j, c]) ** 2 for c in range(z.shape[1]))
            q[i, j] = (1 + d2 / alpha) ** (-(alpha + 1) / 2)
        q[i] /= sum(q[i])
    return q


def target_distribution(q, balance=1.0):
    """Squares over powers of the soft frequencies of all rows; rows sum to one."""
    frequencies = [sum(q[i, j] for i in range(len(q))) for j in range(q.shape[1])]
    p = np.empty_like(q)
    for i in range(len(q)):
        for j in range(q.shape[1]):
            p[i, j] = q[i, j] ** 2 / frequencies[j] ** balance
        p[i] /= sum(p[i])
    return p


def kl_divergence(p, q):
    """Sum over the clusters, mean over the rows; a zero of p adds nothing."""
    total = 0.0
    for i in range(len(p)):
        for j in range(p.shape[1]):
            if p[i, j] > 0:
                total += p[i, j] * np.log(p[i, j] / q[i, j])
    return total / len(p)


def gradient_of_rows(z, centers, p):
    """Gradient of the divergence of one row by that row, at one degree of freedom."""
    q = soft_assignment(z, centers, 1.0)
    gradient = np.zeros_like(z)
    for i in range(len(z)):
        for j in range(len(centers)):
            difference = z[i] - centers[j]
            kernel = 1 / (1 + difference @ difference)
            gradient[i] += 2 * kernel * (p[i, j] - q[i, j]) * difference
    return gradient


def gradient_of_centers(z, centers, p):
    """Gradient of the sum of the divergences by the centres."""
    q = soft_assignment(z, centers, 1.0)
    gradient = np.zeros_like(centers)
    for i in range(len(z)):
        for j in range(len(centers)):
            difference = z[i] - centers[j]
            kernel = 1 / (1 + difference @ difference)
            gradient[j] -= 2 * kernel * (p[i, j] - q[i, j]) * difference
    return gradient
