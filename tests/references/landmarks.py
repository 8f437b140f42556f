"""Affinities to landmarks and their spectral embedding, in float64, row by row."""

import numpy as np


def affinities(z, landmarks, n_nearest):
    """(n, n_landmarks): weights of the nearest ones, zero elsewhere."""
    result = np.zeros((len(z), len(landmarks)))
    for i, row in enumerate(z):
        d2 = np.array([sum((row - landmark) ** 2) for landmark in landmarks])
        nearest = np.argsort(d2)[:n_nearest]
        kernel = np.exp(-d2[nearest] / (2 * d2[nearest].mean()))
        result[i, nearest] = kernel / kernel.sum()
    return result


def normalised(blocks):
    """Side by side, each column over the root of its sum; (n, columns of all)."""
    scaled = []
    for block in blocks:
        sums = block.sum(axis=0)
        scaled.append(block[:, sums > 0] / np.sqrt(sums[sums > 0]))
    return np.hstack(scaled) / np.sqrt(len(blocks))


def left_singular_vectors(matrix, n_components):
    """The first ones, of length one, and the singular values."""
    U, values, _ = np.linalg.svd(matrix, full_matrices=False)
    return U[:, :n_components], values[:n_components]
