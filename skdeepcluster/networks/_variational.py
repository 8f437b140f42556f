"""Parts of variational autoencoders: a second encoder output, a mixture."""

import torch
from torch import Tensor, nn

from skdeepcluster.networks._likelihoods import LOG_2PI
from skdeepcluster.networks._mlp import (
    MLP,
    LinearPath,
    blank_linear,
    last_layer,
)
from skdeepcluster.networks._models import squared_distances

_DRAWS = 8  # pairs of opposite draws over which the bound is averaged


class TwoHeads(nn.Module):
    """An encoder of a user, then a linear map to means and log-variances."""

    def __init__(self, encoder: nn.Module, n_components: int):
        super().__init__()
        self.encoder = encoder
        self.heads = blank_linear(n_components, 2 * n_components)

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "TwoHeads",
            "encoder": self.encoder.config,
            "n_components": self.heads.in_features,
        }

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, 2 n_components)."""
        return self.heads(self.encoder(x))


@torch.no_grad()
def with_log_variance(encoder: nn.Module, start: Tensor) -> nn.Module:
    """The encoder with twice as many outputs: first its own, then log-variances.

    Parameters
    ----------
    encoder : nn.Module
    start : Tensor of shape (n_components,)
        The log-variances of all rows before training.
    """
    size = len(start)
    has_path = isinstance(encoder, LinearPath)
    network = encoder.network if has_path else encoder
    if not isinstance(network, MLP):  # whose last layer can be made wider
        wider = TwoHeads(encoder, size)
        wider.heads.weight.copy_(torch.eye(2 * size, size))
        wider.heads.bias.zero_()
        wider.heads.bias[size:] = start
        return wider
    sizes = [*network.config["sizes"][:-1], 2 * size]
    wider = MLP(sizes)
    if has_path:
        wider = LinearPath(wider, sizes[0], 2 * size)
    own = encoder.state_dict()
    for name, weights in wider.state_dict().items():
        weights.zero_()
        weights[: len(own[name])] = own[name]
    last_layer(wider).bias[size:] = start
    return wider


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
        self.centers = nn.Parameter(torch.zeros(n_clusters, n_components))
        self.log_variances = nn.Parameter(torch.zeros(n_clusters, n_components))

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "MixtureModel",
            "encoder": self.encoder.config,
            "decoder": self.decoder.config,
            "likelihood": self.likelihood.config,
            "n_clusters": self.n_clusters,
            "n_components": self.centers.shape[1],
        }

    @property
    def n_clusters(self) -> int:
        """Number of Gaussians."""
        return len(self.centers)

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the embedding: (n, n_features) -> twice (n, d)."""
        mean, log_variance = self.encoder(x).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 20)  # whose exp is harmless

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
        d2 = squared_distances(z, self.centers, self.log_variances.exp())
        constants = (self.log_variances + LOG_2PI).sum(dim=1)
        return self.log_weights() - 0.5 * (d2 + constants)

    def log_weights(self) -> Tensor:
        """Log p(c): (n_clusters,)."""
        return self.logits.log_softmax(dim=0)

    def assign(self, x: Tensor) -> Tensor:
        """p(c | z) at the mean embedding: (n, n_features) -> (n, n_clusters)."""
        return self.log_joint(self.embed(x)).softmax(dim=1)

    def log_assign(self, x: Tensor) -> Tensor:
        """Log p(c | z) at the mean embedding: (n, n_features) -> (n, n_clusters)."""
        return self.log_joint(self.embed(x)).log_softmax(dim=1)

    def label(self, x: Tensor) -> Tensor:
        """Numbers of the most probable clusters: (n, n_features) -> (n,)."""
        return self.log_joint(self.embed(x)).max(dim=1).indices

    def distances(self, x: Tensor) -> Tensor:
        """Euclidean distances to the centres: (n, n_features) -> (n, n_clusters)."""
        return squared_distances(self.embed(x), self.centers).sqrt()

    def bound(self, x: Tensor) -> Tensor:
        """Lower bound of log p(x), as a mean over draws: (n, n_features) -> (n,).

        The draws are the same for all rows and calls: a bound is a number, not noise.
        """
        mean, log_variance = self.posterior(x)
        draws = torch.randn(
            _DRAWS, mean.shape[1], generator=torch.Generator().manual_seed(0)
        ).to(mean)
        total = torch.zeros(len(x), device=x.device)
        for noise in torch.cat([draws, -draws]):
            z = mean + (0.5 * log_variance).exp() * noise
            log_q = -0.5 * (noise.square() + log_variance + LOG_2PI).sum(dim=1)
            log_p = self.log_joint(z).logsumexp(dim=1)
            total += self.log_likelihood(x, z) + log_p - log_q
        return total / (2 * _DRAWS)

    @torch.no_grad()
    def keep(self, clusters: Tensor) -> None:
        """Drop all clusters but these: (n_kept,) int64."""
        for name in ("logits", "centers", "log_variances"):
            setattr(self, name, nn.Parameter(getattr(self, name)[clusters].clone()))
