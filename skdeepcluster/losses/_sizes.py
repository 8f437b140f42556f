"""How large clusters are, against how large they are expected to be.

The balance term of Aljalbout, Golkov, Siddiqui, Strobel, Cremers, "Clustering with deep
learning: taxonomy and new methods", arXiv:1801.07648 (2018).
"""

import torch
from torch import Tensor

from skdeepcluster.losses._precision import promoted


def size_divergence(p: Tensor, prior: Tensor) -> Tensor:
    """Kullback-Leibler divergence, in nats, of the mean assignment from a prior.

    (n, k) and (k,) -> scalar, (h, n, k) and (k,) -> (h,). Clusters have no names: the
    largest is compared with the largest share of the prior, and so on. No share may be
    zero.
    """
    sizes = promoted(p).mean(dim=-2).sort(dim=-1, descending=True).values
    prior = prior.to(sizes).sort(descending=True).values
    ratio = sizes.clamp_min(torch.finfo(sizes.dtype).tiny) / prior
    return (sizes * ratio.log()).sum(dim=-1)


def zipf_prior(n_clusters: int, exponent: float = 1.0) -> Tensor:
    """Shares that fall with the rank to a power: (k,) float32, which sum to one.

    An exponent of zero makes them equal.
    """
    weights = torch.arange(1, n_clusters + 1, dtype=torch.float64).pow(-exponent)
    return (weights / weights.sum()).float()
