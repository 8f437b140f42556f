"""Deep Adaptive Clustering."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from skdeepcluster.cluster._shared._from_views import ViewHeadClusterer
from skdeepcluster.engine import generator
from skdeepcluster.losses import confident_pairs
from skdeepcluster.networks import ClusterHeads, HeadModel
from skdeepcluster.representation import ViewObjective
from skdeepcluster.utils import Reals

_RISE = 0.1  # of the lower threshold, where the upper one falls by one
# What the last layer starts from times the identity. With one, of three clusters a
# fiftieth of random pairs is below the lower threshold, and with two a fifth.
_FIRST_WEIGHT = 2.0


class _ConfidentPairs(ViewObjective):
    """Pairs of rows that are surely alike, or surely not, teach views of them so."""

    def __init__(self, model, views, thresholds, n_steps):
        super().__init__(model, views)
        self.first_thresholds, self.n_steps = thresholds, n_steps
        self.register_buffer("n_taken", torch.tensor(0))
        self.register_buffer("used", torch.zeros(()))

    def losses(self, batch):
        # Two passes: the batches that are normalised hold rows or views, not both.
        with torch.no_grad():
            p_clean = self._assign(batch.x)
        p = self._assign(self.one_view(batch))
        loss, used = confident_pairs(p, p_clean, *self.thresholds())
        self.used.copy_(used)
        self.n_taken += 1
        return {"pairs": loss}

    def _assign(self, x):
        if len(x) == 1:  # of which batch normalisation makes nothing
            x = x.expand(2, -1)
        return self.model.assign(x)

    def thresholds(self) -> tuple[Tensor, Tensor]:
        """The upper falls and the lower rises, until they meet in the last step."""
        upper, lower = self.first_thresholds
        share = self.n_taken / max(self.n_steps - 1, 1)
        fallen = (upper - lower) / (1 + _RISE) * share
        return upper - fallen, lower + _RISE * fallen

    def metrics(self):
        """The share of pairs that were used in the last batch."""
        return {"used": float(self.used)}


class DACClustering(ViewHeadClusterer):
    r"""Deep Adaptive Clustering: sure pairs of rows first, the others later.

    An encoder and a head on it assign rows to clusters. Pairs of rows that are assigned
    much alike are taught to be in one cluster, pairs that are not to be in two, and
    those between are left for later: while it learns, the two thresholds close, until
    every pair is one or the other. It begins with what an untrained network finds
    alike, and what it has learned wrongly it goes on to teach itself, so that runs with
    different `random_state` end far apart, at times in fewer clusters. It is here as
    the first of its kind: prefer :class:`IICClustering`, :class:`PICAClustering` or
    :class:`ContrastiveClustering`, which learn from the same views. Columns in
    different units belong through a StandardScaler first.

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
    upper_threshold : float, default=0.95
        At the start, the least cosine of pairs that are taken for one cluster, in range
        (0, 1).
    lower_threshold : float, default=0.455
        At the start, the cosine below which pairs are taken for two clusters, in range
        (0, 1) and not above `upper_threshold`.
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
        One record per epoch: stage, epoch, loss, learning rate, share of the pairs of
        the last batch that were used, and seconds. ``pandas.DataFrame(history_)`` makes
        it a table.
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
    PICAClustering : Clusters compared, instead of pairs of rows.
    SCANClustering : Pairs of rows that are neighbours in an embedding.

    Notes
    -----
    Let :math:`l_i = p_i / |p_i|` be the soft assignment of a row, of length one, and
    :math:`l'_i` that of a random view of it. A pair has the target :math:`r_{ij} = 1`
    where :math:`l_i^T l_j \ge u`, 0 where :math:`l_i^T l_j < v`, else none. The loss is

    .. math::

        \frac{1}{m} \sum_{ij} \bigl( l_i'^T l'_j - r_{ij} \bigr)^2

    over the pairs of a batch that have a target, whose number is :math:`m`. Targets are
    computed anew in every step and have no gradient. The upper threshold :math:`u`
    falls and the lower :math:`v` rises, in every step by the same, ten times as much
    and once, so that they meet in the last. From 0.95 and 0.455 they go to 0.5.

    The head is a linear layer with an output per cluster, batch normalisation, ReLU,
    and a second such layer that starts as twice the identity. The labels are the
    largest :math:`p_{ij}`. Pixels are centred by channel, since views move them.

    Departures from [1]_: the error is squared, as in the code of its authors, where the
    paper has a cross-entropy; targets come from the batch of the step, with its own
    batch normalisation, where the paper takes them from a larger one for several steps,
    and the averages with which rows are labelled are of rows and of views; the
    thresholds move with the steps, not the epochs; the last layer starts as twice the
    identity, where the paper has it once, so that of few clusters, too, some pairs
    begin below the lower threshold; Adam with a learning rate that falls takes the
    place of RMSprop; views are those of the other methods here; the network is small;
    pixels are scaled; the paper has no views of tables.

    References
    ----------
    .. [1] J. Chang, L. Wang, G. Meng, S. Xiang, C. Pan (2017). Deep adaptive image
       clustering. IEEE International Conference on Computer Vision, 5879-5887.
       doi:10.1109/ICCV.2017.626

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import DACClustering
    >>> images = load_digits().images[:200]
    >>> clustering = DACClustering(10, max_epochs=20, random_state=0)
    >>> clustering.fit_predict(images).shape
    (200,)
    >>> clustering.predict_proba(images).shape
    (200, 10)
    """

    _parameter_rules = {
        **ViewHeadClusterer._parameter_rules,
        "upper_threshold": [Reals(0, 1, closed="neither")],
        "lower_threshold": [Reals(0, 1, closed="neither")],
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
        upper_threshold: float = 0.95,
        lower_threshold: float = 0.455,
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
        self.upper_threshold = upper_threshold
        self.lower_threshold = lower_threshold
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
        if self.lower_threshold > self.upper_threshold:
            raise ValueError(
                f"lower_threshold={self.lower_threshold} must not be above "
                f"upper_threshold={self.upper_threshold}."
            )

    def _first_model(self, n_features, seed):
        encoder, size = self._make_encoder(n_features, seed)
        self.n_components_ = size
        k = self.n_clusters
        heads = ClusterHeads(size, k, 1, k, generator(seed, "heads"))
        with torch.no_grad():
            heads.weight.copy_(_FIRST_WEIGHT * torch.eye(k))
        return HeadModel(encoder, heads)

    def _objective(self, trainer, model):
        return _ConfidentPairs(
            model,
            self._make_views(trainer),
            (self.upper_threshold, self.lower_threshold),
            self._n_steps(trainer),
        )
