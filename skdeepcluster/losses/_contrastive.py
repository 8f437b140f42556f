"""Two views against each other: of the rows, or of the clusters.

Rows: NT-Xent of SimCLR (Chen, Kornblith, Norouzi, Hinton, ICML 2020), InfoNCE with keys
of Momentum Contrast (He and others, CVPR 2020), the contrast of rows with prototypes of
PCL (Li, Zhou, Xiong, Hoi, ICLR 2021) and, without other rows, the error of BYOL (Grill
and others, NeurIPS 2020). Clusters: Contrastive Clustering (Li, Hu, Liu, Peng, Zhou,
Peng, AAAI 2021) and, before it, PICA (Huang, Gong, Zhu, CVPR 2020).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from skdeepcluster.losses._precision import product, promoted

_SMALLEST_NORM = 1e-8


def nt_xent(z_a: Tensor, z_b: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding a row's other view: (n, d) and (n, d) -> scalar.

    Each of the 2n views is compared, by cosine similarity over the temperature, with
    all views but itself. Mean over the 2n views, where the code of SimCLR adds the
    means of both directions, which is twice as much.
    """
    z = unit_rows(torch.cat([promoted(z_a), promoted(z_b)]))  # (2n, d)
    is_self = torch.eye(len(z), dtype=torch.bool, device=z.device)
    similarity = product(z, z.T).masked_fill(is_self, -torch.inf) / temperature
    positive = (z * z.roll(len(z_a), dims=0)).sum(dim=1) / temperature  # (2n,)
    return (similarity.logsumexp(dim=1) - positive).mean()


def info_nce(
    query: Tensor, key: Tensor, negatives: Tensor, temperature: float
) -> Tensor:
    """Cross-entropy of finding a row's key: (n, d), (n, d) and (m, d) -> scalar.

    Among the keys of all n rows and further negatives, by cosine similarity over the
    temperature; mean over the rows.
    """
    query, key = unit_rows(promoted(query)), unit_rows(promoted(key))
    others = unit_rows(promoted(negatives))
    similarity = product(query, torch.cat([key, others]).T) / temperature
    positive = (query * key).sum(dim=1) / temperature  # (n,)
    return (similarity.logsumexp(dim=1) - positive).mean()


def prototype_contrast(
    z: Tensor, prototypes: Tensor, temperatures: Tensor, labels: Tensor
) -> Tensor:
    """Cross-entropy of finding a row's prototype: (n, d) and (k, d) -> scalar.

    Among all of them, by cosine similarity, over the temperature of each (k,); labels
    (n,) tell which it is. Mean over the rows.
    """
    z, prototypes = unit_rows(promoted(z)), unit_rows(promoted(prototypes))
    return F.cross_entropy(product(z, prototypes.T) / temperatures, labels)


def direction_error(z: Tensor, target: Tensor) -> Tensor:
    """Squared distance between directions: (n, d) and (n, d) -> scalar.

    Rows are divided by their length first, so that it is 2 - 2 cos; mean over the rows.
    """
    z, target = unit_rows(promoted(z)), unit_rows(promoted(target))
    return (z - target).square().sum(dim=1).mean()


def cluster_contrast(p_a: Tensor, p_b: Tensor, temperature: float) -> Tensor:
    """NT-Xent of the transposes, so of clusters: (n, k) and (n, k) -> scalar.

    A cluster is the vector of its n assignments. Its positive is the same cluster in
    the other view, its negatives the 2k - 2 other clusters of both; mean over 2k.
    """
    return nt_xent(p_a.T, p_b.T, temperature)


def partition_uncertainty(p: Tensor, p_view: Tensor) -> Tensor:
    """PICA's cross-entropy of finding a cluster among those of a view of the rows.

    (n, k) and (n, k) -> scalar, (h, n, k) twice -> (h,). A cluster is the vector of its
    n assignments; the logits are its cosines with all k of the view, as they are. Mean
    over the k clusters. It is `info_nce` of the transposes with a temperature of one.
    """
    own, other = unit_rows(promoted(p).mT), unit_rows(promoted(p_view).mT)
    similarity = product(own, other.mT)  # (..., k, k)
    positive = similarity.diagonal(dim1=-2, dim2=-1)  # (..., k)
    return (similarity.logsumexp(dim=-1) - positive).mean(dim=-1)


def unit_rows(z: Tensor) -> Tensor:
    """The directions of the rows: (..., n, d) -> (..., n, d)."""
    # A row of zeros stays one: it has no direction, and dividing it by a tiny number
    # instead would multiply its gradient as much.
    norm = torch.linalg.vector_norm(z, dim=-1, keepdim=True)
    return z / norm.masked_fill(norm < _SMALLEST_NORM, 1.0)
