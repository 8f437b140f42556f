"""Pairs of rows that are taken for members of one cluster or of two.

DAC (Chang, Wang, Meng, Xiang, Pan, ICCV 2017).
"""

from torch import Tensor

from skdeepcluster.losses._contrastive import unit_rows
from skdeepcluster.losses._precision import product, promoted


def similarities(p: Tensor) -> Tensor:
    """Cosines of the assignments of all pairs of rows: (n, k) -> (n, n)."""
    unit = unit_rows(promoted(p))
    return product(unit, unit.T)


def confident_pairs(
    p: Tensor, p_clean: Tensor, upper: Tensor | float, lower: Tensor | float
) -> tuple[Tensor, Tensor]:
    """DAC's squared errors of similarities: (n, k) and (n, k) -> scalar, and the share
    of pairs used.

    A pair of rows whose assignments `p_clean` have a cosine of at least `upper` should
    have one of 1, a pair of less than `lower` one of 0; pairs between them say nothing.
    Mean over the pairs that are used.
    """
    clean = similarities(p_clean.detach())
    same, other = clean >= upper, clean < lower  # (n, n)
    used = same | other
    errors = (similarities(p) - same.to(p.dtype)).square().masked_fill(~used, 0.0)
    n_used = used.sum()
    return errors.sum() / n_used.clamp_min(1), n_used / used.numel()
