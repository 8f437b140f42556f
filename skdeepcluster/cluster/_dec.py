"""Deep Embedded Clustering."""

from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from sklearn.frozen import FrozenEstimator

from skdeepcluster.cluster._shared._assignments import SoftAssignmentMixin
from skdeepcluster.cluster._shared._centroids import (
    CentroidClusterer,
    auto_interval,
)
from skdeepcluster.cluster._shared._objectives import CentroidObjective
from skdeepcluster.cluster._shared._pulls import TowardsTargets
from skdeepcluster.networks import CentroidModel
from skdeepcluster.representation import Autoencoder
from skdeepcluster.utils import Integers, Reals


class SelfTraining(CentroidObjective):
    """Pull the soft assignment of each row towards its own sharpened version."""

    def __init__(self, model, n_samples, tol, refresh_interval, balance):
        super().__init__(model, n_samples, tol, refresh_interval)
        self.pull = TowardsTargets(model, n_samples, balance)

    def follow(self, z, labels, moved):
        self.pull.renew(self.model, z, labels)

    def losses(self, batch):
        z = self.model.embed(batch.x)
        return {"clustering": self.pull(self.model, z, batch)}


class DECClustering(SoftAssignmentMixin, CentroidClusterer):
    r"""Deep Embedded Clustering: fine-tune an encoder towards confident clusters.

    An autoencoder embeds the rows, a first clustering places centroids in the
    embedding, and then encoder and centroids are trained together until the soft
    assignments agree with their own sharpened version. Use it where clusters are of
    roughly equal size and the input has structure that a network can find, such as
    pixels or many correlated columns. The targets pull towards clusters of equal size:
    on very unequal ones lower `balance`, or stay with :class:`Autoencoder` and a
    clusterer behind it. Columns in different units belong through a StandardScaler
    first.

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
    update_encoder : bool, default=True
        Whether the encoder is trained too. False moves only the centroids, which the
        paper calls DEC without back-propagation.
    alpha : float, default=1.0
        Degrees of freedom of Student's t-distribution in range (0, inf).
    balance : float, default=1.0
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
    optimizer : {"adam", "sgd"}, default="sgd"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.01
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
    IDECClustering : The same with a decoder that keeps the embedding honest.
    Autoencoder : The representation alone, to put any clusterer behind.
    sklearn.cluster.KMeans : The same idea without a network.

    Notes
    -----
    With the embedding :math:`z_i` and centroids :math:`\mu_j`, soft assignment, target
    and loss are

    .. math::

        q_{ij} &\propto
        (1 + \lVert z_i - \mu_j \rVert^2 / \alpha)^{-(\alpha + 1) / 2} \\
        p_{ij} &\propto q_{ij}^2 / \bigl( \textstyle\sum_{i'} q_{i'j} \bigr)^\beta \\
        L &= \frac{1}{n} \sum_i \sum_j p_{ij} \log (p_{ij} / q_{ij})

    where rows of :math:`q` and :math:`p` sum to one, :math:`\beta` is `balance` and the
    targets are computed from all rows every `update_interval` steps. The labels are the
    largest :math:`q_{ij}`.

    Departures from [1]_: the first clusters may be merged ones (`init`); the
    autoencoder is trained end to end; batches are shuffled; momentum is not reset when
    the targets are renewed; a centroid without rows is moved to the row farthest from
    all others, and dropped if it ends without rows.

    References
    ----------
    .. [1] J. Xie, R. Girshick, A. Farhadi (2016). Unsupervised deep embedding for
       clustering analysis. Proceedings of the 33rd International Conference on Machine
       Learning, PMLR 48, 478-487. https://proceedings.mlr.press/v48/xieb16.html
       doi:10.48550/arXiv.1511.06335

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import Autoencoder, DECClustering
    >>> X, _ = load_iris(return_X_y=True)
    >>> dec = DECClustering(3, autoencoder=Autoencoder(max_epochs=20), random_state=0)
    >>> labels = make_pipeline(StandardScaler(), dec).fit_predict(X)
    >>> labels.shape
    (150,)
    >>> dec.cluster_centers_.shape
    (3, 4)
    """

    _parameter_rules = {
        **CentroidClusterer._parameter_rules,
        "update_encoder": [True, False],
        "alpha": [Reals(0, closed="neither")],
        "balance": [Reals(0)],
        "update_interval": ["auto", Integers(1)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        autoencoder: Autoencoder | FrozenEstimator | None = None,
        update_encoder: bool = True,
        alpha: float = 1.0,
        balance: float = 1.0,
        update_interval: int | Literal["auto"] = "auto",
        tol: float = 1e-3,
        init: Literal["auto", "agglomerative", "kmeans"] = "auto",
        n_init: int = 20,
        n_runs: int = 1,
        optimizer: Literal["adam", "sgd"] = "sgd",
        learning_rate: float = 0.01,
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
        self.update_encoder = update_encoder
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
        centers, _ = self._first_centers(trainer, autoencoder, seed)
        return CentroidModel(autoencoder.encoder, centers, self.alpha)

    def _objective(self, trainer, model):
        model.encoder.requires_grad_(self.update_encoder)
        interval = auto_interval(self.update_interval, trainer)
        return SelfTraining(model, trainer.n_samples, self.tol, interval, self.balance)
