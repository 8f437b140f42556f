"""Contrastive Clustering."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.cluster._shared._from_views import ViewHeadClusterer
from skdeepcluster.engine import generator
from skdeepcluster.losses import cluster_contrast, mean_entropy, nt_xent
from skdeepcluster.networks import MLP, ClusterHeads, HeadModel
from skdeepcluster.representation import ViewObjective
from skdeepcluster.utils import Integers, Reals


class _TwoContrasts(ViewObjective):
    """Views of a row agree, and so do views of a cluster."""

    def __init__(self, model, projector, views, temperatures, entropy_weight):
        super().__init__(model, views)
        self.projector = projector
        self.temperatures, self.entropy_weight = temperatures, entropy_weight

    def losses(self, batch):
        h = self.model.encoder(self.two_views(batch))
        z_a, z_b = self.projector(h).chunk(2)
        p_a, p_b = self.model.heads(h)[0].softmax(dim=1).chunk(2)
        of_rows, of_clusters = self.temperatures
        entropy = mean_entropy(p_a) + mean_entropy(p_b)
        return {
            "instances": nt_xent(z_a, z_b, of_rows),
            "clusters": cluster_contrast(p_a, p_b, of_clusters),
            "balance": -self.entropy_weight * entropy,
        }


class ContrastiveClustering(ViewHeadClusterer):
    r"""Contrastive Clustering: random views of a row, and of a cluster, stay together.

    An encoder learns to tell which views belong to the same row and, at the same time,
    clusters to be told apart by which views they hold. What the views change, the
    clusters cannot depend on, so that they decide what it finds: the ready ones suit
    photographs and digits. Those of tables say much less: there prefer
    :class:`DECClustering`, for embeddings :class:`SCANClustering`. It pulls towards
    clusters of equal size. Columns in different units belong through a StandardScaler
    first.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    network : {"auto", "convolutional", "mlp", "resnet18"} or callable, default="auto"
        The encoder. ``"auto"`` is ``"convolutional"`` for images and ``"mlp"`` for
        other rows. ``"mlp"`` has `hidden_layer_sizes`; ``"convolutional"`` is small:
        three convolutions of 32, 64 and 128 channels; ``"resnet18"`` is that of small
        images, for a GPU. A :class:`torch.nn.Module` of your own is copied; it is given
        images as (n, channels, height, width), other rows flat. A callable is given the
        shape of one row and returns such a module.
    hidden_layer_sizes : tuple of int or "auto", default="auto"
        Widths of the layers of ``"mlp"``, of which the last is the embedding.
        ``"auto"`` is (256, 256, 256).
    image_shape : tuple of int or None, default=None
        Channels, height and width of the images that flat rows hold. None: `X` has
        images as (n_samples, height, width) or with an axis for channels, or none.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of an image holds its channels. ``"auto"`` is the one with at most
        four entries, and first in flat rows.
    augmentation : str or callable, default="auto"
        How views are made, anew in every step. Of images: ``"strong"`` crops, turns
        and colours them, ``"weak"`` moves them a little. Of other rows:
        ``"corruption"`` gives three tenths of the features the values of other rows,
        ``"noise"`` adds a tenth of their standard deviation, ``"neighbors"`` moves a
        row up to half the way to one of its ten nearest neighbours. ``"auto"`` is
        ``"strong"`` for images, ``"neighbors"`` for rows of fewer than 10 features,
        else ``"corruption"``. A callable is given a batch and returns it
        changed: of images as (n, channels, height, width) with values in [0, 1], of
        other rows centred and scaled.
    projection_size : int, default=128
        Size of the projection in which views are compared, in range [1, inf).
    instance_temperature : float, default=0.5
        What similarities of rows are divided by, in range (0, inf).
    cluster_temperature : float, default=1.0
        What similarities of clusters are divided by, in range (0, inf).
    entropy_weight : float, default=1.0
        Weight of the entropy of the mean assignment, in range [0, inf): the pull
        towards clusters of equal size.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.001
        Largest step size, in range (0, inf).
    learning_rate_schedule : {"constant", "cosine", "one_cycle"}, default="cosine"
        Constant; falling along a cosine; or rising over the first three tenths of the
        steps before falling.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` is 200, or less: 4,000
        optimiser steps where rows are many. A number is obeyed exactly.
    batch_size : int or "auto", default="auto"
        Rows per optimiser step in range [1, inf). ``"auto"`` is 256, for small data an
        eighth of the rows but at least 16; about ten for each cluster where clusters
        are many. Batches are made equally long.
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
    cluster_means_ : ndarray of shape (n_clusters_, n_features_in_)
        Mean of the training rows of each cluster, in the units of `X`.
    n_clusters_ : int
        Number of clusters that have training rows; below `n_clusters` only after a
        ConvergenceWarning.
    model_ : torch.nn.Module
        The trained encoder and head, with ``embed`` and ``assign``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs.
    history_ : list of dict
        One record per epoch: stage, epoch, loss and its terms, learning rate and
        seconds. ``pandas.DataFrame(history_)`` makes it a table.
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
    SimCLR : The embedding alone, to put any clusterer behind.
    SCANClustering : Clusters from nearest neighbours, in stages.

    Notes
    -----
    For two views of a batch with projections :math:`z^a, z^b` and soft assignments
    :math:`P^a, P^b` of shape (n, k) the loss is

    .. math::

        C_{\tau_I}(z^a, z^b) + C_{\tau_C}(P^{aT}, P^{bT})
        - w \bigl( H(\bar p^a) + H(\bar p^b) \bigr)

    where :math:`C_\tau` is the loss of :class:`SimCLR` over rows, so in the second term
    over clusters, and :math:`H(\bar p)` the entropy, in nats, of the mean assignment.
    The labels are the largest :math:`p_{ij}`. Pixels are centred by channel, since
    views move them.

    Departures from [1]_: images keep their size, where the paper enlarges them to 224
    pixels for a ResNet-34; the learning rate is larger and falls; the head that assigns
    has batch normalisation, for both views at once; crops have at least a fifth of the
    area; images of one channel are turned and cropped but not mirrored; pixels are
    scaled; the paper has no views of tables.

    References
    ----------
    .. [1] Y. Li, P. Hu, Z. Liu, D. Peng, J. T. Zhou, X. Peng (2021). Contrastive
       clustering. Proceedings of the AAAI Conference on Artificial Intelligence 35,
       8547-8555. doi:10.1609/aaai.v35i10.17037

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import ContrastiveClustering
    >>> images = load_digits().images[:200]
    >>> clustering = ContrastiveClustering(10, max_epochs=20, random_state=0)
    >>> clustering.fit_predict(images).shape
    (200,)
    >>> clustering.predict_proba(images).shape
    (200, 10)
    """

    _parameter_rules = {
        **ViewHeadClusterer._parameter_rules,
        "projection_size": [Integers(1)],
        "instance_temperature": [Reals(0, closed="neither")],
        "cluster_temperature": [Reals(0, closed="neither")],
        "entropy_weight": [Reals(0)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        network: Literal["auto", "mlp", "convolutional", "resnet18"]
        | nn.Module
        | Callable = "auto",
        hidden_layer_sizes: Sequence[int] | Literal["auto"] = "auto",
        image_shape: Sequence[int] | None = None,
        channels: Literal["auto", "first", "last"] = "auto",
        augmentation: str | Callable = "auto",
        projection_size: int = 128,
        instance_temperature: float = 0.5,
        cluster_temperature: float = 1.0,
        entropy_weight: float = 1.0,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 1e-3,
        learning_rate_schedule: Literal["constant", "cosine", "one_cycle"] = "cosine",
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        device: str | torch.device = "auto",
        checkpoint: str | PathLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ):
        self.n_clusters = n_clusters
        self.network = network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.image_shape = image_shape
        self.channels = channels
        self.augmentation = augmentation
        self.projection_size = projection_size
        self.instance_temperature = instance_temperature
        self.cluster_temperature = cluster_temperature
        self.entropy_weight = entropy_weight
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.precision = precision
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _first_model(self, n_features, seed):
        encoder, size = self._make_encoder(n_features, seed)
        self.n_components_ = size
        heads = ClusterHeads(size, self.n_clusters, 1, size, generator(seed, "heads"))
        return HeadModel(encoder, heads)

    def _objective(self, trainer, model):
        sizes = self.n_components_, self.n_components_, self.projection_size
        return _TwoContrasts(
            model,
            MLP(sizes, generator(trainer.seed, "projection")),
            self._make_views(trainer),
            (self.instance_temperature, self.cluster_temperature),
            self.entropy_weight,
        )
