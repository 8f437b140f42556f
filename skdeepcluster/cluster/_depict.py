"""Deep Embedded Regularized Clustering."""

from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from sklearn.frozen import FrozenEstimator

from skdeepcluster.base import DecoderMixin
from skdeepcluster.cluster._shared._assignments import LogOddsMixin, SoftAssignmentMixin
from skdeepcluster.cluster._shared._centroids import (
    FirstClustersClusterer,
    auto_interval,
)
from skdeepcluster.cluster._shared._objectives import LabelledObjective
from skdeepcluster.cluster._shared._targets import make_targets
from skdeepcluster.initialization import mean_square
from skdeepcluster.losses import mean_squared_error, soft_cross_entropy
from skdeepcluster.networks import AutoencoderHeadModel, ClusterHeads
from skdeepcluster.representation import Autoencoder, dropped
from skdeepcluster.utils import Integers, Reals

_LEARNT = 0.95  # share of the first labels that the head is to give
_MOST_LOOKS = 20  # at all rows, after which it has learnt enough of them


class NoisySelfTraining(LabelledObjective):
    """Foretell from a noisy row the target of the clean one, and rebuild its layers.

    Until the head gives most rows their first label, that is the target.
    """

    def __init__(
        self,
        model,
        first_labels,
        tol,
        refresh_interval,
        balance,
        *,
        dropout,
        clustering_weight,
        layer_weight,
    ):
        super().__init__(model, len(first_labels), tol, refresh_interval)
        self.targets = make_targets(model, len(first_labels), balance)
        self.register_buffer("first_labels", first_labels)
        self.register_buffer("is_learning", torch.tensor(True))
        self.register_buffer("looks", torch.tensor(0))
        self.dropout, self.layer_weight = dropout, layer_weight
        self.clustering_weight = clustering_weight

    @torch.no_grad()
    def refresh(self, trainer):
        z = trainer.passes(self.model.embed, self.model.heads.n_inputs)
        self.targets.renew(self.model, z)
        labels = z.apply(lambda part: self.model.log_q(part).argmax(dim=1))
        is_known = labels == self.first_labels
        counts = self.group.sum(torch.bincount(is_known.long(), minlength=2))
        self.looks += 1
        knows_few = counts[1] < _LEARNT * counts.sum()
        self.is_learning &= knows_few & (self.looks < _MOST_LOOKS)
        return self.settle(labels) and not bool(self.is_learning)

    def losses(self, batch):
        encoder, decoder = self.model.encoder, self.model.decoder
        z = encoder.activations(self._noisy(batch.x), self._noisy)[-1]
        *hidden, x_hat = decoder.activations(z)
        error = soft_cross_entropy(self.model.heads(z)[0], self._targets(batch))
        terms = {
            "reconstruction": mean_squared_error(x_hat, batch.x),
            "clustering": self.clustering_weight * error,
        }
        if hidden:
            with torch.no_grad():  # targets: else they could shrink to be rebuilt
                *clean, _ = encoder.activations(batch.x)
            layers = zip(hidden[::-1], clean, strict=True)
            errors = [mean_squared_error(h_hat, h.float()) for h_hat, h in layers]
            terms["layers"] = self.layer_weight * torch.stack(errors).sum()
        return terms

    def _targets(self, batch):
        p, first = self.targets.of(batch), self.first_labels[batch.index]
        labels = torch.arange(p.shape[1], device=p.device)
        is_first = (first.unsqueeze(1) == labels).to(p)
        return torch.where(self.is_learning, is_first, p)

    def _noisy(self, x):
        return dropped(x, self.dropout, self.generator) / (1 - self.dropout)


class DEPICTClustering(
    LogOddsMixin, SoftAssignmentMixin, DecoderMixin, FirstClustersClusterer
):
    r"""DEPICT: a head on a denoising autoencoder foretells its own balanced targets.

    An autoencoder embeds the rows, and clusters that merge in the embedding, or those
    of k-means, are learnt by a layer on it with a softmax. All is trained together:
    what the head says of a noisy row is to be the sharpened target that it has for the
    clean one, and the noisy row must be rebuilt, with the hidden layers on the way. Use
    it where clusters are of roughly equal size: the targets pull towards that, and to
    lower `balance` helps only in part. Unlike :class:`DECClustering` it has no
    centroids, and borders between clusters are planes in the embedding. Columns in
    different units belong through a StandardScaler first.

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
    clustering_weight : float, default=1.0
        Weight of the cross-entropy beside the reconstruction error, in range [0, inf).
    layer_weight : float, default=0.1
        Weight of the reconstruction error of each hidden layer, in range [0, inf).
    dropout : float, default=0.1
        Share of the numbers of a row and of each hidden layer that are set to zero at
        random before the next layer sees them, in range [0, 1).
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
    cluster_means_ : ndarray of shape (n_clusters_, n_features_in_)
        Mean of the training rows of each cluster, in the units of `X`.
    n_clusters_ : int
        Number of clusters that have training rows; below `n_clusters` only after a
        ConvergenceWarning.
    init_labels_ : ndarray of shape (n_samples,), int64
        Labels of `init` in the autoencoder's space, before the clustering stage.
    autoencoder_ : Autoencoder
        The fitted representation from which the clustering stage started.
    model_ : torch.nn.Module
        The trained network with its head, with ``embed`` and ``assign``.
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
    DECClustering : Centroids in the place of a head, no noise and no decoder.
    IDECClustering : Centroids in the place of a head, and no noise.
    Autoencoder : The representation alone, to put any clusterer behind.

    Notes
    -----
    Let :math:`h_i^l` be the hidden layers of the encoder, behind their ReLU, for the
    row as it is, and :math:`\tilde z_i` the embedding of the noisy row. The decoder
    makes :math:`\hat x_i` of it, and :math:`\hat h_i^l` in the layers of the same
    widths. With the softmax of the head, :math:`q_{ij} = q_j(z_i)`,

    .. math::

        p_{ij} &\propto q_{ij}^2 / \bigl( \textstyle\sum_{i'} q_{i'j} \bigr)^\beta \\
        L &= \frac{1}{d} \lVert x_i - \hat x_i \rVert^2
        - w \textstyle\sum_j p_{ij} \log q_j(\tilde z_i)
        + v \sum_l \frac{1}{d_l} \lVert h_i^l - \hat h_i^l \rVert^2

    as a mean over rows, where :math:`w` is `clustering_weight`, :math:`v` is
    `layer_weight`, :math:`\beta` is `balance` and the rows of :math:`p` sum to one. The
    targets :math:`p` come from clean rows, all of them, every `update_interval` steps;
    neither they nor :math:`h_i^l` have a gradient. Noise is dropout of the row and of
    each hidden layer of the encoder; what is left is divided by one minus `dropout`.

    The head begins as
    :math:`q_{ij} \propto \exp(- \lVert z_i - \mu_j \rVert^2 / s)` with the means
    :math:`\mu_j` of the first clusters and the mean squared distance to the nearest of
    them, :math:`s`. With k-means it so gives the first labels. Those of merged clusters
    are the targets until the head gives them to 95 of 100 rows, or has been looked at
    20 times.

    Networks are those of :class:`Autoencoder`, fully connected or convolutional. Of a
    network of your own only input and output are known: the noise is then that of the
    rows, and there is no error of hidden layers.

    Departures from [1]_: the targets are those of its authors' code, which at
    :math:`\beta = 1` are the squares of the printed ones; the autoencoder is trained
    before, by the error of the rows alone, and without noise unless its `corruption`
    says so; the head starts at the means of the first clusters, which merge along the
    graph of :class:`JULEClustering`; the networks, and an embedding without tanh;
    targets are renewed every half epoch and training stops when labels stay, where the
    paper looks at changes of the targets; the learning rate is ten times larger for
    fewer steps. Clusters without rows are dropped at the end.

    References
    ----------
    .. [1] K. Ghasedi Dizaji, A. Herandi, C. Deng, W. Cai, H. Huang (2017). Deep
       clustering via joint convolutional autoencoder embedding and relative entropy
       minimization. Proceedings of the IEEE International Conference on Computer Vision
       (ICCV). doi:10.48550/arXiv.1704.06327

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import Autoencoder, DEPICTClustering
    >>> X, _ = load_iris(return_X_y=True)
    >>> autoencoder = Autoencoder(max_epochs=20)
    >>> depict = DEPICTClustering(3, autoencoder=autoencoder, random_state=0)
    >>> labels = make_pipeline(StandardScaler(), depict).fit_predict(X)
    >>> depict.predict_proba(StandardScaler().fit_transform(X)).shape
    (150, 3)
    """

    _parameter_rules = {
        **FirstClustersClusterer._parameter_rules,
        "clustering_weight": [Reals(0)],
        "layer_weight": [Reals(0)],
        "dropout": [Reals(0, 1, closed="left")],
        "balance": [Reals(0)],
        "update_interval": ["auto", Integers(1)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        autoencoder: Autoencoder | FrozenEstimator | None = None,
        clustering_weight: float = 1.0,
        layer_weight: float = 0.1,
        dropout: float = 0.1,
        balance: float = 1.0,
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
        self.layer_weight = layer_weight
        self.dropout = dropout
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

    @torch.no_grad()
    def _first_model(self, trainer, autoencoder, seed):
        """A head whose softmax is that of squared distances to the centroids.

        For one row they are a linear map of it but for a number that all share.
        """
        centers, z = self._first_centers(trainer, autoencoder, seed)
        n_clusters, size = centers.shape
        sharpness = 2 / mean_square(z, centers)
        heads = ClusterHeads(size, n_clusters, n_heads=1).to(trainer.device)
        heads.weight[0].copy_(sharpness * centers.T)
        heads.bias[0, 0].copy_(-0.5 * sharpness * centers.square().sum(dim=1))
        return AutoencoderHeadModel(autoencoder.encoder, autoencoder.decoder, heads)

    def _objective(self, trainer, model):
        return NoisySelfTraining(
            model,
            torch.from_numpy(self.init_labels_).to(trainer.device),
            self.tol,
            auto_interval(self.update_interval, trainer),
            self.balance,
            dropout=self.dropout,
            clustering_weight=self.clustering_weight,
            layer_weight=self.layer_weight,
        )
