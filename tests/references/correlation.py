"""Slow NumPy form of the sum of canonical correlations."""

import numpy as np


def canonical_correlation(a, b, ridge):
    """From the roots of inverse covariances, as it is printed."""
    d = a.shape[1]
    joint = np.cov(np.hstack([a, b]), rowvar=False, ddof=1)
    joint = joint + ridge * np.eye(len(joint))
    cross = joint[:d, d:]
    t = inverse_root(joint[:d, :d]) @ cross @ inverse_root(joint[d:, d:])
    return np.linalg.svd(t, compute_uv=False).sum()


def inverse_root(matrix):
    values, vectors = np.linalg.eigh(matrix)
    return vectors @ np.diag(values**-0.5) @ vectors.T
