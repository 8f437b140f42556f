"""What outlives fit: modules with ``embed`` and, for clustering, ``assign``."""

import torch
from torch import Tensor, nn

_DIFFERENCES = 2**24  # numbers held at once while distances are computed


class AutoencoderModel(nn.Module):
    """An encoder and a decoder."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "AutoencoderModel",
            "encoder": self.encoder.config,
            "decoder": self.decoder.config,
        }

    def embed(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_components)."""
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        """(n, n_components) -> (n, n_features)."""
        return self.decoder(z)

    def reconstruct(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_features)."""
        return self.decoder(self.encoder(x))


class CentroidModel(nn.Module):
    """An encoder and centroids in its space, with Student's t as soft assignment.

    Parameters
    ----------
    encoder : nn.Module
    centers : Tensor of shape (n_clusters, n_components)
    alpha : float
        Degrees of freedom of the t-distribution.
    decoder : nn.Module, default=None
    """

    def __init__(
        self,
        encoder: nn.Module,
        centers: Tensor,
        alpha: float = 1.0,
        decoder: nn.Module | None = None,
    ):
        super().__init__()
        self.encoder, self.decoder, self.alpha = encoder, decoder, float(alpha)
        self.centers = nn.Parameter(centers.detach().clone().float())

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "CentroidModel",
            "encoder": self.encoder.config,
            "centers": list(self.centers.shape),
            "alpha": self.alpha,
            "decoder": None if self.decoder is None else self.decoder.config,
        }

    @property
    def n_clusters(self) -> int:
        """Number of centroids."""
        return len(self.centers)

    def embed(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_components)."""
        return self.encoder(x).float()

    def decode(self, z: Tensor) -> Tensor:
        """(n, n_components) -> (n, n_features)."""
        return self.decoder(z)

    def log_q(self, z: Tensor) -> Tensor:
        """Log of the soft assignment: (n, n_components) -> (n, n_clusters)."""
        d2 = squared_distances(z, self.centers)
        # In logs: q itself underflows for rows far from every centroid.
        logits = -0.5 * (self.alpha + 1) * torch.log1p(d2 / self.alpha)
        return torch.log_softmax(logits, dim=1)

    def log_assign(self, x: Tensor) -> Tensor:
        """Log of the soft assignment: (n, n_features) -> (n, n_clusters)."""
        return self.log_q(self.embed(x))

    def assign(self, x: Tensor) -> Tensor:
        """Soft assignment: (n, n_features) -> (n, n_clusters), rows sum to one."""
        return self.log_assign(x).exp()

    def nearest(self, z: Tensor) -> Tensor:
        """Numbers of the nearest centroids: (n, n_components) -> (n,).

        By distances and not by q, in which small differences between them drown.
        """
        return nearest(z, self.centers)

    def label(self, x: Tensor) -> Tensor:
        """Numbers of the clusters: (n, n_features) -> (n,)."""
        return self.nearest(self.embed(x))

    def distances(self, x: Tensor) -> Tensor:
        """Euclidean distances: (n, n_features) -> (n, n_clusters)."""
        return squared_distances(self.embed(x), self.centers).sqrt()

    def train(self, mode: bool = True):
        """Set the mode; an encoder that is not trained stays as in evaluation."""
        super().train(mode)
        if not any(weights.requires_grad for weights in self.encoder.parameters()):
            self.encoder.eval()
        return self

    @torch.no_grad()
    def keep(self, clusters: Tensor) -> None:
        """Drop all centroids but these: (n_kept,) int64."""
        self.centers = nn.Parameter(self.centers[clusters].clone())


class SoftKMeansModel(CentroidModel):
    """The same, with a softmax of minus the squared distances as soft assignment.

    Parameters
    ----------
    encoder : nn.Module
    centers : Tensor of shape (n_clusters, n_components)
    decoder : nn.Module or None
    """

    scale: Tensor  # of squared distances
    inverse_temperature: Tensor  # in parts of it

    def __init__(self, encoder: nn.Module, centers: Tensor, decoder: nn.Module | None):
        super().__init__(encoder, centers, decoder=decoder)
        self.register_buffer("scale", torch.ones(()))
        self.register_buffer("inverse_temperature", torch.ones(()))

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        config = {**super().config, "name": "SoftKMeansModel"}
        del config["alpha"]
        return config

    @property
    def sharpness(self) -> Tensor:
        """The inverse temperature of squared distances as they are."""
        return self.inverse_temperature / self.scale

    def log_q(self, z: Tensor) -> Tensor:
        """Log of the soft assignment: (n, n_components) -> (n, n_clusters)."""
        d2 = squared_distances(z, self.centers)
        return (-self.sharpness * d2).log_softmax(dim=1)


def squared_distances(
    z: Tensor, centers: Tensor, variances: Tensor | None = None
) -> Tensor:
    """(n, d) and (k, d) -> (n, k); by differences, exact for points that coincide.

    With variances (k, d) each squared difference counts in parts of its variance.
    """
    # An export has no cdist, and is for any number of rows: it can depend on none.
    is_export = torch.compiler.is_exporting()
    if variances is None and not is_export:
        exact = "donot_use_mm_for_euclid_dist"
        return torch.cdist(z, centers, compute_mode=exact).square()

    def between(part):
        squares = (part.unsqueeze(1) - centers).square()
        return (squares if variances is None else squares / variances).sum(dim=2)

    rows = max(1, _DIFFERENCES // centers.numel())
    if is_export or len(z) <= rows:
        return between(z)
    return torch.cat([between(part) for part in z.split(rows)])


def nearest(z: Tensor, centers: Tensor) -> Tensor:
    """Numbers of the nearest centroids: (n, d) and (k, d) -> (n,)."""
    # min takes a third of argmin's time.
    return squared_distances(z, centers).min(dim=1).indices
