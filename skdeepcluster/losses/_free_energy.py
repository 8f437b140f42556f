"""The energy of restricted Boltzmann machines (Hinton, Neural Computation 2002)."""

import torch.nn.functional as F
from torch import Tensor

from skdeepcluster.losses._precision import product, promoted


def free_energy(
    v: Tensor,
    weight: Tensor,
    visible_bias: Tensor,
    hidden_bias: Tensor,
    *,
    gaussian_visible: bool = False,
    gaussian_hidden: bool = False,
) -> Tensor:
    """Minus the log of the sum over hidden units of exp(-E): (n, d) -> (n,).

    Weight (k, d), visible bias (d,) and hidden bias (k,). Units are Bernoulli, or
    Gaussian with a variance of one. The difference of rows and of samples that are
    constants has the gradient of contrastive divergence.
    """
    v, weight, visible_bias, hidden_bias = map(
        promoted, (v, weight, visible_bias, hidden_bias)
    )
    inputs = product(v, weight.T) + hidden_bias  # (n, k)
    hidden = 0.5 * inputs.square() if gaussian_hidden else F.softplus(inputs)
    if gaussian_visible:
        visible = 0.5 * (v - visible_bias).square().sum(dim=1)
    else:
        visible = -product(v, visible_bias)
    return visible - hidden.sum(dim=1)
