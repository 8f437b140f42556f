"""Clusterers that learn from random views: with heads, or with k-means at the end."""

import copy

from skdeepcluster.cluster._base import DeepClusterer
from skdeepcluster.cluster._centroids import CentersMixin
from skdeepcluster.cluster._heads import HeadClusterer
from skdeepcluster.engine import derive_seed
from skdeepcluster.initialization import kmeans_centers, label_means
from skdeepcluster.networks import CentroidModel
from skdeepcluster.representation import FromViews
from skdeepcluster.utils import Integers


class ViewHeadClusterer(FromViews, HeadClusterer):
    """Base of those whose model is a HeadModel."""

    _stage = "clustering"

    _parameter_rules = {
        **HeadClusterer._parameter_rules,
        **FromViews._parameter_rules,
    }

    def _fit(self, X, seed, checkpoint, start):
        super()._fit(X, seed, checkpoint, start)
        self._label_rows(X)


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
        trainer = self._train_on_views(X, seed, checkpoint, encoder)
        centers = None if start is None else start.centers
        if start is None or self.n_iter_:  # else the space is as it was
            self._finish(trainer)
            z = trainer.passes(self.model_, self.n_components_)
            if start is not None:  # where its clusters are now
                known = copy.deepcopy(start).to(trainer.device)
                centers = label_means(z, trainer.apply(known.label), known.centers)
            centers, _ = kmeans_centers(
                z,
                self.n_clusters,
                self.n_init,
                derive_seed(seed, "centers"),
                start=centers,
            )
        self.model_ = CentroidModel(self.model_, centers).eval()
        self._label_rows(X)

    def _finish(self, trainer):
        """What is left to do on `model_` between training and k-means."""
