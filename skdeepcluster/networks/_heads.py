"""What stands on an encoder: projections, and heads that assign to clusters."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdeepcluster.networks._mlp import blank_linear


class UnitRows(nn.Module):
    """Rows of length one: of an encoder's output, or of what is one already.

    Parameters
    ----------
    encoder : nn.Module, default=None
    """

    def __init__(self, encoder: nn.Module | None = None):
        super().__init__()
        self.encoder = encoder

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        encoder = None if self.encoder is None else self.encoder.config
        return {"name": "UnitRows", "encoder": encoder}

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, d)."""
        z = x if self.encoder is None else self.encoder(x)
        return F.normalize(z.float(), dim=1)

    embed = forward  # as a model of its own


class ProjectionModel(nn.Module):
    """An encoder whose output is compared after a projection.

    Parameters
    ----------
    encoder : nn.Module
    projector : nn.Module
    """

    def __init__(self, encoder: nn.Module, projector: nn.Module):
        super().__init__()
        self.encoder, self.projector = encoder, projector

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "ProjectionModel",
            "encoder": self.encoder.config,
            "projector": self.projector.config,
        }

    def embed(self, x: Tensor) -> Tensor:
        """Output of the encoder, of length one: (n, n_features) -> (n, d)."""
        return F.normalize(self.encoder(x).float(), dim=1)

    def project(self, x: Tensor) -> Tensor:
        """Output of the projection, of length one: (n, n_features) -> (n, d)."""
        return F.normalize(self.projector(self.encoder(x)).float(), dim=1)

    forward = project  # as the encoder of another model


class _Heads(nn.Module):
    """Heads that share one weight of shape (n_heads, n_outputs, n_clusters)."""

    weight: nn.Parameter

    @property
    def n_heads(self) -> int:
        """Number of heads."""
        return self.weight.shape[0]

    @property
    def n_clusters(self) -> int:
        """Number of clusters, the same for all heads."""
        return self.weight.shape[2]

    @property
    def n_outputs(self) -> int:
        """Width of what the last layer of a head is given."""
        return self.weight.shape[1]


class ClusterHeads(_Heads):
    """Several heads beside each other, each with a logit per cluster.

    A head is linear, or has a hidden layer with batch normalisation and ReLU.

    Parameters
    ----------
    n_inputs, n_clusters, n_heads : int
    n_hidden : int, default=0
        Width of the hidden layer of each head; 0 for none.
    generator : torch.Generator, default=None
        Source of the initial weights; without one they are left undefined.
    """

    def __init__(
        self,
        n_inputs: int,
        n_clusters: int,
        n_heads: int,
        n_hidden: int = 0,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.n_inputs, self.n_hidden = n_inputs, n_hidden
        self.hidden: nn.Module | None = None
        if n_hidden:
            self.hidden = nn.Sequential(
                blank_linear(n_inputs, n_heads * n_hidden, generator),
                nn.BatchNorm1d(n_heads * n_hidden),
                nn.ReLU(),
            )
        device = None if generator is None else generator.device
        width = n_hidden or n_inputs
        self.weight = nn.Parameter(
            torch.empty(n_heads, width, n_clusters, device=device)
        )
        self.bias = nn.Parameter(torch.empty(n_heads, 1, n_clusters, device=device))
        if generator is not None:
            self._initialise(generator)

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "ClusterHeads",
            "n_inputs": self.n_inputs,
            "n_clusters": self.n_clusters,
            "n_heads": self.n_heads,
            "n_hidden": self.n_hidden,
        }

    def features(self, z: Tensor) -> Tensor:
        """What the last layers are given: (n, n_inputs) -> (n_heads, n, width)."""
        if self.hidden is None:
            return z.expand(self.n_heads, *z.shape)
        return (
            self.hidden(z).unflatten(1, (self.n_heads, self.n_hidden)).transpose(0, 1)
        )

    def forward(self, z: Tensor) -> Tensor:
        """Logits: (n, n_inputs) -> (n_heads, n, n_clusters)."""
        return (self.features(z) @ self.weight + self.bias).float()

    @torch.no_grad()
    def keep(self, heads: Tensor, clusters: Tensor) -> None:
        """Drop all heads but these and all clusters but these: (n,) int64 each."""
        if self.hidden is not None:
            layer, norm = self.hidden[0], self.hidden[1]
            _keep_heads(layer, heads, self.n_heads)
            _keep_heads(norm, heads, self.n_heads)
            layer.out_features = norm.num_features = len(layer.weight)
        for parameter in (self.weight, self.bias):
            parameter.data = parameter[heads][:, :, clusters].clone()

    @torch.no_grad()
    def _initialise(self, generator):
        layers = [] if self.hidden is None else [(self.hidden[0], self.n_inputs)]
        for layer, fan_in in [*layers, (self, self.weight.shape[1])]:
            bound = fan_in**-0.5
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.zero_()


def _keep_heads(module: nn.Module, heads: Tensor, n_heads: int) -> None:
    """Drop the entries of all heads but these, which lie side by side."""
    for value in (*module.parameters(), *module.buffers()):
        if value.ndim:  # else a count of batches
            value.data = value.unflatten(0, (n_heads, -1))[heads].flatten(0, 1)


class PrototypeHeads(_Heads):
    """Several heads beside each other, each with a direction per cluster.

    A head makes of its input a vector of length one. Logits are its cosines with the
    prototypes of the clusters, divided by a temperature.

    Parameters
    ----------
    n_inputs, n_clusters, n_heads : int
    n_hidden : int
        Width of the hidden layer of each head, with batch normalisation and ReLU; 0 for
        none.
    n_outputs : int
        Size of the vector of length one.
    temperature : float
    generator : torch.Generator, default=None
        Source of the initial weights; without one they are left undefined.
    batch_norm : bool, default=False
        Whether batches are normalised before each row gets its length. Rows then point
        everywhere from the start, so that each prototype has some.
    """

    def __init__(
        self,
        n_inputs: int,
        n_clusters: int,
        n_heads: int,
        n_hidden: int,
        n_outputs: int,
        temperature: float,
        generator: torch.Generator | None = None,
        batch_norm: bool = False,
    ):
        super().__init__()
        self.temperature = temperature
        self.layers = ClusterHeads(n_inputs, n_outputs, n_heads, n_hidden, generator)
        self.norm = nn.BatchNorm1d(n_heads * n_outputs) if batch_norm else None
        device = None if generator is None else generator.device
        weight = torch.empty(n_heads, n_outputs, n_clusters, device=device)
        if generator is not None:
            weight = F.normalize(weight.normal_(generator=generator), dim=1)
        self.weight = nn.Parameter(weight)

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "PrototypeHeads",
            "n_inputs": self.layers.n_inputs,
            "n_clusters": self.n_clusters,
            "n_heads": self.n_heads,
            "n_hidden": self.layers.n_hidden,
            "n_outputs": self.n_outputs,
            "temperature": self.temperature,
            "batch_norm": self.norm is not None,
        }

    def features(self, z: Tensor) -> Tensor:
        """Vectors of length one: (n, n_inputs) -> (n_heads, n, n_outputs)."""
        z = self.layers(z)
        if self.norm is not None:
            columns = self.norm(z.transpose(0, 1).flatten(1))
            z = columns.unflatten(1, (self.n_heads, self.n_outputs)).transpose(0, 1)
        return F.normalize(z, dim=2)

    def forward(self, z: Tensor) -> Tensor:
        """Logits: (n, n_inputs) -> (n_heads, n, n_clusters)."""
        z = self.features(z)
        # In full precision: the temperature makes errors of cosines larger.
        with torch.autocast(z.device.type, enabled=False):
            return z @ F.normalize(self.weight, dim=1) / self.temperature

    @torch.no_grad()
    def keep(self, heads: Tensor, clusters: Tensor) -> None:
        """Drop all heads but these and all clusters but these: (n,) int64 each."""
        if self.norm is not None:
            _keep_heads(self.norm, heads, self.n_heads)
            self.norm.num_features = len(self.norm.weight)
        every_output = torch.arange(self.n_outputs, device=heads.device)
        self.layers.keep(heads, every_output)
        self.weight.data = self.weight[heads][:, :, clusters].clone()


class HeadModel(nn.Module):
    """An encoder and heads on it that assign its output to clusters.

    Outside of training the first head speaks.

    Parameters
    ----------
    encoder : nn.Module
    heads : ClusterHeads or PrototypeHeads
    """

    def __init__(self, encoder: nn.Module, heads: ClusterHeads | PrototypeHeads):
        super().__init__()
        self.encoder, self.heads = encoder, heads

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "HeadModel",
            "encoder": self.encoder.config,
            "heads": self.heads.config,
        }

    @property
    def n_clusters(self) -> int:
        """Number of clusters."""
        return self.heads.n_clusters

    def embed(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, d).

        The encoder's output; of one that only gives rows their length, which is no news
        to anybody, what the hidden layer of the head makes of it.
        """
        z = self.encoder(x)
        if isinstance(self.encoder, UnitRows):
            z = self.heads.features(z)[0]
        return z.float()

    def logits(self, x: Tensor) -> Tensor:
        """Of all heads: (n, n_features) -> (n_heads, n, n_clusters)."""
        return self.heads(self.encoder(x))

    def log_assign(self, x: Tensor) -> Tensor:
        """Log of the soft assignment: (n, n_features) -> (n, n_clusters)."""
        return self.logits(x)[0].log_softmax(dim=1)

    def assign(self, x: Tensor) -> Tensor:
        """Soft assignment: (n, n_features) -> (n, n_clusters), rows sum to one."""
        return self.log_assign(x).exp()

    def assign_all(self, x: Tensor) -> Tensor:
        """Soft assignment by each head: (n, n_features) -> (n, n_heads, n_clusters)."""
        return self.logits(x).softmax(dim=2).transpose(0, 1)

    def label(self, x: Tensor) -> Tensor:
        """Numbers of the clusters: (n, n_features) -> (n,)."""
        return self.logits(x)[0].max(dim=1).indices

    def train(self, mode: bool = True):
        """Set the mode; an encoder that is not trained stays as in evaluation."""
        super().train(mode)
        weights = list(self.encoder.parameters())
        if weights and not any(one.requires_grad for one in weights):
            self.encoder.eval()
        return self

    def choose(self, head: int) -> None:
        """Drop all heads but this."""
        device = self.heads.weight.device
        self.heads.keep(
            torch.tensor([head], device=device),
            torch.arange(self.n_clusters, device=device),
        )

    def keep(self, clusters: Tensor) -> None:
        """Drop all clusters but these: (n_kept,) int64."""
        self.heads.keep(torch.arange(self.heads.n_heads).to(clusters), clusters)


class AutoencoderHeadModel(HeadModel):
    """One head on the encoder of an autoencoder.

    Parameters
    ----------
    encoder : nn.Module
    decoder : nn.Module
    heads : ClusterHeads
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, heads: ClusterHeads):
        super().__init__(encoder, heads)
        self.decoder = decoder

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            **super().config,
            "name": "AutoencoderHeadModel",
            "decoder": self.decoder.config,
        }

    def decode(self, z: Tensor) -> Tensor:
        """(n, n_components) -> (n, n_features)."""
        return self.decoder(z)

    def log_q(self, z: Tensor) -> Tensor:
        """Log of the soft assignment: (n, n_components) -> (n, n_clusters)."""
        return self.heads(z)[0].log_softmax(dim=1)
