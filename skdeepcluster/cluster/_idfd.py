"""Instance discrimination with decorrelated features."""

from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.cluster._shared._from_views import ViewCenterClusterer
from skdeepcluster.engine import generator
from skdeepcluster.losses import (
    feature_decorrelation,
    feature_orthogonality,
    instance_discrimination,
)
from skdeepcluster.networks import MLP, MemoryBank, ProjectionModel
from skdeepcluster.representation import ViewObjective
from skdeepcluster.utils import Integers, Reals

_MOMENTUM = 0.5  # share of what was remembered of a row in what will be
_COMPARED = 2**14  # remembered rows that a row is told from in a step, at most


class _Instances(ViewObjective):
    """A view is told from what is remembered of other rows; features differ."""

    def __init__(self, model, views, bank, temperature, of_features, weight):
        super().__init__(model, views)
        self.bank, self.temperature = bank, temperature
        self.of_features, self.weight = of_features, weight

    def losses(self, batch):
        z = self.model(self.one_view(batch))
        vectors = self.bank.vectors
        instances = instance_discrimination(
            z, vectors, batch.index, self.temperature, self._drawn(len(vectors), z)
        )
        self.z = z.detach()  # for after the step: gradients need the bank until then
        if self.of_features is None:
            return {"instances": instances}
        return {"instances": instances, "features": self.weight * self.of_features(z)}

    def after_step(self, batch):
        self.bank.update(batch.index, self.z)

    def _drawn(self, n_rows, z):
        if n_rows <= _COMPARED:
            return None
        size = (_COMPARED,)
        return torch.randint(n_rows, size, generator=self.generator, device=z.device)


class IDFDClustering(ViewCenterClusterer):
    r"""IDFD: rows are told from each other by features that do not repeat each other.

    An encoder learns to recognise each row among all, whatever a random view of it
    hides, while the features of the embedding are kept apart; then k-means. Told from
    each other softly, rows that are alike stay near each other. What the views change,
    the clusters cannot depend on: the ready ones suit photographs and digits. Those of
    tables say much less: there prefer :class:`DECClustering`, for embeddings
    :class:`SCANClustering`. Columns in different units belong through a StandardScaler
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
    variant : {"idfd", "idfo", "id"}, default="idfd"
        What keeps features apart: a softmax over them (``"idfd"``), right angles
        between them (``"idfo"``) or nothing (``"id"``).
    instance_temperature : float, default=1.0
        What similarities of rows are divided by, in range (0, inf).
    feature_temperature : float, default=2.0
        What similarities of features are divided by, in range (0, inf); only of
        ``"idfd"``.
    feature_weight : float or "auto", default="auto"
        Weight of what keeps features apart, in range [0, inf). ``"auto"`` is 1 for
        ``"idfd"`` and 10 for ``"idfo"``.
    n_init : int, default=20
        Number of k-means runs of which the best gives the first centroids, in range
        [1, inf).
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
        eighth of the rows but at least 16. Batches are made equally long.
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
        The trained encoder, its projection and the centroids, with ``embed`` and
        ``assign``.
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
    SimCLR : Rows told from those of a batch, to put any clusterer behind.
    ContrastiveClustering : Clusters from two views, without k-means.

    Notes
    -----
    The embedding is the projection :math:`z_i`, of length one. Of each row :math:`j` a
    vector :math:`m_j` of length one is remembered. For views :math:`z_i` of the rows of
    a batch, of length :math:`n`, the loss is

    .. math::

        - \frac{1}{n} \sum_i \log \frac{\exp(z_i \cdot m_i / \tau)}
        {\sum_j \exp(z_i \cdot m_j / \tau)} + \alpha L_F

    with a sum over all rows. Then :math:`m_i` becomes the direction of :math:`m_i +
    z_i`. Let :math:`f_l` be feature :math:`l` of the :math:`n` views, as a vector of
    length one. :math:`L_F` is

    .. math::

        \frac{1}{d} \sum_l - \log \frac{\exp(f_l \cdot f_l / \tau_F)}
        {\sum_k \exp(f_k \cdot f_l / \tau_F)}
        \quad \text{or} \quad \frac{1}{d} \lVert F F^T - I \rVert_F^2

    for ``"idfd"`` and ``"idfo"``. The labels are those of k-means on what the network
    makes of the rows as they are. Pixels are centred by channel, since views move them.

    Departures from [1]_: of more than 16,384 rows as many are drawn in each step, and
    stand for all others by their mean; k-means is on the output of the network and not
    on the memory, so that new rows are treated alike; the squares of ``"idfo"`` are
    divided by the number of features; Adam with a rate that falls, where the paper has
    stochastic gradient descent; a small network by default; images are turned, and
    those with colours mirrored; the paper has no views of tables.

    References
    ----------
    .. [1] Y. Tao, K. Takagi, K. Nakata (2021). Clustering-friendly representation
       learning via instance discrimination and feature decorrelation. International
       Conference on Learning Representations. doi:10.48550/arXiv.2106.00131

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import IDFDClustering
    >>> images = load_digits().images[:200]
    >>> clustering = IDFDClustering(10, max_epochs=20, random_state=0)
    >>> clustering.fit_predict(images).shape
    (200,)
    >>> clustering.transform(images).shape
    (200, 128)
    """

    _parameter_rules = {
        **ViewCenterClusterer._parameter_rules,
        "projection_size": [Integers(1)],
        "variant": ["idfd", "idfo", "id"],
        "instance_temperature": [Reals(0, closed="neither")],
        "feature_temperature": [Reals(0, closed="neither")],
        "feature_weight": ["auto", Reals(0)],
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
        variant: Literal["idfd", "idfo", "id"] = "idfd",
        instance_temperature: float = 1.0,
        feature_temperature: float = 2.0,
        feature_weight: float | Literal["auto"] = "auto",
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
        self.variant = variant
        self.instance_temperature = instance_temperature
        self.feature_temperature = feature_temperature
        self.feature_weight = feature_weight
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

    def _first_model(self, n_features, seed):
        encoder, size = self._make_encoder(n_features, seed)
        self.n_components_ = self.projection_size
        sizes = size, self.projection_size
        return ProjectionModel(encoder, MLP(sizes, generator(seed, "projection")))

    def _objective(self, trainer, model):
        bank = MemoryBank(
            trainer.n_samples,
            self.projection_size,
            _MOMENTUM,
            generator(trainer.seed, "memory"),
        )
        temperature = self.instance_temperature
        return _Instances(
            model, self._make_views(trainer), bank, temperature, *self._of_features()
        )

    def _of_features(self):
        """What keeps features apart, and its weight."""
        temperature = self.feature_temperature
        of_features, weight = {
            "idfd": (partial(feature_decorrelation, temperature=temperature), 1.0),
            "idfo": (feature_orthogonality, 10.0),
            "id": (None, 0.0),
        }[self.variant]
        given = self.feature_weight
        return of_features, weight if given == "auto" else given
