"""Self-training on sharpened soft assignments (Xie, Girshick, Farhadi, ICML 2016)."""

import torch
from torch import Tensor


def target_distribution(q: Tensor) -> Tensor:
    """Equation 3: q squared over the soft frequencies, rows made to sum to one.

    (n, k) -> (n, k). The frequencies are those of all rows, so q must hold them all.
    Dividing by them pulls towards clusters of equal size.
    """
    weight = q.square() / q.sum(dim=0).clamp_min(torch.finfo(q.dtype).tiny)
    return weight / weight.sum(dim=1, keepdim=True)


def kl_divergence(p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p || q), sum over clusters and mean over rows: (n, k) and (n, k) -> scalar."""
    # p log p through xlogy, which is zero at p = 0.
    return (torch.special.xlogy(p, p) - p * log_q).sum(dim=1).mean()
