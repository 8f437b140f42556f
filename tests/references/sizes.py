"""Sizes of clusters against a prior, in float64, cluster by cluster."""

import numpy as np


def size_divergence(p, prior):
    """Of the sorted mean assignment from the sorted prior."""
    sizes = sorted((float(column.mean()) for column in np.asarray(p).T), reverse=True)
    shares = sorted(map(float, prior), reverse=True)
    total = 0.0
    for size, share in zip(sizes, shares, strict=True):
        if size > 0:
            total += size * np.log(size / share)
    return total


def zipf_prior(n_clusters, exponent):
    """One over the rank to a power, divided by the sum."""
    weights = [1 / rank**exponent for rank in range(1, n_clusters + 1)]
    return np.array([weight / sum(weights) for weight in weights])
