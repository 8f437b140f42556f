"""Every row a class of its own, and features that do not repeat each other.

Tao, Takagi, Nakata, Clustering-friendly representation learning via instance
discrimination and feature decorrelation, ICLR 2021.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from skdeepcluster.losses._contrastive import unit_rows
from skdeepcluster.losses._precision import product, promoted


def instance_discrimination(
    z: Tensor,
    vectors: Tensor,
    index: Tensor,
    temperature: float,
    drawn: Tensor | None = None,
) -> Tensor:
    """Cross-entropy of finding a row's own vector: (n, d), (m, d), (n,) -> scalar.

    Among all m vectors, or where some are drawn, (s,) of their numbers, among these and
    the own one: the others that were drawn stand for all others, by their mean.
    Mean over the n rows.
    """
    z, vectors = promoted(z), promoted(vectors)
    if drawn is None:
        return F.cross_entropy(product(z, vectors.T) / temperature, index)
    own = (z * vectors[index]).sum(dim=1) / temperature  # (n,)
    similarity = product(z, vectors[drawn].T) / temperature  # (n, s)
    is_own = drawn == index[:, None]
    n_others = (~is_own).sum(dim=1).clamp(min=1).to(z.dtype)
    others = similarity.masked_fill(is_own, -torch.inf).logsumexp(dim=1)
    others = others + math.log(len(vectors) - 1) - n_others.log()
    return F.softplus(others - own).mean()


def feature_decorrelation(z: Tensor, temperature: float) -> Tensor:
    """Cross-entropy of finding a feature among all by its rows: (n, d) -> scalar.

    Features are the columns, each given length one over the rows, and compared by
    cosine similarity over the temperature. Mean over the d features.
    """
    similarity = _between_features(z) / temperature  # (d, d)
    return (similarity.logsumexp(dim=1) - similarity.diagonal()).mean()


def feature_orthogonality(z: Tensor) -> Tensor:
    """Squared distance of the same cosines from the identity: (n, d) -> scalar.

    Sum over the features that one is compared with, and mean over the d features, where
    the paper sums: so its size is that of `feature_decorrelation` for any d.
    """
    similarity = _between_features(z)
    identity = torch.eye(len(similarity)).to(similarity)
    return (similarity - identity).square().sum(dim=1).mean()


def _between_features(z: Tensor) -> Tensor:
    features = unit_rows(promoted(z).T)
    return product(features, features.T)
