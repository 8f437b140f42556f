"""What pairs of rows share, in float64, entry by entry."""

import numpy as np


def pointwise_mutual_information(p, p_other, prior, beta=1.0):
    """For each row the log of the sum of powers of products over the prior."""
    result = []
    for i in range(len(p)):
        total = 0.0
        for j in range(p.shape[1]):
            total += (p[i, j] * p_other[i, j]) ** beta / prior[j]
        result.append(np.log(total))
    return np.array(result)


def agreement(p, p_other):
    """The dot product of each row with its pair."""
    n, k = p.shape
    return np.array([sum(p[i, j] * p_other[i, j] for j in range(k)) for i in range(n)])
