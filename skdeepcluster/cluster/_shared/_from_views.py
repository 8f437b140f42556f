"""Clusterers that learn from random views: with heads, or with k-means at the end."""

from abc import abstractmethod
from typing import Literal

from skdeepcluster.cluster._shared._base import DeepClusterer
from skdeepcluster.cluster._shared._centroids import CentersMixin
from skdeepcluster.cluster._shared._heads import EncoderHeadClusterer
from skdeepcluster.networks import (
    CentroidModel,
    ClusterHeads,
    HeadModel,
    PrototypeHeads,
)
from skdeepcluster.representation import FromViews
from skdeepcluster.utils import Integers

_OVERCLUSTERS = 5  # for each cluster
_ROWS_OF_DATA = 10  # for each of them, below which there are fewer of them
_ROWS_OF_BATCH = 5  # for each of them: what is said of them is said of a batch


class ViewHeadClusterer(FromViews, EncoderHeadClusterer):
    """Base of those whose model is a HeadModel."""

    _parameter_rules = {
        **EncoderHeadClusterer._parameter_rules,
        **FromViews._parameter_rules,
    }


class OverclusteringClusterer(ViewHeadClusterer):
    """Base of those with further heads of more clusters, which die with the stage."""

    n_overclusters: int | Literal["auto"]

    _parameter_rules = {
        **ViewHeadClusterer._parameter_rules,
        "n_overclusters": ["auto", Integers(0)],
    }

    def _auto_batch_size(self, n_samples):
        for_overclusters = _ROWS_OF_BATCH * self._n_overclusters(n_samples)
        wanted = max(super()._auto_batch_size(n_samples), for_overclusters)
        return min(wanted, max(n_samples, 1))

    def _n_overclusters(self, n_samples) -> int:
        """Clusters of the further heads; 0: there are none."""
        if self.n_overclusters != "auto":
            return self.n_overclusters
        number = min(_OVERCLUSTERS * self.n_clusters, n_samples // _ROWS_OF_DATA)
        return number if number > self.n_clusters else 0

    @abstractmethod
    def _make_heads(
        self, n_clusters: int, seed: int, name: str
    ) -> ClusterHeads | PrototypeHeads:
        """Heads on the encoder with their first weights."""

    def _first_model(self, n_features, seed):
        encoder, size = self._make_encoder(n_features, seed)
        self.n_components_ = size
        return HeadModel(encoder, self._make_heads(self.n_clusters, seed, "heads"))

    def _make_overclusters(self, trainer):
        """The further heads; None where there are none."""
        number = self._n_overclusters(trainer.n_total)
        return (
            self._make_heads(number, trainer.seed, "overclusters") if number else None
        )


class ViewCenterClusterer(FromViews, CentersMixin, DeepClusterer):
    """Base of those that run k-means in the embedding that they have learned.

    What a subclass trains is what embeds: (n, n_features) -> (n, n_components_).
    """

    _parameter_rules = {
        **DeepClusterer._parameter_rules,
        **FromViews._parameter_rules,
        "n_init": [Integers(1)],
    }

    def _fit(self, X, seed, checkpoint, start):
        encoder = None if start is None else start.encoder
        trainer = self._train(X, seed, checkpoint, encoder)
        if start is None or self.n_iter_:  # else the space is as it was
            centers = self._centers_at_last(trainer, self.model_, seed, start)
        else:
            centers = start.centers
        self.model_ = CentroidModel(self.model_, centers).eval()
        self._label_rows(X)
