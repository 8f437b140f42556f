"""What outlives the training of two players: a generator, its opponent, clusters."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdeepcluster.networks._models import CentroidModel


class _Codes(nn.Module):
    """A generator whose input is noise and then a one-hot code of the cluster.

    There may be fewer clusters than codes: those without rows leave.
    """

    codes: Tensor  # (n_clusters,) int64, the number of the code of each cluster
    decoder: nn.Module
    n_noise: int
    n_codes: int

    def latent(self, noise: Tensor, clusters: Tensor) -> Tensor:
        """What a row is made from: (n, n_noise) and (n,) -> (n, n_noise + n_codes)."""
        one_hot = F.one_hot(self.codes[clusters], self.n_codes)
        return torch.cat([noise, one_hot.to(noise)], dim=1)

    def decode(self, z: Tensor) -> Tensor:
        """(n, n_noise + n_codes) -> (n, n_features)."""
        return self.decoder(z)


class InfoGANModel(_Codes):
    """A discriminator, a head on it that recognises codes, and a generator.

    Parameters
    ----------
    encoder : nn.Module
        What both heads see of a row: (n, n_features) -> (n, d).
    discriminator : nn.Module
        The logit of whether it is real: (n, d) -> (n, 1).
    recogniser : nn.Module
        Logits of the codes, then means of the continuous ones:
        (n, d) -> (n, n_codes + n_continuous).
    decoder : nn.Module
        The generator: (n, n_noise + n_codes) -> (n, n_features). The last entries of
        the noise are the continuous codes.
    n_noise, n_codes : int
    n_clusters : int, default=None
        Number of codes that are still in use; None: all.
    """

    def __init__(
        self,
        encoder: nn.Module,
        discriminator: nn.Module,
        recogniser: nn.Module,
        decoder: nn.Module,
        n_noise: int,
        n_codes: int,
        n_clusters: int | None = None,
    ):
        super().__init__()
        self.encoder, self.discriminator = encoder, discriminator
        self.recogniser, self.decoder = recogniser, decoder
        self.n_noise, self.n_codes = n_noise, n_codes
        self.register_buffer("codes", torch.arange(n_clusters or n_codes))

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "InfoGANModel",
            "encoder": self.encoder.config,
            "discriminator": self.discriminator.config,
            "recogniser": self.recogniser.config,
            "decoder": self.decoder.config,
            "n_noise": self.n_noise,
            "n_codes": self.n_codes,
            "n_clusters": self.n_clusters,
        }

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return len(self.codes)

    def features(self, x: Tensor) -> Tensor:
        """What the heads are given: (n, n_features) -> (n, d)."""
        return self.encoder(x).relu()

    def recognise(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """(n, d) -> logits (n, n_clusters) and means (n, n_continuous)."""
        outputs = self.recogniser(h).float()
        return outputs[:, self.codes], outputs[:, self.n_codes :]

    def embed(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, d)."""
        return self.features(x).float()

    def logits(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_clusters)."""
        return self.recognise(self.features(x))[0]

    def log_assign(self, x: Tensor) -> Tensor:
        """Log of the soft assignment: (n, n_features) -> (n, n_clusters)."""
        return self.logits(x).log_softmax(dim=1)

    def assign(self, x: Tensor) -> Tensor:
        """Soft assignment: (n, n_features) -> (n, n_clusters), rows sum to one."""
        return self.logits(x).softmax(dim=1)

    def label(self, x: Tensor) -> Tensor:
        """Numbers of the clusters: (n, n_features) -> (n,)."""
        return self.logits(x).max(dim=1).indices

    def keep(self, clusters: Tensor) -> None:
        """Drop all clusters but these: (n_kept,) int64."""
        self.codes = self.codes[clusters].clone()


class ClusterGANModel(_Codes, CentroidModel):
    """A critic, a generator, an encoder that goes its way back, and centroids there.

    Parameters
    ----------
    encoder : nn.Module
        Noise, then logits of the codes: (n, n_features) -> (n, n_noise + n_codes).
    centers : Tensor of shape (n_clusters, n_noise + n_codes)
    decoder : nn.Module
        The generator: (n, n_noise + n_codes) -> (n, n_features).
    critic : nn.Module
        (n, n_features) -> (n, 1).
    n_noise : int
    """

    def __init__(
        self,
        encoder: nn.Module,
        centers: Tensor,
        decoder: nn.Module,
        critic: nn.Module,
        n_noise: int,
    ):
        super().__init__(encoder, centers, decoder=decoder)
        self.critic, self.n_noise = critic, n_noise
        self.n_codes = centers.shape[1] - n_noise
        self.register_buffer("codes", torch.arange(len(centers)))

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "ClusterGANModel",
            "encoder": self.encoder.config,
            "centers": list(self.centers.shape),
            "decoder": self.decoder.config,
            "critic": self.critic.config,
            "n_noise": self.n_noise,
        }

    def recognise(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(n, n_features) -> noise (n, n_noise) and logits (n, n_codes)."""
        outputs = self.encoder(x).float()
        return outputs[:, : self.n_noise], outputs[:, self.n_noise :]

    def embed(self, x: Tensor) -> Tensor:
        """Noise, then probabilities: (n, n_features) -> (n, n_noise + n_codes)."""
        noise, logits = self.recognise(x)
        return torch.cat([noise, logits.softmax(dim=1)], dim=1)

    def code(self, x: Tensor) -> Tensor:
        """Numbers of the most probable codes: (n, n_features) -> (n,)."""
        return self.recognise(x)[1].max(dim=1).indices

    def keep(self, clusters: Tensor) -> None:
        """Drop all clusters but these: (n_kept,) int64."""
        super().keep(clusters)
        self.codes = self.codes[clusters].clone()
