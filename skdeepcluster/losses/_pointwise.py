"""How much more probable a cluster is for two rows together than for each alone.

TEMI (Adaloglou, Michels, Kalisch, Kollmann, BMVC 2023).
"""

import torch
from torch import Tensor

from skdeepcluster.losses._precision import promoted


def pointwise_mutual_information(
    log_p: Tensor, log_p_other: Tensor, prior: Tensor, beta: float = 1.0
) -> Tensor:
    """Log of the sum over clusters of (p p')^beta / prior, row by row.

    (n, k), (n, k), (k,) -> (n,), or (h, n, k), (h, n, k), (h, k) -> (h, n). With beta 1
    it is the pointwise mutual information of both rows, if the prior is the mean
    assignment. Less lets clusters be of unequal size.
    """
    smallest = torch.finfo(torch.float32).tiny
    log_prior = promoted(prior).clamp_min(smallest).log().unsqueeze(-2)  # (..., 1, k)
    log_joint = beta * (promoted(log_p) + promoted(log_p_other))  # (..., n, k)
    return (log_joint - log_prior).logsumexp(dim=-1)


def agreement(p: Tensor, p_other: Tensor) -> Tensor:
    """Probability that both rows share a cluster: (..., n, k) twice -> (..., n)."""
    return (promoted(p) * promoted(p_other)).sum(dim=-1)
