"""Information that assignments carry about the rows and about each other.

Mutual information: IIC (Ji, Henriques, Vedaldi, ICCV 2019). Consistency, entropy and
learning from confident rows: SCAN (Van Gansbeke, Vandenhende, Georgoulis, Proesmans,
Van Gool, ECCV 2020).
"""

import torch
from torch import Tensor

from skdeepcluster.losses._pointwise import agreement
from skdeepcluster.losses._precision import product, promoted

_SMALLEST_AGREEMENT = 1e-8


def mean_entropy(p: Tensor) -> Tensor:
    """Entropy, in nats, of the mean assignment: (n, k) -> scalar, (h, n, k) -> (h,).

    The larger, the more equal the clusters: log k at most.
    """
    return _entropy(promoted(p).mean(dim=-2))


def conditional_entropy(p: Tensor) -> Tensor:
    """Mean entropy, in nats, of the assignments: (n, k) -> scalar, (h, n, k) -> (h,).

    The smaller, the more certain the rows are of their clusters.
    """
    return _entropy(promoted(p)).mean(dim=-1)


def consistency(p: Tensor, p_neighbor: Tensor) -> Tensor:
    """SCAN's -log of the probability that a row and its neighbour share a cluster.

    Mean over the rows: (n, k) and (n, k) -> scalar, (h, n, k) twice -> (h,). Below 1e-8
    the probability is clamped and has no gradient.
    """
    shared = agreement(p, p_neighbor)
    return -shared.clamp_min(_SMALLEST_AGREEMENT).log().mean(dim=-1)


def mutual_information(p: Tensor, p_other: Tensor, weight: float = 1.0) -> Tensor:
    """IIC's objective, to be maximised, between the clusters of both views of a row.

    (n, k) and (n, k) -> scalar, (h, n, k) twice -> (h,). The joint distribution is the
    mean outer product, symmetrised. `weight`, lambda in the paper, multiplies the logs
    of its marginals: more than 1 asks for clusters of equal size.
    """
    joint = product(promoted(p).mT, promoted(p_other))  # (..., k, k)
    joint = joint + joint.mT
    joint = joint / joint.sum(dim=(-2, -1), keepdim=True)
    marginal = joint.sum(dim=-1)  # (..., k), the same of both sides
    return 2 * weight * _entropy(marginal) - _entropy(joint.flatten(start_dim=-2))


def confident_cross_entropy(
    log_p_student: Tensor, p_teacher: Tensor, threshold: float
) -> tuple[Tensor, Tensor]:
    """SCAN's self-labelling: (n, k) and (n, k) -> scalar, and the share of rows used.

    The student's cross-entropy with the teacher's cluster, over the rows to which the
    teacher gives more than the threshold. Weights n_confident / n_confident_of_cluster
    make their weighted mean the mean over clusters of the mean over their rows, where
    clusters without a confident row do not count. Zero if no row is confident.
    """
    confidence, cluster = promoted(p_teacher).max(dim=1)
    is_confident = confidence > threshold  # (n,)
    clusters = torch.arange(p_teacher.shape[1], device=p_teacher.device)
    chosen = is_confident[:, None] & (cluster[:, None] == clusters)  # (n, k)
    counts = chosen.sum(dim=0)  # (k,)
    losses = promoted(-log_p_student).masked_fill(~chosen, 0.0)
    means = losses.sum(dim=0) / counts.clamp_min(1)
    loss = means.sum() / (counts > 0).sum().clamp_min(1)
    return loss, is_confident.to(loss.dtype).mean()


def _entropy(p: Tensor) -> Tensor:
    """(..., k) -> (...). At zero both the term and its gradient are finite."""
    return -(p * p.clamp_min(torch.finfo(p.dtype).tiny).log()).sum(dim=-1)
