"""SimCLR as a transformer."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.engine import generator
from skdeepcluster.losses import nt_xent
from skdeepcluster.networks import MLP, ProjectionModel
from skdeepcluster.representation._encoders import ViewLearner
from skdeepcluster.representation._views import ViewObjective
from skdeepcluster.utils import Integers, Reals


class Contrast(ViewObjective):
    """Two views of a row are nearer to each other than to the views of other rows."""

    def __init__(self, model, views, temperature):
        super().__init__(model, views)
        self.temperature = temperature

    def losses(self, batch):
        h = self.model.encoder(self.two_views(batch))
        z_a, z_b = self.model.projector(h).chunk(2)
        return {"contrast": nt_xent(z_a, z_b, self.temperature)}


class SimCLR(ViewLearner):
    r"""Learn an embedding in which random views of a row stay together.

    Two views of each row are made at random, and an encoder learns to tell which views
    belong together among all of a batch. What the views change, the embedding forgets,
    so that they decide what it is good for: the ready ones suit photographs and digits.
    Those of tables say much less: there prefer :class:`Autoencoder`. Columns in
    different units belong through a StandardScaler first.

    Parameters
    ----------
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
    temperature : float, default=0.5
        What similarities are divided by, in range (0, inf): the smaller, the more the
        nearest views of other rows count.
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
    model_ : torch.nn.Module
        The trained network, with ``embed`` and ``project``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs.
    history_ : list of dict
        One record per epoch: stage, epoch, loss, learning rate and seconds.
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
    BYOL : Learns without pushing rows apart.
    SCANClustering : Cluster by the neighbours that this finds.
    ContrastiveClustering : Clusters from the same kind of views, in one stage.
    Autoencoder : The embedding from which rows can be rebuilt.

    Notes
    -----
    For the :math:`2n` views of a batch with projections :math:`z` of length one, where
    :math:`z_{i'}` is the other view of the same row, the loss is

    .. math::

        \frac{1}{2n} \sum_i - \log \frac{\exp(z_i^T z_{i'} / \tau)}
        {\sum_{j \ne i} \exp(z_i^T z_j / \tau)}

    and :meth:`transform` gives the encoder's output, from before the projection,
    divided by its length: k-means behind it goes by angles. Pixels are centred by
    channel, since views move them.

    Departures from [1]_: Adam in the place of LARS, without warm-up and decay of
    weights; crops have at least a fifth of the area; images of one channel are turned
    and cropped but not mirrored; views of tables are those of [2]_, with three tenths
    of the features of both views corrupted in the place of six tenths of one.

    References
    ----------
    .. [1] T. Chen, S. Kornblith, M. Norouzi, G. Hinton (2020). A simple framework for
       contrastive learning of visual representations. Proceedings of the 37th
       International Conference on Machine Learning, PMLR 119, 1597-1607.
       https://proceedings.mlr.press/v119/chen20j.html doi:10.48550/arXiv.2002.05709
    .. [2] D. Bahri, H. Jiang, Y. Tay, D. Metzler (2022). SCARF: self-supervised
       contrastive learning using random feature corruption. International Conference
       on Learning Representations. doi:10.48550/arXiv.2106.15147

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdeepcluster import SimCLR
    >>> images = load_digits().images[:200]
    >>> simclr = SimCLR(max_epochs=2, random_state=0)
    >>> simclr.fit_transform(images).shape
    (200, 128)
    >>> make_pipeline(simclr, KMeans(10)).fit_predict(images).shape
    (200,)
    """

    _parameter_rules = {
        **ViewLearner._parameter_rules,
        "projection_size": [Integers(1)],
        "temperature": [Reals(0, closed="neither")],
    }

    def __init__(
        self,
        *,
        network: Literal["auto", "mlp", "convolutional", "resnet18"]
        | nn.Module
        | Callable = "auto",
        hidden_layer_sizes: Sequence[int] | Literal["auto"] = "auto",
        image_shape: Sequence[int] | None = None,
        channels: Literal["auto", "first", "last"] = "auto",
        augmentation: str | Callable = "auto",
        projection_size: int = 128,
        temperature: float = 0.5,
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
        self.network = network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.image_shape = image_shape
        self.channels = channels
        self.augmentation = augmentation
        self.projection_size = projection_size
        self.temperature = temperature
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
        encoder, self.n_components_ = self._make_encoder(n_features, seed)
        sizes = self.n_components_, self.n_components_, self.projection_size
        return ProjectionModel(encoder, MLP(sizes, generator(seed, "projection")))

    def _objective(self, trainer, model):
        return Contrast(model, self._make_views(trainer), self.temperature)
