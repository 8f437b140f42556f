"""Deep Clustering Network."""

from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from sklearn.frozen import FrozenEstimator

from skdeepcluster.base import DecoderMixin
from skdeepcluster.cluster._shared._centroids import CentroidClusterer
from skdeepcluster.cluster._shared._objectives import CentroidObjective
from skdeepcluster.cluster._shared._pulls import RunningMeans, TowardsCenters
from skdeepcluster.losses import mean_squared_error
from skdeepcluster.networks import CentroidModel
from skdeepcluster.representation import Autoencoder
from skdeepcluster.utils import Reals


class KMeansFriendly(CentroidObjective):
    """Rebuild the rows from embeddings that lie close to their centroid."""

    def __init__(self, model, n_samples, tol, refresh_interval, clustering_weight):
        super().__init__(model, n_samples, tol, refresh_interval)
        self.clustering_weight = clustering_weight
        self.pull, self.means = TowardsCenters(n_samples), RunningMeans(model)

    def follow(self, z, labels, moved):
        self.pull.renew(self.model, z, labels)
        self.means.forget(moved)

    def losses(self, batch):
        return self.of_embedding(self.model.embed(batch.x), batch)

    def of_embedding(self, z, batch):
        """The terms of a batch that is embedded: (batch, n_components)."""
        distance = self.pull(self.model, z, batch)
        return {
            "reconstruction": mean_squared_error(self.model.decode(z), batch.x),
            "clustering": self.clustering_weight * distance,
        }

    @torch.no_grad()
    def after_step(self, batch):
        """New labels of the batch, then the centroids as running means."""
        z = self.embed_after_step(batch)
        labels = self.model.nearest(z)
        self.pull.relabel(batch.index, labels)
        self.means.move(self.model.centers, z, labels, self.group)


class DCNClustering(DecoderMixin, CentroidClusterer):
    r"""Deep Clustering Network: an embedding made for k-means, which rebuilds the rows.

    An autoencoder embeds the rows and a first clustering places centroids in the
    embedding. Then network, labels and centroids take turns: the network moves each row
    towards its centroid while it must still rebuild the row, labels follow the network,
    and each centroid is the running mean of its rows. It assumes what k-means assumes,
    but of the embedding: round clusters of similar width. Unlike :class:`DECClustering`
    it has no targets that ask for clusters of equal size, and its assignments are hard.
    Columns in different units belong through a StandardScaler first.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    autoencoder : Autoencoder, FrozenEstimator or None, default=None
        The representation to start from. It is cloned and fitted first, with a seed
        derived from `random_state` where its own is None. None is ``Autoencoder()``
        with its defaults. A fitted one within a
        :class:`sklearn.frozen.FrozenEstimator` is not fitted again; a copy of its
        network is fine-tuned and the original stays as it is. Where it is fitted
        here, `device` and `checkpoint` are those of this estimator.
    clustering_weight : float, default=0.05
        Weight of the clustering term beside the reconstruction error, in range
        [0, inf).
    tol : float, default=0.0001
        Stop when the share of rows whose label changed between two looks at all rows is
        below this, in range [0, 1].
    init : {"auto", "agglomerative", "kmeans"}, default="auto"
        The first clusters of the embedding: those of k-means, or clusters that merge
        two by two along its nearest neighbours, as in :class:`JULEClustering`; of more
        than 20,000 rows a sample merges, and each row goes with the nearest of these.
        ``"auto"`` makes both and takes the merged ones if they suit the graph of the
        neighbours better.
    n_init : int, default=20
        Number of k-means runs of which the best is taken, in range [1, inf).
    n_runs : int, default=1
        Number of fits, each with a seed of its own, of which the one is kept whose
        labels agree most with those of the others (mean adjusted Rand index), in range
        [1, inf). They train as one where that is faster: on a GPU, and many small
        networks on a CPU.
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
    distributed : bool, default=False
        Whether the processes that torchrun has started train one model together, each
        on the rows that it is given. `batch_size` is then that of all of them, and
        every process ends with the same model and its own `labels_`.
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
        Number of clusters that have training rows; below `n_clusters` only after a
        ConvergenceWarning.
    inertia_ : float
        Sum of squared distances of the embedded training rows to their centroid.
    init_labels_ : ndarray of shape (n_samples,), int64
        Labels of `init` in the autoencoder's space, before the clustering stage.
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
        and seconds; in the clustering stage also the share of labels that changed and
        the size of the smallest cluster. With `n_runs` above 1 each has the number of
        its run, and a last stage ``"runs"`` says for each run how many epochs it took,
        with which loss it ended, how well its labels agree with those of the others and
        whether it was kept. ``pandas.DataFrame(history_)`` makes it a table.
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
    IDECClustering : Soft assignments in the place of hard ones.
    Autoencoder : The representation alone, to put any clusterer behind.
    sklearn.cluster.KMeans : The same idea without a network.

    Notes
    -----
    With the embedding :math:`z_i`, the centroid :math:`\mu_{s_i}` of the row's cluster,
    :math:`d` features and the decoder :math:`g` the loss is, as a mean over rows,

    .. math::

        L = \frac{1}{d} \lVert x_i - g(z_i) \rVert^2
        + w \lVert z_i - \mu_{s_i} \rVert^2.

    After each optimiser step the rows of the batch are embedded anew. Each gets the
    label of its nearest centroid and moves that centroid by
    :math:`(z_i - \mu_j) / c_j`, where :math:`c_j` counts the rows that the centroid
    was given so far and starts at 100, which makes it the running mean of its rows.
    The paper's :math:`\lambda / 2` belongs to a
    reconstruction error that is summed over features: :math:`w = \lambda / (2 d)`.

    Departures from [1]_: the first clusters may be merged ones (`init`); all rows get
    their nearest centroid once an epoch, which decides when to stop; the autoencoder is
    trained end to end; a centroid without rows is moved to the row farthest from all
    others, and dropped if it ends without rows.

    References
    ----------
    .. [1] B. Yang, X. Fu, N. D. Sidiropoulos, M. Hong (2017). Towards K-means-friendly
       spaces: simultaneous deep learning and clustering. Proceedings of the 34th
       International Conference on Machine Learning, PMLR 70, 3861-3870.
       https://proceedings.mlr.press/v70/yang17b.html doi:10.48550/arXiv.1610.04794

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import Autoencoder, DCNClustering
    >>> X, _ = load_iris(return_X_y=True)
    >>> dcn = DCNClustering(3, autoencoder=Autoencoder(max_epochs=20), random_state=0)
    >>> labels = make_pipeline(StandardScaler(), dcn).fit_predict(X)
    >>> dcn.inverse_transform(dcn.cluster_centers_).shape
    (3, 4)
    """

    _parameter_rules = {
        **CentroidClusterer._parameter_rules,
        "clustering_weight": [Reals(0)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        autoencoder: Autoencoder | FrozenEstimator | None = None,
        clustering_weight: float = 0.05,
        tol: float = 1e-4,
        init: Literal["auto", "agglomerative", "kmeans"] = "auto",
        n_init: int = 20,
        n_runs: int = 1,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 1e-3,
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        memory: str | Memory | None = None,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        device: str | torch.device = "auto",
        distributed: bool = False,
        checkpoint: str | PathLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ):
        self.n_clusters = n_clusters
        self.autoencoder = autoencoder
        self.clustering_weight = clustering_weight
        self.tol = tol
        self.init = init
        self.n_init = n_init
        self.n_runs = n_runs
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.memory = memory
        self.precision = precision
        self.device = device
        self.distributed = distributed
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _first_model(self, trainer, autoencoder, seed):
        encoder, decoder = autoencoder.encoder, autoencoder.decoder
        centers, _ = self._first_centers(trainer, autoencoder, seed)
        return CentroidModel(encoder, centers, decoder=decoder)

    def _objective(self, trainer, model):
        return KMeansFriendly(
            model,
            trainer.n_samples,
            self.tol,
            trainer.steps_per_epoch,
            self.clustering_weight,
        )
