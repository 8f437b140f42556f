"""Improved Deep Embedded Clustering."""

from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from sklearn.frozen import FrozenEstimator

from skdeepcluster.base import DecoderMixin
from skdeepcluster.cluster._dec import SelfTraining
from skdeepcluster.cluster._shared._assignments import SoftAssignmentMixin
from skdeepcluster.cluster._shared._centroids import (
    CentroidClusterer,
    auto_interval,
    auto_weight,
)
from skdeepcluster.losses import mean_squared_error
from skdeepcluster.networks import CentroidModel
from skdeepcluster.representation import Autoencoder
from skdeepcluster.utils import Integers, Reals


class _JointSelfTraining(SelfTraining):
    """Self-training that must still be able to rebuild the rows."""

    def __init__(self, *args, clustering_weight):
        super().__init__(*args)
        self.clustering_weight = clustering_weight

    def losses(self, batch):
        z = self.model.embed(batch.x)
        kl = self.pull(self.model, z, batch)
        return {
            "reconstruction": mean_squared_error(self.model.decode(z), batch.x),
            "clustering": self.clustering_weight * kl,
        }


class IDECClustering(SoftAssignmentMixin, DecoderMixin, CentroidClusterer):
    r"""Improved Deep Embedded Clustering: DEC that must still rebuild the rows.

    Like :class:`DECClustering`, but the decoder stays and its reconstruction error is
    part of the loss, so that the embedding cannot forget what the rows look like. Use
    it like DEC, and rather than DEC where an embedding that can be decoded matters.
    It shares DEC's pull towards clusters of equal size. Columns in different units
    belong through a StandardScaler first.

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
    clustering_weight : float or "auto", default="auto"
        Weight of the clustering term beside the reconstruction error, in range
        [0, inf). ``"auto"`` is 78.4 divided by the number of features, but at most 1.
    alpha : float, default=1.0
        Degrees of freedom of Student's t-distribution in range (0, inf).
    balance : float, default=0.25
        Exponent of the soft frequencies that the targets are divided by, in range
        [0, inf). At 1, as published, the targets pull strongly towards clusters of
        equal size; at 0 not at all.
    update_interval : int or "auto", default="auto"
        Optimiser steps between two renewals of the targets, in range [1, inf).
        ``"auto"`` is half an epoch but at least 20 steps.
    tol : float, default=0.001
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
    DECClustering : The same without reconstruction.
    Autoencoder : The representation alone, to put any clusterer behind.

    Notes
    -----
    With :math:`q` and :math:`p` as in :class:`DECClustering`, :math:`d` features and
    the decoder :math:`g` the loss is, as a mean over rows,

    .. math::

        L = \frac{1}{d} \lVert x_i - g(z_i) \rVert^2
        + \gamma \textstyle\sum_j p_{ij} \log (p_{ij} / q_{ij}).

    Departures from [1]_: rows are scaled to a mean variance of one, so that the
    reconstruction error is a share of the variance; the paper's :math:`\gamma`,
    `clustering_weight`, is 0.1 for all data, while ``"auto"`` is that at the 784
    features of MNIST and keeps the balance with the error of a whole row elsewhere;
    `balance` is 1/4 and not 1, which keeps more of small clusters beside large ones;
    the first clusters may be merged ones (`init`); the autoencoder is trained end to
    end; batches are shuffled; a centroid without rows is moved to the row farthest from
    all others, and dropped if it ends without rows.

    References
    ----------
    .. [1] X. Guo, L. Gao, X. Liu, J. Yin (2017). Improved deep embedded clustering with
       local structure preservation. Proceedings of the 26th International Joint
       Conference on Artificial Intelligence, 1753-1759. doi:10.24963/ijcai.2017/243

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import Autoencoder, IDECClustering
    >>> X, _ = load_iris(return_X_y=True)
    >>> idec = IDECClustering(3, autoencoder=Autoencoder(max_epochs=20), random_state=0)
    >>> labels = make_pipeline(StandardScaler(), idec).fit_predict(X)
    >>> idec.inverse_transform(idec.cluster_centers_).shape
    (3, 4)
    """

    _parameter_rules = {
        **CentroidClusterer._parameter_rules,
        "clustering_weight": ["auto", Reals(0)],
        "alpha": [Reals(0, closed="neither")],
        "balance": [Reals(0)],
        "update_interval": ["auto", Integers(1)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        autoencoder: Autoencoder | FrozenEstimator | None = None,
        clustering_weight: float | Literal["auto"] = "auto",
        alpha: float = 1.0,
        balance: float = 0.25,
        update_interval: int | Literal["auto"] = "auto",
        tol: float = 1e-3,
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
        self.alpha = alpha
        self.balance = balance
        self.update_interval = update_interval
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
        return CentroidModel(encoder, centers, self.alpha, decoder)

    def _objective(self, trainer, model):
        return _JointSelfTraining(
            model,
            trainer.n_samples,
            self.tol,
            auto_interval(self.update_interval, trainer),
            self.balance,
            clustering_weight=auto_weight(self.clustering_weight, self.n_features_in_),
        )
