"""What clusterers share that train a generator and its opponent."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skdeepcluster.cluster._shared._base import DeepClusterer
from skdeepcluster.cluster._shared._sampling import drawn_clusters
from skdeepcluster.engine import Objective
from skdeepcluster.networks import MLP, ConvolutionalDecoder, ConvolutionalEncoder
from skdeepcluster.representation import FromEncoder

_HIDDEN = (256, 256)


class AdversarialClusterer(FromEncoder, DeepClusterer):
    """Base of those that make rows from noise and a code of the cluster.

    The model has ``latent`` and ``decode``. Of an MLP `hidden_layer_sizes` are the
    layers between rows and noise, in this order.
    """

    optimizer = "adam"
    _stage = "clustering"
    _most_epochs = 1000  # the generator needs its steps also where rows are few

    _parameter_rules = {
        name: rule
        for name, rule in {
            **DeepClusterer._parameter_rules,
            **FromEncoder._parameter_rules,
            "network": ["auto", "mlp", "convolutional"],
        }.items()
        if name != "optimizer"
    }

    @abstractmethod
    def _draw_noise(self, rng: np.random.RandomState, n_samples: int) -> np.ndarray:
        """What the generator is given beside a code: (n_samples, n_noise)."""

    # -- networks ------------------------------------------------------------------

    @property
    def _widths(self) -> list[int]:
        hidden = self.hidden_layer_sizes
        return list(_HIDDEN if hidden == "auto" else hidden)

    def _reader(self, n_features: int, widths: Sequence[int], weights) -> nn.Module:
        """Of rows: (n, n_features) -> (n, widths[-1])."""
        layout = self._layout(n_features)
        if layout is None or self.network == "mlp":
            return MLP([n_features, *widths], weights)
        return ConvolutionalEncoder(layout, widths[-1], weights)

    def _generator(self, n_inputs: int, n_features: int, weights) -> nn.Module:
        """The way back: (n, n_inputs) -> (n, n_features)."""
        layout = self._layout(n_features)
        if layout is None or self.network == "mlp":
            sizes = [n_inputs, *self._widths[::-1], n_features]
            return MLP(sizes, weights, batch_norm=True)
        return ConvolutionalDecoder(layout, n_inputs, weights, batch_norm=True)

    # -- making rows ---------------------------------------------------------------

    def sample(
        self, n_samples: int = 1, cluster: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Make new rows: noise and the code of a cluster, through the generator.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows in range [1, inf).
        cluster : int, default=None
            The cluster that all rows are to be of, below `n_clusters_`. None draws one
            for each row, all of them with the same probability.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features_in_), float64
            Rows in the units of the training data, flat also where it held images.
        labels : ndarray of shape (n_samples,), int64
            The cluster whose code each row was made from. ``predict`` may see it
            otherwise.
        """
        check_is_fitted(self)
        rng = check_random_state(self.random_state)
        labels = drawn_clusters(self.n_clusters_, n_samples, cluster, rng)
        noise = torch.from_numpy(self._draw_noise(rng, n_samples)).float()
        with torch.no_grad():
            z = self.model_.latent(
                noise.to(self.device_), torch.from_numpy(labels).to(self.device_)
            )
        return self._decode(z.cpu().numpy()), labels


class Game(Objective):
    """Base of their objectives: `losses` is that of the generator."""

    betas = (0.5, 0.9)  # of Adam

    def __init__(self, model: nn.Module, factor: float = 1.0):
        super().__init__(model)
        self.factor = factor  # of the opponent's learning rate

    @property
    @abstractmethod
    def sides(self) -> tuple[list[nn.Module], list[nn.Module]]:
        """The modules of the opponent, and those of the generator."""

    @property
    def players(self) -> list[list[nn.Parameter]]:
        """Their weights."""
        return [
            [weights for module in side for weights in module.parameters()]
            for side in self.sides
        ]

    def parameter_groups(self):
        opponent, generator = self.players
        return [
            {"params": opponent, "betas": self.betas, "factor": self.factor},
            {"params": generator, "betas": self.betas},
        ]

    def make(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """As many rows, but at least two, for normalisation; and what they are made of.

        (n, n_features) -> (n, n_features), noise (n, n_noise), clusters (n,).
        """
        size = (max(2, len(like)),)
        noise = like.new_empty(*size, self.model.n_noise)
        self.draw(noise)
        clusters = torch.randint(
            self.model.n_clusters, size, generator=self.generator, device=like.device
        )
        return self.model.decode(self.model.latent(noise, clusters)), noise, clusters

    @abstractmethod
    def draw(self, noise: Tensor) -> None:
        """Fill the noise: (n, n_noise)."""
