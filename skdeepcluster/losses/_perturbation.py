"""Virtual adversarial training: where the assignment of a row changes most.

Miyato, Maeda, Koyama, Nakae, Ishii, "Distributional smoothing with virtual adversarial
training", ICLR 2016.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from skdeepcluster.losses._precision import promoted
from skdeepcluster.losses._self_training import kl_divergence


def adversarial_perturbation(
    log_assign: Callable[[Tensor], Tensor],
    x: Tensor,
    p: Tensor,
    look: Tensor,
    radius: Tensor,
    generator: torch.Generator | None = None,
) -> Tensor:
    """What moves the assignments of rows most, of a given length for each row.

    (n, d), (n, k), (n, 1) and (n, 1) -> (n, d). One step of the power method: the
    direction of the gradient of KL(p || p(x + look u)) by u, for a random direction u.
    Rows whose assignment does not change get zeros.
    """
    noise = torch.randn(x.shape, generator=generator, device=x.device, dtype=x.dtype)
    direction = _unit(noise).requires_grad_()
    with torch.enable_grad():
        divergence = kl_divergence(p.detach(), log_assign(x + look * direction))
    with torch.autocast(x.device.type, enabled=False):
        (gradient,) = torch.autograd.grad(divergence, direction)
        return radius * _unit(promoted(gradient))


def _unit(x: Tensor) -> Tensor:
    """Rows of length one, however short they are; zeros stay: (n, d) -> (n, d)."""
    largest = x.abs().amax(dim=1, keepdim=True)
    # A ratio of one instead of 0 / 0, and no square that underflows.
    return F.normalize(x / largest.masked_fill(largest == 0, 1.0), dim=1)
