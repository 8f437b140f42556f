"""Swapping Assignments between Views."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.cluster._shared._from_views import OverclusteringClusterer
from skdeepcluster.engine import generator
from skdeepcluster.losses import sinkhorn, soft_cross_entropy
from skdeepcluster.networks import PrototypeHeads
from skdeepcluster.representation import ViewObjective
from skdeepcluster.utils import Integers, Reals

_FROZEN = 20  # the first of so many parts of the steps leave the prototypes alone


class _SwappedAssignments(ViewObjective):
    """One view foretells the cluster that the other has where clusters are equal."""

    def __init__(self, model, overclusters, views, code_temperature, n_frozen):
        super().__init__(model, views)
        self.overclusters = overclusters
        self.code_temperature, self.n_frozen = code_temperature, n_frozen
        self.register_buffer("n_steps", torch.tensor(0))
        for name, heads in self._heads():
            self.register_buffer(f"first_{name}", heads.weight.detach().clone())

    def _heads(self):
        """With the names of their losses."""
        yield "clusters", self.model.heads
        if self.overclusters is not None:
            yield "overclusters", self.overclusters

    def losses(self, batch):
        h = self.model.encoder(self.two_views(batch))
        return {name: self._swapped(heads, h) for name, heads in self._heads()}

    def _swapped(self, heads, h):
        logits_a, logits_b = heads(h)[0].chunk(2)
        epsilon = self.code_temperature / heads.temperature  # of logits, not of cosines
        q_a, q_b = sinkhorn(logits_a, epsilon), sinkhorn(logits_b, epsilon)
        a, b = soft_cross_entropy(logits_a, q_b), soft_cross_entropy(logits_b, q_a)
        return (a + b) / 2

    @torch.no_grad()
    def after_step(self, batch):
        """Put the prototypes back, as long as they are not to move."""
        self.n_steps += 1
        is_free = self.n_steps > self.n_frozen
        for name, heads in self._heads():
            first = self.get_buffer(f"first_{name}")
            heads.weight.copy_(torch.where(is_free, heads.weight, first))


class SwAVClustering(OverclusteringClusterer):
    r"""SwAV: one view of a row foretells the cluster of another.

    An encoder gives rows directions, and clusters have directions of their own. In each
    batch rows are shared among clusters of equal size, and from a random view of a row
    the encoder learns to tell the share of another view, which takes the place of
    comparing rows with each other (Swapping Assignments between Views). What the views
    change, the clusters cannot depend on, so that they decide what it finds: the ready
    ones suit photographs and digits. Those of tables say much less: there prefer
    :class:`DECClustering`. It forces clusters of equal size on the batches that it
    learns from. Columns in different units belong through a StandardScaler first.

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
    n_overclusters : int or "auto", default="auto"
        Clusters of further heads, which train the encoder with the others and are then
        dropped, in range [0, inf); 0 for none. ``"auto"`` is five for each cluster, or
        one for ten rows where that is less; none where these would be no more than
        `n_clusters`.
    projection_size : int, default=128
        Size of the projection in which views are compared, in range [1, inf).
    temperature : float, default=0.1
        What cosines with the directions of clusters are divided by for a soft
        assignment, in range (0, inf).
    code_temperature : float, default=0.05
        The same for the shares that are foretold, in range (0, inf): the smaller, the
        closer to one cluster for each row.
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
    IICClustering : Clusters of views with most information about each other.
    ContrastiveClustering : Views of rows and of clusters told apart.
    SCANClustering : Clusters from nearest neighbours, in stages.

    Notes
    -----
    With the projection :math:`z_i` of a view, of length one, and the prototypes
    :math:`c_j` of the clusters, also of length one, the soft assignment is

    .. math::

        p_{ij} = \frac{\exp(z_i^T c_j / \tau)}{\sum_l \exp(z_i^T c_l / \tau)}

    with :math:`\tau`, `temperature`. The codes :math:`q_{ij}` of the views of a batch
    come from the same cosines over :math:`\epsilon`, `code_temperature`: their
    exponentials are normalised in turn over the rows, so that clusters are equally
    large, and over the clusters, so that the codes of a row sum to one, three times
    (Sinkhorn). Codes have no gradient. For two views of a batch of n rows the loss is

    .. math::

        - \frac{1}{2n} \sum_{i, j} \bigl( q^b_{ij} \log p^a_{ij}
        + q^a_{ij} \log p^b_{ij} \bigr) .

    `n_overclusters` further prototypes, with a projection of their own, add a loss of
    the same form. Prototypes stay where they are for the first twentieth of the steps.
    The labels are the largest :math:`p_{ij}`. Pixels are centred by channel, since
    views move them.

    Departures from [1]_: the prototypes are the clusters, where the paper learns
    features with thousands of them; those of `n_overclusters` are the further ones;
    there are two views of full size and no smaller ones, and no queue of rows of steps
    before; the projection has the width of the embedding inside; the optimiser is not
    LARS; images keep their size; pixels are scaled; the paper has no views of tables.

    References
    ----------
    .. [1] M. Caron, I. Misra, J. Mairal, P. Goyal, P. Bojanowski, A. Joulin (2020).
       Unsupervised learning of visual features by contrasting cluster assignments.
       Advances in Neural Information Processing Systems 33.
       doi:10.48550/arXiv.2006.09882

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import SwAVClustering
    >>> images = load_digits().images[:200]
    >>> clustering = SwAVClustering(10, max_epochs=20, random_state=0)
    >>> clustering.fit_predict(images).shape
    (200,)
    >>> clustering.predict_proba(images).shape
    (200, 10)
    """

    _parameter_rules = {
        **OverclusteringClusterer._parameter_rules,
        "projection_size": [Integers(1)],
        "temperature": [Reals(0, closed="neither")],
        "code_temperature": [Reals(0, closed="neither")],
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
        n_overclusters: int | Literal["auto"] = "auto",
        projection_size: int = 128,
        temperature: float = 0.1,
        code_temperature: float = 0.05,
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
        self.n_overclusters = n_overclusters
        self.projection_size = projection_size
        self.temperature = temperature
        self.code_temperature = code_temperature
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

    def _make_heads(self, n_clusters, seed, name):
        size = self.n_components_
        return PrototypeHeads(
            size,
            n_clusters,
            1,
            size,
            self.projection_size,
            self.temperature,
            generator(seed, name),
        )

    def _objective(self, trainer, model):
        n_steps = self._n_steps(trainer)
        return _SwappedAssignments(
            model,
            self._make_overclusters(trainer),
            self._make_views(trainer),
            self.code_temperature,
            n_steps // _FROZEN,
        )
