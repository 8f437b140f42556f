"""What clusterers share that have centroids in the embedding."""

import copy

import numpy as np
import torch
from torch import Tensor, nn

from skdeepcluster.cluster._shared._agglomeration import (
    MOST_ROWS,
    Agglomeration,
    Digest,
)
from skdeepcluster.cluster._shared._assignments import LogOddsMixin
from skdeepcluster.cluster._shared._from_autoencoder import AutoencoderClusterer
from skdeepcluster.engine import Passes, Trainer, apply_in_batches, derive_seed
from skdeepcluster.initialization import (
    clusters_of_sample,
    kmeans_centers,
    label_means,
)
from skdeepcluster.networks import nearest
from skdeepcluster.utils import Integers, MatrixLike, Reals


class CentersMixin(LogOddsMixin):
    """For clusterers with one centroid per cluster in the embedding space."""

    n_init: int

    def center_distances(
        self, X: MatrixLike, out: np.ndarray | None = None
    ) -> np.ndarray:
        """Distance of each row of `X` to each centroid, in the embedding space.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        out : ndarray of shape (n_samples, n_clusters_), default=None
            Where to write the result, for example a :class:`numpy.memmap` for more
            rows than memory holds. None makes a new array.

        Returns
        -------
        distances : ndarray of shape (n_samples, n_clusters_), float32
            Euclidean distances; what ``KMeans.transform`` gives in the input space.
        """
        return self._apply(X, "distances", out)

    def _centers_at_last(
        self, trainer: Trainer, model: nn.Module, seed: int, start: nn.Module | None
    ) -> Tensor:
        """Centroids by k-means in what `model` makes of the rows; after a warm start
        from where the clusters of the model before are now.
        """
        z, centers = trainer.passes(model, self.n_components_), None
        if start is not None:
            known = copy.deepcopy(start).to(trainer.device)
            centers = label_means(z, trainer.apply(known.label), known.centers)
        centers, _ = kmeans_centers(
            z,
            self.n_clusters,
            self.n_init,
            derive_seed(seed, "centers"),
            start=centers,
        )
        return centers

    def _label_rows(self, X):
        super()._label_rows(X)
        self.cluster_centers_ = self.model_.centers.detach().cpu().numpy()
        labels = torch.from_numpy(self.labels_).to(self.device_)
        squares = apply_in_batches(self._rows(X), self._own_squares, labels)
        inertia = self._group.sum(squares.sum(dtype=torch.float64))
        self.inertia_ = float(inertia)

    def _own_squares(self, x, labels):
        offsets = self.model_.embed(x) - self.model_.centers[labels]
        return offsets.square().sum(dim=1)


class FirstClustersClusterer(AutoencoderClusterer):
    """Base of those that start from clusters in the space of an autoencoder."""

    _parameter_rules = {
        **AutoencoderClusterer._parameter_rules,
        "init": ["auto", "agglomerative", "kmeans"],
        "n_init": [Integers(1)],
        "tol": [Reals(0, 1)],
    }

    def _first_centers(
        self, trainer: Trainer, autoencoder: nn.Module, seed: int
    ) -> tuple[Tensor, Passes]:
        """Means of the first clusters, and the embedding; sets `init_labels_`."""
        n_clusters = self._first_n_clusters(trainer.n_total)
        z = trainer.passes(autoencoder.encoder, self.n_components_)
        seed = derive_seed(seed, "centers")
        centers, labels = kmeans_centers(z, n_clusters, self.n_init, seed)
        if self.init != "kmeans":
            few = z.sample(MOST_ROWS, seed)
            keys = trainer.sample(Digest(), MOST_ROWS, seed)  # of the same rows
            by_means = nearest(few, centers)
            merged = self._merged(*(t.cpu().numpy() for t in (keys, few, by_means)))
            merged = trainer.group.first(merged)
            if merged is not None:
                known = torch.from_numpy(merged)
                centers, labels = clusters_of_sample(z, few, known)
        self.init_labels_ = labels.cpu().numpy()
        return centers, z

    def _merged(self, keys, points, labels):
        """Labels of merged clusters; None where others are to be taken.

        (n, 2), the embedding (n, d) and the labels of k-means (n,) -> (n,) or None.
        """
        agglomeration = Agglomeration(keys, self.n_clusters)
        if agglomeration.n_distinct <= self.n_clusters:
            return None
        graph = agglomeration.graph(points)
        merged = agglomeration.best_labels(points, graph)
        if self.init == "auto" and not agglomeration.fits_better(graph, merged, labels):
            return None
        return merged

    def _first_n_clusters(self, n_total: int) -> int:
        """Number of the first clusters."""
        return self.n_clusters


class CentroidClusterer(CentersMixin, FirstClustersClusterer):
    """Base of those that go on with the means of the first clusters as centroids."""

    def _renew(self, model):
        if "alpha" in self._get_param_names():
            model.alpha = float(self.alpha)


def auto_interval(update_interval, trainer) -> int:
    """Steps between two targets; "auto" is half an epoch, at least 20 steps."""
    if update_interval != "auto":
        return int(update_interval)
    return max(20, trainer.steps_per_epoch // 2)


def auto_weight(clustering_weight, n_features: int) -> float:
    """The paper's 0.1 at the 784 features of MNIST, more where there are fewer.

    The divergence belongs to a row, and so does the sum of the squared errors of its
    features, of which the loss has the mean.
    """
    if clustering_weight != "auto":
        return clustering_weight
    return min(1.0, 0.1 * 784 / n_features)
