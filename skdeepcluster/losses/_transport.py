"""Assignments of given shares, by optimal transport.

Entropic regularisation (Cuturi, NeurIPS 2013) on a batch, as in SwAV (Caron, Misra,
Mairal, Goyal, Bojanowski, Joulin, NeurIPS 2020).
"""

import math

import torch
from torch import Tensor

from skdeepcluster.losses._precision import promoted


@torch.no_grad()
def sinkhorn(scores: Tensor, epsilon: float, n_iter: int = 3) -> Tensor:
    """Soft assignment of rows to clusters of equal size: (n, k) -> (n, k).

    Of all assignments with equal cluster sizes it has the largest mean score plus
    `epsilon` times its entropy, up to the number of iterations. Each first makes the
    clusters equally large and then the rows sum to one, which at the end they do.
    """
    log_q = promoted(scores) / epsilon  # in logs: exp(1 / 0.05) is too much for a half
    to_size = math.log(scores.shape[0] / scores.shape[1])
    for _ in range(n_iter):
        log_q = log_q - log_q.logsumexp(dim=0, keepdim=True) + to_size
        log_q = log_q.log_softmax(dim=1)
    return log_q.exp()


def soft_cross_entropy(logits: Tensor, q: Tensor) -> Tensor:
    """With soft assignments instead of labels, mean over the rows.

    (n, k) twice -> scalar, (h, n, k) and (n, k) or (h, n, k) -> (h,).
    """
    log_p = promoted(logits).log_softmax(dim=-1)
    return -(promoted(q) * log_p).sum(dim=-1).mean(dim=-1)
