"""Bootstrap Your Own Latent (BYOL) as a transformer."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.engine import generator
from skdeepcluster.losses import direction_error
from skdeepcluster.networks import MLP, MovingAverage, ProjectionModel
from skdeepcluster.representation._encoders import ViewLearner
from skdeepcluster.representation._views import ViewObjective
from skdeepcluster.utils import Integers, Reals


class Bootstrap(ViewObjective):
    """One view foretells what a slow copy of the network makes of the other."""

    def __init__(self, model, predictor, views, average):
        super().__init__(model, views)
        self.predictor, self.average = predictor, average
        self.register_buffer("spread", torch.zeros(()))

    def losses(self, batch):
        views = self.two_views(batch)
        prediction = self.predictor(self.model.projector(self.model.encoder(views)))
        with torch.no_grad():
            target = self.average(views)  # of length one
        self.spread.copy_(target.var(dim=0, correction=0).sum())
        other_view = target.roll(len(batch.x), dims=0)
        return {"prediction": direction_error(prediction, other_view)}

    def after_step(self, batch):
        self.average.follow(self.model)

    def metrics(self):
        """How far the targets of the last batch are from being one and the same."""
        return {"spread": float(self.spread)}


class BYOL(ViewLearner):
    r"""Learn an embedding in which one random view of a row foretells another.

    Two views of each row are made at random, and an encoder learns to predict from one
    of them what a slowly averaged copy of itself makes of the other. Unlike
    :class:`SimCLR` it never pushes rows apart, which suits clusters, but nothing in its
    loss forbids one embedding for all rows: look at ``spread`` in `history_`. What the
    views change, the embedding forgets. Views of tables say less than those of images:
    there prefer :class:`Autoencoder`. Columns in different units belong through a
    StandardScaler first.

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
    momentum : float, default=0.996
        Share of the averaged copy that stays in a step, in range [0, 1). In short fits
        it is less, so that the average looks back at no more than a twentieth of all
        steps.
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
        One record per epoch: stage, epoch, loss, learning rate, ``spread`` and seconds.
        ``spread`` is the variance of the averaged projections of the last batch: near 0
        all rows have become one, and 1 is the most.
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
    SimCLR : Tells rows apart as well, and cannot collapse.
    SCANClustering : Cluster by the neighbours that this finds.
    Autoencoder : The embedding from which rows can be rebuilt.

    Notes
    -----
    For the :math:`2n` views of a batch let :math:`y_i` be the projection of a view,
    :math:`q` the predictor, :math:`\bar y_i` what the averaged copy of encoder and
    projection makes of it, and :math:`i'` the other view of the same row. The loss is

    .. math::

        \frac{1}{2n} \sum_i \left\lVert \frac{q(y_i)}{\lVert q(y_i) \rVert}
        - \frac{\bar y_{i'}}{\lVert \bar y_{i'} \rVert} \right\rVert^2
        = 2 - \frac{2}{2n} \sum_i \cos(q(y_i), \bar y_{i'})

    without a gradient through :math:`\bar y`. After each step the weights of the copy
    become :math:`m \bar\theta + (1 - m) \theta`, with the `momentum` :math:`m`.
    Projection and predictor have one hidden layer each, with batch normalisation, as
    wide as the embedding or the projection, whichever is wider. :meth:`transform` gives
    the encoder's output, from before the projection, divided by its length: k-means
    behind it goes by angles. Pixels are centred by channel, since views move them.

    Departures from [1]_: the loss is the mean over both views in the place of the sum;
    Adam in the place of LARS, without warm-up and decay of weights; the momentum does
    not grow during training; hidden layers are narrower; batches are normalised over
    both views at once; the running statistics of the averaged copy are those of the
    network; both views are drawn alike, those of :class:`SimCLR`; the paper has no
    views of tables.

    References
    ----------
    .. [1] J.-B. Grill, F. Strub, F. Altche, C. Tallec, P. H. Richemond, E. Buchatskaya,
       C. Doersch, B. Avila Pires, Z. D. Guo, M. Gheshlaghi Azar, B. Piot,
       K. Kavukcuoglu, R. Munos, M. Valko (2020). Bootstrap your own latent: a new
       approach to self-supervised learning. Advances in Neural Information Processing
       Systems 33. doi:10.48550/arXiv.2006.07733

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdeepcluster import BYOL
    >>> images = load_digits().images[:200]
    >>> byol = BYOL(max_epochs=2, random_state=0)
    >>> byol.fit_transform(images).shape
    (200, 128)
    >>> make_pipeline(byol, KMeans(10)).fit_predict(images).shape
    (200,)
    """

    _parameter_rules = {
        **ViewLearner._parameter_rules,
        "projection_size": [Integers(1)],
        "momentum": [Reals(0, 1, closed="left")],
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
        momentum: float = 0.996,
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
        self.momentum = momentum
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
        return ProjectionModel(
            encoder, self._mlp(self.n_components_, seed, "projection")
        )

    def _objective(self, trainer, model):
        predictor = self._mlp(self.projection_size, trainer.seed, "prediction")
        n_steps = self._n_steps(trainer)
        average = MovingAverage(model, self.momentum, n_steps)
        return Bootstrap(model, predictor, self._make_views(trainer), average)

    def _mlp(self, n_inputs, seed, name) -> MLP:
        """To a projection, with batch normalisation, without which it collapses."""
        hidden = max(self.n_components_, self.projection_size)
        sizes = n_inputs, hidden, self.projection_size
        return MLP(sizes, generator(seed, name), batch_norm=True)
