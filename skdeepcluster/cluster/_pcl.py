"""Prototypical Contrastive Learning."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.cluster._shared._from_views import ViewCenterClusterer
from skdeepcluster.cluster._shared._prototypes import Prototypes
from skdeepcluster.engine import generator
from skdeepcluster.losses import info_nce
from skdeepcluster.networks import MLP, MovingAverage, ProjectionModel, Queue
from skdeepcluster.representation import ViewObjective
from skdeepcluster.utils import Integers, Reals, TupleOf

_MULTIPLES = 1, 5, 25  # of the clusters, for n_prototypes="auto"
_PART = 10  # of the rows: so many prototypes, or keys in the queue, at most
_LONGEST_QUEUE = 16_384
_STEPS_APART = 20  # renewals of the prototypes, at least


class _PrototypicalContrast(ViewObjective):
    """Views of a row agree, and rows with the prototypes that they belong to.

    There are no prototypes before a number of refreshes.
    """

    def __init__(
        self, model, average, queue, prototypes, views, weight, interval, late
    ):
        super().__init__(model, views, interval)
        self.average, self.queue = average, queue
        self.prototypes, self.weight = prototypes, weight
        self.register_buffer("refreshes_before", torch.tensor(late))
        self.register_buffer("are_there", torch.zeros(()))

    def refresh(self, trainer):
        if self.refreshes_before > 0:
            self.refreshes_before -= 1
        # Else the loss of this epoch will tell.
        elif all(w.isfinite().all() for w in self.average.parameters()):
            z = trainer.passes(self.average, self.queue.vectors.shape[1])
            self.prototypes.renew(z, self.generator)
            self.are_there.fill_(1)
        return False

    def losses(self, batch):
        views = self.two_views(batch)
        z = self.model(views)
        with torch.no_grad():
            keys = self.average(views)
        (z_a, z_b), (key_a, key_b) = z.chunk(2), keys.chunk(2)
        self.keys = key_b  # for the queue, once gradients are known
        negatives, temperature = self.queue.vectors, self.prototypes.temperature
        instances = info_nce(z_a, key_b, negatives, temperature)
        instances = instances + info_nce(z_b, key_a, negatives, temperature)
        prototypes = self.prototypes(z, batch.index.repeat(2))
        return {
            "instances": instances / 2,
            "prototypes": self.weight * self.are_there * prototypes,
        }

    def after_step(self, batch):
        self.queue.push(self.keys)
        self.average.follow(self.model)


class PCLClustering(ViewCenterClusterer):
    r"""Prototypical Contrastive Learning: views of a row share prototypes.

    An encoder learns to tell which views belong to the same row and, at the same time,
    which of several sets of prototypes rows belong to: centroids of k-means, renewed as
    it learns. K-means in what it has learned gives the clusters. What the views change,
    clusters cannot depend on: the ready ones suit photographs and digits. Those of
    tables say much less: there prefer :class:`DECClustering`. It does not ask for
    clusters of equal size; where they are, prefer :class:`ContrastiveClustering`.
    Columns in different units belong through a StandardScaler first.

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
    temperature : float, default=0.2
        What similarities are divided by, in range (0, inf): the smaller, the more the
        nearest views of other rows count.
    momentum : float, default=0.999
        Share of the averaged copy that stays in a step, in range [0, 1). In short fits
        it is less, so that the average looks back at no more than a twentieth of all
        steps.
    n_prototypes : tuple of int or "auto", default="auto"
        Numbers of prototypes, in range [1, inf) and at most the number of rows, of
        sets that are used beside each other. ``"auto"`` is `n_clusters` and, of 5 and
        25 times as many, what leaves ten rows to each prototype.
    prototype_weight : float, default=1.0
        Weight of the contrast with prototypes, in range [0, inf). At 0 what is learned
        is that of Momentum Contrast.
    n_init : int, default=20
        Number of k-means runs at the end, of which the best gives the centroids, in
        range [1, inf).
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
        eighth of the rows but at least 16.
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
        Number of clusters that have training rows; below `n_clusters` only after a
        ConvergenceWarning.
    inertia_ : float
        Sum of squared distances of the embedded training rows to their centroid.
    model_ : torch.nn.Module
        The trained network with its centroids, with ``embed`` and ``label``.
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
    SimCLR : The embedding from views alone, to put any clusterer behind.
    ContrastiveClustering : Clusters from views, which learns to assign.

    Notes
    -----
    A view of a row has the projection :math:`z_i`, of length one, and its other view
    has the key :math:`\bar z_i`, the projection by a copy of the network whose weights
    are a running mean. With the other keys of the batch and those in a queue of
    earlier ones as :math:`\bar z_j`, and :math:`m` sets of prototypes :math:`c`, of
    which row :math:`i` belongs to :math:`c_{s(i)}`, the loss is

    .. math::

        - \frac{1}{n} \sum_i \log \frac{\exp(z_i^T \bar z_i / \tau)}
        {\exp(z_i^T \bar z_i / \tau) + \sum_j \exp(z_i^T \bar z_j / \tau)}
        - \frac{w}{m n} \sum_{s, i} \log \frac{\exp(z_i^T c_{s(i)} / \phi_{s(i)})}
        {\sum_{c \in s} \exp(z_i^T c / \phi_c)} ,

    the mean over both directions, with :math:`w`, `prototype_weight`, which counts from
    a tenth of the steps on. Prototypes are centroids, scaled to length one, of k-means
    of what the copy makes of the rows as they are, anew in every epoch (but at least 20
    steps and at most a tenth of all steps apart). The temperature of one is the mean
    distance of its rows over :math:`\log(n_c + 10)`, between the deciles of its set,
    times what makes :math:`\tau` their mean. :meth:`transform` gives :math:`z` of rows
    as they are. Pixels are centred by channel, since views move them.

    Departures from [1]_: the contrast is with all prototypes of a set and not with a
    sample of them, in which few clusters would be their own opponents; there are far
    fewer prototypes; k-means has one start each time; the temperature of a prototype is
    at least a tenth of the mean; both views are compared with keys and prototypes;
    other keys of the batch are negatives too, which leaves nothing to be learned from
    statistics that a batch shares, and the queue holds at most a tenth of the rows;
    Adam in the place of gradient descent, without decay of weights; crops have at least
    a fifth of the area; images of one channel are turned and cropped but not mirrored;
    the paper has no views of tables.

    References
    ----------
    .. [1] J. Li, P. Zhou, C. Xiong, S. C. H. Hoi (2021). Prototypical contrastive
       learning of unsupervised representations. International Conference on Learning
       Representations. doi:10.48550/arXiv.2005.04966

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import PCLClustering
    >>> images = load_digits().images[:200]
    >>> clustering = PCLClustering(10, max_epochs=5, random_state=0)
    >>> clustering.fit_predict(images).shape
    (200,)
    >>> clustering.transform(images).shape
    (200, 128)
    """

    _parameter_rules = {
        **ViewCenterClusterer._parameter_rules,
        "projection_size": [Integers(1)],
        "temperature": [Reals(0, closed="neither")],
        "momentum": [Reals(0, 1, closed="left")],
        "n_prototypes": ["auto", TupleOf(Integers(1))],
        "prototype_weight": [Reals(0)],
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
        temperature: float = 0.2,
        momentum: float = 0.999,
        n_prototypes: Sequence[int] | Literal["auto"] = "auto",
        prototype_weight: float = 1.0,
        n_init: int = 20,
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
        self.temperature = temperature
        self.momentum = momentum
        self.n_prototypes = n_prototypes
        self.prototype_weight = prototype_weight
        self.n_init = n_init
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

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        n_total = self._n_total(X)
        sizes = self._sizes(n_total)
        if not sizes or max(sizes) > n_total:
            raise ValueError(
                "n_prototypes must name at least one number, none above that of the "
                f"rows, {n_total}. Got {self.n_prototypes!r}."
            )

    def _sizes(self, n_total: int) -> Sequence[int]:
        """Number of prototypes of each set."""
        if self.n_prototypes != "auto":
            return self.n_prototypes
        first, *others = (times * self.n_clusters for times in _MULTIPLES)
        return [first, *(size for size in others if size <= n_total // _PART)]

    def _first_model(self, n_features, seed):
        encoder, width = self._make_encoder(n_features, seed)
        self.n_components_ = self.projection_size
        sizes = width, width, self.projection_size
        return ProjectionModel(encoder, MLP(sizes, generator(seed, "projection")))

    def _objective(self, trainer, model):
        n_total, width = trainer.n_total, self.projection_size
        n_steps = self._n_steps(trainer)
        interval = max(trainer.steps_per_epoch, _STEPS_APART)
        interval = max(1, min(interval, n_steps // 10))
        length = max(1, min(n_total // _PART, _LONGEST_QUEUE))
        sizes = self._sizes(n_total)
        return _PrototypicalContrast(
            model,
            MovingAverage(model, self.momentum, n_steps),
            Queue(length, width, generator(trainer.seed, "queue")),
            Prototypes(sizes, trainer.n_samples, width, self.temperature),
            self._make_views(trainer),
            self.prototype_weight,
            interval,
            n_steps // 10 // interval,
        )
