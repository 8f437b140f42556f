"""Optimal transport in float64, in probabilities and entry by entry."""

import numpy as np


def sinkhorn(scores, epsilon, n_iter):
    """Clusters to their equal share, then rows to theirs, which sum to one."""
    n, k = scores.shape
    q = np.exp((scores - scores.max()) / epsilon)
    for _ in range(n_iter):
        for j in range(k):
            q[:, j] *= 1 / k / q[:, j].sum()
        for i in range(n):
            q[i] *= 1 / n / q[i].sum()
    return n * q


def soft_cross_entropy(logits, q):
    """Minus the mean over the rows of the logs of a softmax, weighted."""
    total = 0.0
    for i in range(len(q)):
        largest = logits[i].max()
        log_sum = largest + np.log(np.exp(logits[i] - largest).sum())
        for j in range(q.shape[1]):
            total -= q[i, j] * (logits[i, j] - log_sum)
    return total / len(q)
