"""Two players: one makes rows, the other tells them from real ones.

Logits: GAN (Goodfellow et al., NIPS 2014). Codes: InfoGAN (Chen, Duan, Houthooft,
Schulman, Sutskever, Abbeel, NIPS 2016). Gradient penalty: WGAN-GP (Gulrajani, Ahmed,
Arjovsky, Dumoulin, Courville, NIPS 2017).
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from skdeepcluster.losses._precision import promoted


def taken_for_real(logits: Tensor) -> Tensor:
    """-log of the probability that rows are real: mean over (n, 1) or (n,) -> scalar.

    Of real rows it is what the discriminator lowers, of made ones the generator; of
    made ones with the opposite sign of the logits again the discriminator.
    """
    return F.softplus(-promoted(logits)).mean()


def code_error(
    logits: Tensor,
    codes: Tensor,
    means: Tensor | None = None,
    values: Tensor | None = None,
) -> Tensor:
    """InfoGAN's bound on the information about the codes, but for sign and constants.

    Logits (n, k) with codes (n,), and means of Gaussians of variance one (n, c) with
    values (n, c), if any -> scalar, mean over rows.
    """
    error = F.cross_entropy(promoted(logits), codes)
    if means is None or values is None:
        return error
    return error + 0.5 * (promoted(means) - values).square().sum(dim=1).mean()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], x: Tensor, x_made: Tensor, share: Tensor
) -> Tensor:
    """How far the slope of the critic is from one, between real and made rows.

    Mean over rows of (|gradient| - 1)^2 at ``share * x + (1 - share) * x_made``.
    (n, d), (n, d) and (n, 1) -> scalar. In float32 at least: it is derived once more.
    """
    with torch.autocast(x.device.type, enabled=False):
        share = promoted(share)
        between = share * promoted(x) + (1 - share) * promoted(x_made)
        between = between.detach().requires_grad_()
        value = critic(between).sum()
        (gradient,) = torch.autograd.grad(value, between, create_graph=True)
        # At zero the norm has no gradient; the rows there have none to be given.
        squares = gradient.square().sum(dim=1)
        lengths = squares.clamp_min(torch.finfo(squares.dtype).tiny).sqrt()
        return (lengths - 1).square().mean()
