"""Pairs of rows in float64, pair by pair, as the formulas are printed."""

import numpy as np


def confident_pairs(p, p_clean, upper, lower):
    """Mean error over the pairs that are sure, and their share; zero without any."""
    n = len(p)
    errors = []
    for i in range(n):
        for j in range(n):
            clean = cosine(p_clean[i], p_clean[j])
            if clean >= upper:
                errors.append(error(cosine(p[i], p[j]), 1))
            elif clean < lower:
                errors.append(error(cosine(p[i], p[j]), 0))
    return (np.mean(errors) if errors else 0.0), len(errors) / n**2


def error(similarity, target):
    """Of one pair."""
    return (similarity - target) ** 2


def cosine(a, b):
    return sum(a * b) / np.sqrt(sum(a**2) * sum(b**2))
