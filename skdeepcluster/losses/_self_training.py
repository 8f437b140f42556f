"""Self-training on sharpened soft assignments (Xie, Girshick, Farhadi, ICML 2016)."""

import torch
import torch.nn.functional as F
from torch import Tensor


def target_distribution(q: Tensor, frequencies: Tensor, balance: float = 1.0) -> Tensor:
    """Equation 3: q squared over the soft frequencies, rows made to sum to one.

    (n, k) and (k,) -> (n, k). The frequencies are the sum of q over all rows, of which
    these may be a few. Dividing by them pulls towards clusters of equal size, the more
    so the larger their exponent `balance`, which is 1 in the paper.
    """
    frequencies = frequencies.clamp_min(torch.finfo(q.dtype).tiny)
    # In logs: powers of small frequencies underflow.
    return (2 * q.log() - balance * frequencies.log()).softmax(dim=1)


def kl_divergence(p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p || q), sum over clusters and mean over rows: (n, k) and (n, k) -> scalar."""
    return F.kl_div(log_q, p, reduction="batchmean")  # p log p is zero at p = 0
