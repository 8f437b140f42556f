"""PArtition Confidence mAximisation."""

import math
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.cluster._shared._several_heads import (
    HeadsObjective,
    SeveralHeadsClusterer,
)
from skdeepcluster.losses import mean_entropy, partition_uncertainty


class _Confidence(HeadsObjective):
    """Clusters hold the same rows in a view, and other rows than other clusters."""

    def of_heads(self, p_a, p_b):
        # A constant makes what is added zero where clusters are equally large.
        imbalance = math.log(p_a.shape[2]) - mean_entropy(p_a)
        return partition_uncertainty(p_a, p_b) + self.entropy_weight * imbalance


class PICAClustering(SeveralHeadsClusterer):
    r"""PArtition Confidence mAximisation: clusters share no rows, in any view.

    An encoder and a head on it learn to assign rows to clusters such that each cluster
    holds the same rows in two random views and has none of them in common with another
    cluster: the most confident division there is. What the views change, the clusters
    cannot depend on, so that they decide what it finds: the ready ones suit
    photographs and digits. Those of tables say much less: there prefer
    :class:`DECClustering`. It is the part of :class:`ContrastiveClustering` that
    compares clusters, without the one that tells rows apart. It pulls towards clusters
    of equal size. Columns in different units belong through a StandardScaler first.

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
    n_heads : int, default=5
        Heads that are trained beside each other, in range [1, inf), of which the one is
        kept that keeps most clusters and then has the least loss.
    n_overclusters : int or "auto", default="auto"
        Clusters of further heads, which train the encoder with the others and are then
        dropped, in range [0, inf); 0 for none. ``"auto"`` is five for each cluster, or
        one for ten rows where that is less; none where these would be no more than
        `n_clusters`.
    entropy_weight : float, default=2.0
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
        eighth of the rows but at least 16; ten for each cluster, or five for each of
        `n_overclusters`, where that is more. Batches are made equally long.
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
    head_losses_ : ndarray of shape (n_heads,)
        Running mean of the loss of each head, over about the steps of one epoch; after
        a warm start of the one that was kept.
    best_head_ : int
        The head that was kept.
    model_ : torch.nn.Module
        The trained encoder and the head that was kept, with ``embed`` and ``assign``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs.
    history_ : list of dict
        One record per epoch: stage, epoch, loss and its terms (means over the heads),
        learning rate and seconds. ``pandas.DataFrame(history_)`` makes it a table.
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
    ContrastiveClustering : The same of clusters, and rows told apart as well.
    IICClustering : The information that clusters of two views have about each other.

    Notes
    -----
    Two views of a batch with soft assignments :math:`P^a, P^b` of shape (n, k) have the
    cosines :math:`M_{jl} = \cos(P^a_{\cdot j}, P^b_{\cdot l})` of their columns: how
    many rows a cluster shares with a cluster of the other view. Each head has the loss

    .. math::

        - \frac{1}{k} \sum_j \log \frac{\exp M_{jj}}{\sum_l \exp M_{jl}}
        + w \bigl( \log k - H(\bar p^a) \bigr)

    with the entropy :math:`H`, in nats, of the mean assignment and :math:`w`,
    `entropy_weight`. It is at least :math:`\log(1 + (k - 1) / e)`, where :math:`M` is
    the identity and clusters are equally large. What is minimised is the mean over the
    heads of `n_clusters` plus the mean over those of `n_overclusters`. The labels are
    the largest :math:`p_{ij}` of the head that is kept. Pixels are centred by channel,
    since views move them.

    Departures from [1]_: both kinds of heads are trained in every step, where its code
    lets them take turns by epochs; both views are changed alike, where the paper has
    the row, moved a little, and one view; a row has one pair of them in a step, where
    the code has three; heads have a hidden layer with batch normalisation, for both
    views at once; the network is small and images are not filtered for edges; the
    learning rate is larger and falls; pixels are scaled; neither the head nor the epoch
    that is kept is chosen with labels; the paper has no views of tables.

    References
    ----------
    .. [1] J. Huang, S. Gong, X. Zhu (2020). Deep semantic clustering by partition
       confidence maximisation. IEEE/CVF Conference on Computer Vision and Pattern
       Recognition. doi:10.1109/CVPR42600.2020.00887

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import PICAClustering
    >>> images = load_digits().images[:200]
    >>> clustering = PICAClustering(10, max_epochs=20, random_state=0)
    >>> clustering.fit_predict(images).shape
    (200,)
    >>> clustering.predict_proba(images).shape
    (200, 10)
    """

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
        n_heads: int = 5,
        n_overclusters: int | Literal["auto"] = "auto",
        entropy_weight: float = 2.0,
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
        self.n_heads = n_heads
        self.n_overclusters = n_overclusters
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

    def _objective(self, trainer, model):
        return _Confidence(
            model,
            self._make_overclusters(trainer),
            self._make_views(trainer),
            self.entropy_weight,
            trainer.steps_per_epoch,
        )
