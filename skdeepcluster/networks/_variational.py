"""Parts of variational autoencoders: a second encoder output and likelihoods."""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from skdeepcluster.networks._mlp import MLP, LinearPathMLP, UserNetwork


@torch.no_grad()
def with_log_variance(encoder: nn.Module, start: Tensor) -> nn.Module:
    """The encoder with twice as many outputs: first its own, then log-variances.

    Parameters
    ----------
    encoder : MLP, LinearPathMLP or UserNetwork
    start : Tensor of shape (n_components,)
        The log-variances of all rows before training.
    """
    size = len(start)
    if isinstance(encoder, UserNetwork):  # whose last layer is not known
        heads = nn.utils.skip_init(nn.Linear, size, 2 * size)
        heads.weight.copy_(torch.cat([torch.eye(size), torch.zeros(size, size)]))
        heads.bias.copy_(torch.cat([torch.zeros(size), start]))
        return UserNetwork(nn.Sequential(encoder, heads))
    sizes = [*encoder.config["sizes"][:-1], 2 * size]
    wider = LinearPathMLP(sizes) if isinstance(encoder, LinearPathMLP) else MLP(sizes)
    own = encoder.state_dict()
    for name, weights in wider.state_dict().items():
        weights.zero_()
        weights[: len(own[name])] = own[name]
    last = wider.mlp[-1] if isinstance(wider, LinearPathMLP) else wider[-1]
    last.bias[size:] = start
    return wider


class GaussianLikelihood(nn.Module):
    """Rows lie around the decoder's output, with one variance that is learned."""

    config = {"name": "GaussianLikelihood"}
    smallest = math.log(1e-2)

    def __init__(self):
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(()))

    def mean(self, output: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_features)."""
        return output

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """(n, n_features) and (n, n_features) -> (n,)."""
        log_variance = self.log_variance.clamp(min=self.smallest)
        errors = (x - output).square() / log_variance.exp()
        return -0.5 * (errors + log_variance + math.log(2 * math.pi)).sum(dim=1)


class BernoulliLikelihood(nn.Module):
    """Values between 0 and 1 as probabilities, which the decoder's output predicts.

    Rows come centred and scaled; ``x * slope + offset`` is in [0, 1] again. An output
    that means ``p`` on the scale of the rows becomes the logit ``4 (p - 1 / 2)``, the
    tangent of the true one in the middle.
    """

    def __init__(self, n_features: int):
        super().__init__()
        self.config = {"name": "BernoulliLikelihood", "n_features": n_features}
        self.register_buffer("slope", torch.ones(()))
        self.register_buffer("offset", torch.zeros(n_features))

    def _logits(self, output):
        return 4 * (output * self.slope + self.offset - 0.5)

    def mean(self, output: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_features), on the scale of the rows."""
        return (self._logits(output).sigmoid() - self.offset) / self.slope

    def log_prob(self, output: Tensor, x: Tensor) -> Tensor:
        """(n, n_features) and (n, n_features) -> (n,)."""
        target = x * self.slope + self.offset
        logits = self._logits(output)
        entropy = binary_cross_entropy_with_logits(logits, target, reduction="none")
        return -entropy.sum(dim=1)


class MixtureModel(nn.Module):
    """A variational encoder, a decoder and Gaussians with diagonal covariance.

    Parameters
    ----------
    encoder : nn.Module
        Its outputs are means, then log-variances of the embedding.
    decoder : nn.Module
    likelihood : GaussianLikelihood or BernoulliLikelihood
    n_clusters : int
    n_components : int
    """

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        likelihood: nn.Module,
        n_clusters: int,
        n_components: int,
    ):
        super().__init__()
        self.encoder, self.decoder, self.likelihood = encoder, decoder, likelihood
        self.logits = nn.Parameter(torch.zeros(n_clusters))
        self.means = nn.Parameter(torch.zeros(n_clusters, n_components))
        self.log_variances = nn.Parameter(torch.zeros(n_clusters, n_components))

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "MixtureModel",
            "encoder": self.encoder.config,
            "decoder": self.decoder.config,
            "likelihood": self.likelihood.config,
            "n_clusters": len(self.means),
            "n_components": self.means.shape[1],
        }

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the embedding: (n, n_features) -> twice (n, d)."""
        mean, log_variance = self.encoder(x).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-10, 10)

    def embed(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_components)."""
        return self.posterior(x)[0]

    def decode(self, z: Tensor) -> Tensor:
        """(n, n_components) -> (n, n_features)."""
        return self.likelihood.mean(self.decoder(z).float())

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        """Log p(x | z): (n, n_features) and (n, n_components) -> (n,)."""
        return self.likelihood.log_prob(self.decoder(z).float(), x)

    def log_joint(self, z: Tensor) -> Tensor:
        """Log p(z, c): (n, n_components) -> (n, n_clusters)."""
        differences = (z.unsqueeze(1) - self.means).square()
        log_variances = self.log_variances + math.log(2 * math.pi)
        densities = -0.5 * (differences / self.log_variances.exp() + log_variances)
        return self.log_weights() + densities.sum(dim=2)

    def log_weights(self) -> Tensor:
        """Log p(c): (n_clusters,)."""
        return self.logits.log_softmax(dim=0)

    def assign(self, x: Tensor) -> Tensor:
        """p(c | z) at the mean embedding: (n, n_features) -> (n, n_clusters)."""
        return self.log_joint(self.embed(x)).softmax(dim=1)

    @torch.no_grad()
    def keep(self, clusters: Tensor) -> None:
        """Drop all clusters but these: (n_kept,) int64."""
        for name in ("logits", "means", "log_variances"):
            setattr(self, name, nn.Parameter(getattr(self, name)[clusters].clone()))
