"""Rows that belong together stay together in the embedding.

The locality and self-augmentation terms of Aljalbout, Golkov, Siddiqui, Strobel,
Cremers, "Clustering with deep learning: taxonomy and new methods", arXiv:1801.07648
(2018); locality as in Huang, Huang, Wang, Wang, "Deep embedding network for
clustering", ICPR 2014.
"""

from torch import Tensor

from skdeepcluster.losses._precision import promoted


def locality(z: Tensor, z_other: Tensor, similarity: Tensor | None = None) -> Tensor:
    """Squared distance of each row to another, mean over the rows.

    (n, d) and (n, d) -> scalar. Similarities (n,) of the rows weight it; None: all are
    one, as between a row and a view of it.
    """
    d2 = (promoted(z) - promoted(z_other)).square().sum(dim=1)
    return (d2 if similarity is None else promoted(similarity) * d2).mean()


def heat_kernel(x: Tensor, x_other: Tensor, width: float) -> Tensor:
    """Similarity of rows, 1 where they are equal: (n, d) and (n, d) -> (n,).

    The exponential of minus their squared distance over the width.
    """
    d2 = (promoted(x) - promoted(x_other)).square().sum(dim=1)
    return (-d2 / width).exp()
