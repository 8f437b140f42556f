"""IMSAT: informative assignments that small changes of a row do not change."""

import math
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import nn

from skdeepcluster.cluster._shared._heads import EncoderHeadClusterer
from skdeepcluster.cluster._shared._size_prior import SIZE_PRIORS, prior_shares
from skdeepcluster.engine import Objective, generator
from skdeepcluster.initialization import farthest_distances, nearest_neighbors
from skdeepcluster.losses import (
    adversarial_perturbation,
    conditional_entropy,
    kl_divergence,
    size_divergence,
)
from skdeepcluster.networks import MLP, ClusterHeads, HeadModel, fixed_averages
from skdeepcluster.utils import Integers, Reals

_MANY_ROWS = 10_000  # from which the layers are as wide as the paper's
_RISE = 0.5  # share of the steps in which expected sizes move away from equal ones
_NEAR_UNIFORM = 1e-4  # what the first weights of the last layer are multiplied by


class _Information(Objective):
    """Certain rows, clusters of expected size, and no change where none is due."""

    def __init__(self, model, prior, weights, distances, radius, n_steps):
        super().__init__(model)
        self.vat_weight, self.clustering_weight, self.balance_weight = weights
        self.radius, self.n_steps = radius, n_steps
        self.register_buffer("prior", prior, persistent=False)
        self.register_buffer("distances", distances, persistent=False)
        self.register_buffer("step", torch.zeros(()))

    def losses(self, batch):
        # One row alone has no batch statistics.
        x = batch.x if len(batch.x) > 1 else batch.x.repeat(2, 1)
        log_p = self._log_assign(x)
        p = log_p.exp()
        # Of equal shares this is the entropy of the mean assignment.
        entropy = math.log(p.shape[1]) - size_divergence(p, self._expected())
        weight = self.clustering_weight
        terms = {
            "certainty": weight * conditional_entropy(p),
            "balance": -weight * self.balance_weight * entropy,
        }
        if self.vat_weight:
            terms["vat"] = self.vat_weight * self._smoothness(x, p.detach(), batch)
        return terms

    def after_step(self, batch):
        self.step += 1

    def _expected(self):
        """The prior to a power that rises to one: -> (k,).

        Which cluster is large is then for the rows to say, and not for the first steps.
        """
        power = ((self.step + 1) / (self.n_steps + 1)).clamp_max(1.0)
        return (power * self.prior.log()).softmax(dim=0)

    def _log_assign(self, x):
        return self.model.logits(x)[0].log_softmax(dim=1)

    def _smoothness(self, x, p, batch):
        """How much the assignments change where they change most: -> scalar."""
        distances = self.distances[batch.index].unsqueeze(1)
        with fixed_averages(self.model):
            change = adversarial_perturbation(
                self._log_assign,
                x,
                p,
                look=distances,
                radius=self.radius * distances,
                generator=self.generator,
            )
            return kl_divergence(p, self._log_assign(x + change))


class IMSATClustering(EncoderHeadClusterer):
    r"""IMSAT: clusters that tell much of a row and hold when it is changed a little.

    A network learns to put rows into clusters, without pre-training and without
    centroids: each row with certainty, all clusters of the expected size, and the same
    cluster for a row that is moved a little in the direction that changes it most. It
    needs no views, so that it suits rows of which nothing is known but which of them
    are near each other: embeddings, pixels of things that stand still, tables of many
    columns. Distances of the input must mean something: columns in different units
    belong through a StandardScaler first. Where views can be made prefer
    :class:`ContrastiveClustering`, for few rows :class:`DECClustering`.

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
        Widths of the layers of ``"mlp"``, each with batch normalisation and ReLU, of
        which the last is the embedding. ``"auto"`` is (256, 256) below 10,000 rows and
        (1200, 1200) from there.
    image_shape : tuple of int or None, default=None
        Channels, height and width of the images that flat rows hold. None: `X` has
        images as (n_samples, height, width) or with an axis for channels, or none.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of an image holds its channels. ``"auto"`` is the one with at most
        four entries, and first in flat rows.
    size_prior : {"uniform", "zipf"} or array-like, default="uniform"
        Which sizes of clusters are expected: equal ones, sizes that fall as one over
        their rank, or a positive number for each cluster, in any order, which are
        divided by their sum.
    balance_weight : float, default=4.0
        Weight of the sizes against the certainty of rows, in range [0, inf).
    clustering_weight : float, default=0.1
        Weight of certainty and sizes together, in range (0, inf).
    vat_weight : float, default=1.0
        Weight of holding still, in range [0, inf). 0 leaves the two other terms, those
        of RIM, and spares two thirds of the time.
    n_neighbors : int, default=10
        The neighbour whose distance says how far a row is moved, in range [1, inf).
    radius : float, default=0.25
        How far a row is moved, in parts of that distance, in range (0, inf).
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.002
        Largest step size, in range (0, inf).
    learning_rate_schedule : {"constant", "cosine", "one_cycle"}, default="constant"
        Constant; falling along a cosine; or rising over the first three tenths of the
        steps before falling.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` is 200, or less: 8,000
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
    ContrastiveClustering : Clusters that views of a row agree on.
    TEMIClustering : Clusters on embeddings that stay as they are.

    Notes
    -----
    With the soft assignments :math:`p_i` of a batch of :math:`n` rows in :math:`k`
    clusters, their mean :math:`\bar p`, and a prior :math:`u` of sizes, sorted as
    :math:`\bar p` is, the loss is

    .. math::

        w \frac{1}{n} \sum_i \mathrm{KL}(p_i \,\|\, p(x_i + r_i))
        + \lambda \Bigl( \frac{1}{n} \sum_i H(p_i)
        - \mu \bigl( \log k - \mathrm{KL}(\bar p \,\|\, u) \bigr) \Bigr)

    where :math:`w` is `vat_weight`, :math:`\lambda` is `clustering_weight`,
    :math:`\mu` is `balance_weight` and :math:`H` the entropy in nats. Of equal sizes
    the last bracket is :math:`H(\bar p)`; others begin as equal ones, as a power of the
    prior that rises to one in the first half of the steps, so that it is for the rows
    to say which cluster is large. :math:`\mathrm{KL}` has no gradient by
    :math:`p_i`. With the distance :math:`d_i` to the neighbour numbered `n_neighbors`,
    the row is moved by :math:`r_i`, of length `radius` times :math:`d_i`, in the
    direction of the gradient of :math:`\mathrm{KL}(p_i \,\|\, p(x_i + d_i u_i))` by
    :math:`u_i`, at a random direction. Batch normalisation takes the statistics of the
    rows as they are moved, and its running averages see only rows as they are. The last
    layer starts near zero, so near equal assignments. The labels are the largest
    :math:`p_{ij}`.

    Departures from [1]_: the order and the rise of a prior; the gradient is looked for
    at the distance :math:`d_i`, where the paper's code looks at distance 10 in every
    data set, about as far for the digits it has; layers are narrower for few rows, and
    hidden ones start with larger weights; the number of steps does not grow with the
    rows; one forward pass gives both the assignments and what the moved rows are
    compared with. `vat_weight` 0 is RIM [2]_ with this network and without its weight
    decay, which says little about layers that normalise batches; RIM has
    `balance_weight` 1.

    References
    ----------
    .. [1] W. Hu, T. Miyato, S. Tokui, E. Matsumoto, M. Sugiyama (2017). Learning
       discrete representations via information maximizing self-augmented training.
       Proceedings of the International Conference on Machine Learning, Proceedings of
       Machine Learning Research 70, 1558-1567. doi:10.48550/arXiv.1702.08720

    .. [2] R. Gomes, A. Krause, P. Perona (2010). Discriminative clustering by
       regularized information maximization. Advances in Neural Information Processing
       Systems 23, 775-783.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import IMSATClustering
    >>> X = load_digits().data[:200]
    >>> clustering = IMSATClustering(10, max_epochs=20, random_state=0)
    >>> clustering.fit_predict(X).shape
    (200,)
    >>> clustering.predict_proba(X).shape
    (200, 10)
    """

    _auto_steps = 8000

    _parameter_rules = {
        **EncoderHeadClusterer._parameter_rules,
        "size_prior": SIZE_PRIORS,
        "balance_weight": [Reals(0)],
        "clustering_weight": [Reals(0, closed="neither")],
        "vat_weight": [Reals(0)],
        "n_neighbors": [Integers(1)],
        "radius": [Reals(0, closed="neither")],
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
        size_prior: Literal["uniform", "zipf"] | ArrayLike = "uniform",
        balance_weight: float = 4.0,
        clustering_weight: float = 0.1,
        vat_weight: float = 1.0,
        n_neighbors: int = 10,
        radius: float = 0.25,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 2e-3,
        learning_rate_schedule: Literal["constant", "cosine", "one_cycle"] = "constant",
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
        self.size_prior = size_prior
        self.balance_weight = balance_weight
        self.clustering_weight = clustering_weight
        self.vat_weight = vat_weight
        self.n_neighbors = n_neighbors
        self.radius = radius
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
        prior_shares(self.size_prior, self.n_clusters)

    def _fit(self, X, seed, checkpoint, start):
        self._n_rows, self._is_new = self._n_total(X), start is None
        try:
            super()._fit(X, seed, checkpoint, start)
        finally:
            del self._n_rows, self._is_new

    def _auto_widths(self):
        return (256, 256) if self._n_rows < _MANY_ROWS else (1200, 1200)

    def _make_mlp(self, sizes, weights):
        return MLP(sizes, weights, batch_norm=True, linear_output=False)

    def _first_model(self, n_features, seed):
        encoder, size = self._make_encoder(n_features, seed)
        self.n_components_ = size
        heads = ClusterHeads(size, self.n_clusters, 1, 0, generator(seed, "heads"))
        with torch.no_grad():
            heads.weight *= _NEAR_UNIFORM
        return HeadModel(encoder, heads)

    def _objective(self, trainer, model):
        return _Information(
            model,
            prior_shares(self.size_prior, self.n_clusters),
            (self.vat_weight, self.clustering_weight, self.balance_weight),
            self._distances(trainer),
            self.radius,
            self._n_steps(trainer) * _RISE * self._is_new,
        )

    def _distances(self, trainer):
        """Of each row to the neighbour that says how far it is moved: -> (n,)."""
        if not self.vat_weight or self.max_epochs == 0:
            return torch.zeros(trainer.n_samples)
        z = trainer.passes(nn.Identity(), trainer.rows.n_features)
        neighbors = nearest_neighbors(z, self.n_neighbors, by_angle=False)
        return farthest_distances(trainer.rows, neighbors)
