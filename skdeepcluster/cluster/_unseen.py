"""UNSEEN: an unknown number of clusters, of which those that shrink die."""

from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from sklearn.frozen import FrozenEstimator

from skdeepcluster.base import DecoderMixin
from skdeepcluster.cluster._dcn import KMeansFriendly
from skdeepcluster.cluster._shared._centroids import CentroidClusterer
from skdeepcluster.losses import neighbor_distance
from skdeepcluster.networks import CentroidModel
from skdeepcluster.representation import Autoencoder
from skdeepcluster.utils import Integers, Reals

_MOST, _ROWS = 35, 10  # clusters to begin with, and rows for each of them


class _DyingClusters(KMeansFriendly):
    """The loss of DCN; neighbours attract each other, and clusters that shrink die."""

    has_fixed_shapes = False

    def __init__(self, *args, neighbor_weight, least_share, due_sizes):
        super().__init__(*args)
        self.neighbor_weight, self.least_share = neighbor_weight, least_share
        self.register_buffer("due_sizes", due_sizes)

    def losses(self, batch):
        z = self.model.embed(batch.x)
        n_neighbors = max(1, len(z) // self.model.n_clusters)
        weight = self.clustering_weight * self.neighbor_weight
        closeness = weight * neighbor_distance(z, n_neighbors)
        return {**self.of_embedding(z, batch), "neighbors": closeness}

    def refresh(self, trainer):
        """Drop clusters that lost too many rows; what depends on that follows."""
        z, labels = self.label_living(trainer)
        self.pull.renew(self.model, z, labels)
        self.settle(labels)
        return False  # clusters may shrink for long before they die

    def label_living(self, trainer):
        """Label all rows; drop clusters that lost too many, the worst first.

        Returns passes over the embedding and labels (n_samples,).
        """
        model = self.model
        z = trainer.passes(model.embed, model.centers.shape[1])
        labels = z.apply(model.nearest)
        while model.n_clusters > 1:
            sizes = torch.bincount(labels, minlength=model.n_clusters)
            # Without rows a cluster dies whatever it is due.
            share = (sizes / self.due_sizes).nan_to_num(0.0).where(sizes > 0, -1.0)
            worst = int(share.argmin())
            if share[worst] >= self.least_share:
                break
            orphans, due = labels == worst, self.due_sizes[worst]
            self._keep(torch.arange(model.n_clusters).to(labels) != worst)
            labels = z.apply(model.nearest)
            heirs = torch.bincount(labels[orphans], minlength=model.n_clusters)
            self.due_sizes += due * heirs / max(1, int(heirs.sum()))
        return z, labels

    def _keep(self, living):
        self.model.keep(living.nonzero().flatten())
        self.model.centers.requires_grad_(False)
        self.means.keep(living)
        self.due_sizes = self.due_sizes[living]

    def load_state_dict(self, state_dict, *args, **kwargs):
        """As it was when some of the clusters had died already.

        Which of them live does not matter here: the values follow.
        """
        n_living = len(state_dict["due_sizes"])
        self._keep(torch.arange(len(self.due_sizes)).to(self.labels) < n_living)
        return super().load_state_dict(state_dict, *args, **kwargs)

    def metrics(self):
        """Also how many clusters there are."""
        return {**super().metrics(), "n_clusters": self.model.n_clusters}


class UNSEENClustering(DecoderMixin, CentroidClusterer):
    r"""UNSEEN: deep clustering that finds out how many clusters there are.

    It begins with more clusters than are expected, in the space of an autoencoder, and
    trains as :class:`DCNClustering` does, while rows are also drawn to those nearest to
    them. Clusters that share a dense region lose their rows to each other: one that has
    lost half of what is due to it is dissolved. What remains at the end are the
    clusters. It assumes that clusters are dense regions of the embedding with fewer
    rows between them. With a known number of clusters prefer :class:`DCNClustering`;
    :func:`~skdeepcluster.model_selection.select_n_clusters` answers the same question
    by stability, for any clusterer, at the cost of many fits. Columns in different
    units belong through a StandardScaler first.

    Parameters
    ----------
    max_clusters : int or "auto", default="auto"
        Number of clusters to begin with, in range [1, inf); of fewer rows as many as
        there are. ``"auto"`` is 35, of fewer than 350 rows a tenth of them, but at
        least 2. A warm start begins with the clusters of the fit before.
    autoencoder : Autoencoder, FrozenEstimator or None, default=None
        The representation to start from. It is cloned and fitted first, with a seed
        derived from `random_state` where its own is None. None is ``Autoencoder()``
        with its defaults. A fitted one within a
        :class:`sklearn.frozen.FrozenEstimator` is not fitted again; a copy of its
        network is fine-tuned and the original stays as it is. Where it is fitted
        here, `device` and `checkpoint` are those of this estimator.
    clustering_weight : float, default=0.3
        Weight of the clustering term beside the reconstruction error, in range
        [0, inf).
    neighbor_weight : float, default=1.0
        Weight of the distances between neighbours within the clustering term, in range
        [0, inf). The more, the fewer clusters; 0 leaves DCN with clusters that may die.
    least_share : float, default=0.5
        Of the rows that are due to a cluster, below which it dies, in range [0, 1]. At
        0 only clusters without rows die.
    n_init : int, default=20
        Number of k-means runs of which the best gives the first centroids, in range
        [1, inf).
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.001
        Step size, in range (0, inf).
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` spends a budget of optimiser
        steps: 200 epochs for small data, fewer the more rows there are. A number is
        obeyed exactly.
    batch_size : int or "auto", default="auto"
        Rows per optimiser step in range [1, inf). ``"auto"`` is 256, for small data an
        eighth of the rows but at least 16.
    memory : str, joblib.Memory or None, default=None
        Where to keep what is fitted first: fits that differ only in what comes after
        pre-training pre-train once. Needs an integer `random_state`, here or there.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the training steps. ``"auto"`` is bfloat16 where the hardware multiplies it
        natively and the layers are wide enough to gain, else float32. Everything after
        training is float32.
    device : str or torch.device, default="auto"
        Where to compute. ``"auto"`` is a CUDA device if there is one, else the CPU.
    checkpoint : str or path-like, default=None
        Folder in which a fit leaves its progress, in a subfolder of its own, so that
        the same fit started again goes on where it was interrupted. The subfolder is
        removed when the fit ends. Needs an integer `random_state`.
    random_state : int, RandomState instance or None, default=None
        Source of all randomness. With an integer, fits are repeatable on one machine
        with one set of versions and one number of threads.
    verbose : int, default=0
        0 is silent, 1 shows one progress bar per stage (where tqdm is installed and on
        a terminal), 2 logs one line per epoch to the logger ``"skdeepcluster"``.
    warm_start : bool, default=False
        Whether a fit goes on from the model of the fit before, on rows that may be
        others but have the same columns. Scaling and shape of the model stay, clusters
        keep their numbers, and a fit that fails leaves everything as it was.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int64
        Cluster of each training row, the same as ``predict`` gives.
    cluster_centers_ : ndarray of shape (n_clusters_, n_components_)
        Centroids in the embedding space.
    cluster_means_ : ndarray of shape (n_clusters_, n_features_in_)
        Mean of the training rows of each cluster, in the units of `X`.
    n_clusters_ : int
        Number of clusters that were found; all of them have rows.
    inertia_ : float
        Sum of squared distances of the embedded training rows to their centroid.
    init_labels_ : ndarray of shape (n_samples,), int64
        Labels of k-means in the autoencoder's space, before the clustering stage.
    autoencoder_ : Autoencoder
        The fitted representation from which the clustering stage started.
    model_ : torch.nn.Module
        The trained network with its centroids, with ``embed`` and ``assign``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs of the clustering stage.
    history_ : list of dict
        One record per epoch and stage: stage, epoch, loss and its terms, learning rate
        and seconds; in the clustering stage also the share of labels that changed, the
        size of the smallest cluster and the number of clusters.
        ``pandas.DataFrame(history_)`` makes it a table.
    image_shape_ : tuple of int or None
        Shape of one row where `X` had more than two dimensions.
    center_ : ndarray of shape (n_features_in_,)
        Mean of each feature, subtracted before everything else.
    scale_ : float
        The one number that all features are divided by: the root of the mean variance
        of the features.
    device_ : str
        Device on which `model_` is.
    n_features_in_ : int
        Number of features (of an image: of all its pixels and channels).
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` had string names for all of them.

    Raises
    ------
    ValueError
        From ``fit``, when a parameter or `X` is refused or the loss is not finite.
    MemoryError
        From ``fit``, when the device runs out of memory.

    See Also
    --------
    DCNClustering : The same loss with a given number of clusters.
    skdeepcluster.model_selection.select_n_clusters : The number by stability.
    sklearn.mixture.BayesianGaussianMixture : Components that may die, in the input.
    sklearn.cluster.HDBSCAN : Any number of dense clusters, and rows of none.

    Notes
    -----
    With the embedding :math:`z_i`, the centroid :math:`\mu_{s_i}` of the row's
    cluster, :math:`d` features, the decoder :math:`g` and the :math:`\lfloor B / k
    \rfloor` rows :math:`N_i` of the batch of :math:`B` rows that lie nearest to
    :math:`z_i`, while there are :math:`k` clusters, the loss is, as a mean over rows,

    .. math::

        L = \frac{1}{d} \lVert x_i - g(z_i) \rVert^2
        + w \left( \lVert z_i - \mu_{s_i} \rVert^2
        + \frac{v}{|N_i|} \sum_{j \in N_i} \lVert z_i - z_j \rVert^2 \right).

    Labels and centroids follow after each step as in DCN. After each epoch all rows are
    labelled. What is due to a cluster is its first number of rows; if it has less than
    `least_share` of it, its centroid is dropped, the worst first, and what was due to
    it is due to the clusters that get its rows, in proportion.

    Departures from [1]_, where this is added to DEC, DCN or DKM: here to DCN only, as
    DEC's targets, which ask for equal sizes, keep clusters from dying. The error is a
    mean over features, and `clustering_weight` another one than that of
    :class:`DCNClustering`; ``"auto"`` starts from fewer clusters where rows are few.

    References
    ----------
    .. [1] C. Leiber, N. Strauß, M. Schubert, T. Seidl (2024). Dying clusters is all you
       need: deep clustering with an unknown number of clusters. IEEE International
       Conference on Data Mining Workshops. doi:10.48550/arXiv.2410.09491

    Examples
    --------
    >>> from sklearn.datasets import make_blobs
    >>> from skdeepcluster import Autoencoder, UNSEENClustering
    >>> X, _ = make_blobs(300, n_features=8, centers=4, random_state=0)
    >>> unseen = UNSEENClustering(
    ...     autoencoder=Autoencoder(max_epochs=20), max_epochs=30, random_state=0
    ... )
    >>> unseen.fit(X).n_clusters_
    4
    """

    n_runs, init = 1, "kmeans"
    _parameter_rules = {
        **{
            name: rule
            for name, rule in CentroidClusterer._parameter_rules.items()
            if name not in ("n_clusters", "n_runs", "distributed", "init", "tol")
        },
        "max_clusters": ["auto", Integers(1)],
        "clustering_weight": [Reals(0)],
        "neighbor_weight": [Reals(0)],
        "least_share": [Reals(0, 1)],
    }

    def __init__(
        self,
        max_clusters: int | Literal["auto"] = "auto",
        *,
        autoencoder: Autoencoder | FrozenEstimator | None = None,
        clustering_weight: float = 0.3,
        neighbor_weight: float = 1.0,
        least_share: float = 0.5,
        n_init: int = 20,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 1e-3,
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        memory: str | Memory | None = None,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        device: str | torch.device = "auto",
        checkpoint: str | PathLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ):
        self.max_clusters = max_clusters
        self.autoencoder = autoencoder
        self.clustering_weight = clustering_weight
        self.neighbor_weight = neighbor_weight
        self.least_share = least_share
        self.n_init = n_init
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.memory = memory
        self.precision = precision
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _check_n_clusters(self, n_total, start):
        """Any number of rows is enough: there are at most as many clusters."""

    def _first_n_clusters(self, n_total):
        if self.max_clusters != "auto":
            return min(self.max_clusters, n_total)
        return min(_MOST, max(2, n_total // _ROWS), n_total)

    def _first_model(self, trainer, autoencoder, seed):
        centers, _ = self._first_centers(trainer, autoencoder, seed)
        return CentroidModel(autoencoder.encoder, centers, decoder=autoencoder.decoder)

    def _objective(self, trainer, model):
        labels = trainer.apply(model.label)
        return _DyingClusters(
            model,
            trainer.n_samples,
            0.0,
            trainer.steps_per_epoch,
            self.clustering_weight,
            neighbor_weight=self.neighbor_weight,
            least_share=self.least_share,
            due_sizes=torch.bincount(labels, minlength=model.n_clusters).float(),
        )

    def _finish(self, trainer, objective):
        objective.label_living(trainer)  # after the last epoch, as after the others
