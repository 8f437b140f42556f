"""Self-training on sharpened soft assignments (Xie, Girshick, Farhadi, ICML 2016)."""

import torch
import torch.nn.functional as F
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
    return F.kl_div(log_q, p, reduction="batchmean")  # p log p is zero at p = 0
