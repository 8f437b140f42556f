"""How much two views of the same rows have in common.

The loss of deep canonical correlation analysis (Andrew, Arora, Bilmes, Livescu, ICML
2013).
"""

import torch
from torch import Tensor

from skdeepcluster.losses._precision import product


def canonical_correlation(a: Tensor, b: Tensor, ridge: float) -> Tensor:
    """Sum of all canonical correlations: (n, d_a) and (n, d_b) -> scalar, float64.

    The sum of the singular values of L_a^-1 C_ab L_b^-T, where C are covariances,
    C_aa + ridge I = L_a L_a^T and likewise for b: between 0 and min(d_a, d_b).
    """
    # Whitening loses more digits than float32 has, and takes no roots of eigenvalues,
    # whose gradients are infinite where two are equal.
    a, b = a.double(), b.double()
    whitened = _whitened(a, ridge), _whitened(b, ridge)
    return torch.linalg.svdvals(product(whitened[0].T, whitened[1])).sum()


def _whitened(z: Tensor, ridge: float) -> Tensor:
    """(n, d) -> (n, d), of which products of columns are those of T."""
    z = (z - z.mean(dim=0)) / max(len(z) - 1, 1) ** 0.5
    covariance = product(z.T, z) + ridge * torch.eye(z.shape[1]).to(z)
    factor = torch.linalg.cholesky(covariance)
    return torch.linalg.solve_triangular(factor, z.T, upper=False).T
