"""Self-training on sharpened soft assignments (Xie, Girshick, Farhadi, ICML 2016)."""

import torch
from torch import Tensor


def target_distribution(
    q: Tensor, balance: float = 1.0, frequencies: Tensor | None = None
) -> Tensor:
    """Equation 3: q squared over the soft frequencies, rows made to sum to one.

    (n, k) -> (n, k). The frequencies (k,) are the sum of q over all rows, of which
    these may be a part; None: these are all. Dividing by them pulls towards clusters of
    equal size, the more so the larger their exponent `balance`, 1 in the paper.
    """
    if frequencies is None:
        frequencies = q.sum(dim=0)
    frequencies = frequencies.clamp_min(torch.finfo(q.dtype).tiny)
    # In logs: powers of small frequencies underflow.
    return (2 * q.log() - balance * frequencies.log()).softmax(dim=1)


def kl_divergence(p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p || q), sum over clusters and mean over rows: (n, k) and (n, k) -> scalar."""
    # Not F.kl_div, which torch.vmap would call run by run.
    return (torch.xlogy(p, p) - p * log_q).sum() / len(p)  # p log p is zero at p = 0
