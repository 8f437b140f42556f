"""Full precision inside a loss, whatever training runs in."""

import torch
from torch import Tensor


def promoted(x: Tensor) -> Tensor:
    """In float32 at least: half precisions are promoted, float64 stays float64."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def product(a: Tensor, b: Tensor) -> Tensor:
    """Matrix product, spared autocast: (..., n, d), (..., d, k) -> (..., n, k)."""
    with torch.autocast(a.device.type, enabled=False):
        return a @ b


def squared_distances(z: Tensor) -> Tensor:
    """Between all rows, spared autocast: (n, d) -> (n, n)."""
    squares = z.square().sum(dim=1)
    return squares.unsqueeze(1) + squares - 2 * product(z, z.T)
