"""Rows of one cluster nearer to each other than to others.

The weighted triplet loss of JULE (Yang, Parikh, Batra, CVPR 2016).
"""

from torch import Tensor

from skdeepcluster.losses._precision import promoted, squared_distances


def triplet_loss(
    z: Tensor, labels: Tensor, near: Tensor, far: Tensor, margin: float
) -> Tensor:
    """How much a row of one's label is not nearer than one of another label.

    (n, d) and (n,) -> scalar. A triplet is a row i, one of the rows `near` (n, m) names
    for it, if it is another row p of its label, and one of the rows `far` (n, l), if it
    is a row k of another label; it costs max(0, |z_i - z_p|^2 - |z_i - z_k|^2 +
    margin). Mean over all triplets, 0 if there is none.
    """
    z = promoted(z)
    distances = squared_distances(z)
    is_same = labels.unsqueeze(1) == labels
    is_near = is_same.fill_diagonal_(False).gather(1, near)  # (n, m)
    is_far = (labels.unsqueeze(1) != labels).gather(1, far)  # (n, l)
    to_near, to_far = distances.gather(1, near), distances.gather(1, far)
    excess = to_near.unsqueeze(2) - to_far.unsqueeze(1) + margin  # (n, m, l)
    counts = is_near.unsqueeze(2) & is_far.unsqueeze(1)
    total = excess.relu().masked_fill(~counts, 0.0).sum()
    return total / counts.sum().clamp(min=1)
