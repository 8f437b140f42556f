"""Slow NumPy forms of what is done with combinations of rows."""

import numpy as np


def best_coefficients(z, ridge):
    """One ridge regression for each row, on all others."""
    n = len(z)
    result = np.zeros((n, n))
    for row in range(n):
        others = np.arange(n) != row
        basis = z[others]
        gram = basis @ basis.T + ridge * np.eye(n - 1)
        result[row, others] = np.linalg.solve(gram, basis @ z[row])
    return result


def largest_part(size, share):
    """Entry by entry, the largest first, until the share is reached."""
    kept = np.zeros_like(size)
    for row, entries in enumerate(size):
        total = 0.0
        for column in sorted(range(len(entries)), key=lambda one: -entries[one]):
            if total > share * entries.sum():
                break
            kept[row, column] = entries[column]
            total += entries[column]
    return kept
