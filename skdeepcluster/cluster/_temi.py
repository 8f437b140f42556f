"""TEMI: what a row and its neighbour share, beyond what is shared by chance."""

import copy
from os import PathLike
from typing import Literal

import numpy as np
import torch

from skdeepcluster.base import auto_epochs
from skdeepcluster.cluster._shared._heads import HeadClusterer, best_head, n_used
from skdeepcluster.engine import Objective, Trainer, derive_seed, generator
from skdeepcluster.initialization import (
    drawn_neighbors,
    kmeans_centers,
    nearest_neighbors,
)
from skdeepcluster.losses import agreement, pointwise_mutual_information
from skdeepcluster.networks import HeadModel, MovingAverage, PrototypeHeads, UnitRows
from skdeepcluster.utils import Integers, Reals, feature_scaling

_HIDDEN, _OUTPUTS, _TEMPERATURE = 256, 128, 0.1  # of a head
_PRIOR_MOMENTUM = 0.9


class _SharedClusters(Objective):
    """A row tells of its neighbour what the teacher knows of it."""

    takes_rows = True

    def __init__(self, model, rows, neighbors, beta, momentum, n_steps):
        super().__init__(model)
        self.rows, self.beta = rows, beta
        self.teacher = MovingAverage(model.heads, momentum, n_steps)
        self.register_buffer("neighbors", neighbors, persistent=False)
        shape = model.heads.n_heads, model.n_clusters
        self.register_buffer("prior", torch.full(shape, 1 / model.n_clusters))

    def losses(self, batch):
        others = drawn_neighbors(
            self.neighbors, batch.index, self.generator, with_itself=False
        )
        z = self.model.encoder(torch.cat([batch.x, self.rows.take(others)]))
        log_student = self.model.heads(z).log_softmax(dim=2)  # (n_heads, 2 n, k)
        with torch.no_grad():
            log_teacher = self.teacher(z).log_softmax(dim=2)
            q = log_teacher.exp()
            self.prior.lerp_(q.mean(dim=1), 1 - _PRIOR_MOMENTUM)
            weight = agreement(*q.chunk(2, dim=1)).mean(dim=0)  # (n,)
            of_other = log_teacher.roll(len(batch.x), dims=1)
        information = pointwise_mutual_information(
            log_student, of_other, self.prior, self.beta
        )
        return {"information": -(weight.repeat(2) * information).mean()}

    def after_step(self, batch):
        self.teacher.follow(self.model.heads)


class TEMIClustering(HeadClusterer):
    r"""TEMI: rows share with their neighbours more than chance would have it.

    Heads on rows that stay as they are learn to give each row the cluster that a
    moving average of them gives its neighbour. Pairs that the average finds apart count
    less, and what a pair shares counts by how rare it is, which keeps all rows from
    ending in one cluster. Use it on embeddings, of a foundation model or of a
    transformer such as :class:`SimCLR` in front in a pipeline, and on tables of many
    columns. It goes by directions from the mean: for tables of few columns prefer
    :class:`DECClustering`. To train an encoder along, or for clusters of equal size,
    prefer :class:`SCANClustering`. Columns in different units belong through a
    StandardScaler first.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    n_neighbors : int, default=20
        Neighbours of each row in range [1, inf), by the angle between rows.
    n_heads : int, default=8
        Heads that are trained beside each other, in range [1, inf), of which the one is
        kept that keeps most clusters and then has the least loss.
    beta : float, default=0.6
        Power of the products of probabilities, in range (0, 1]. 1 is the pointwise
        mutual information; smaller values hold on to clusters with few rows, and leave
        assignments softer.
    momentum : float, default=0.9
        Share of the averaged copy that stays in a step, in range [0, 1). In short fits
        it is less, so that the average looks back at no more than a twentieth of all
        steps.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.001
        Step size, in range (0, inf).
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` is 200, or less: 2,000
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
    init_labels_ : ndarray of shape (n_samples,), int64
        Labels of k-means on the rows divided by their length.
    head_losses_ : ndarray of shape (n_heads,)
        Loss of each averaged head over all rows and neighbours; after a warm start of
        the one that was kept.
    best_head_ : int
        The head that was kept.
    model_ : torch.nn.Module
        The averaged head that was kept, with ``embed`` and ``assign``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs.
    history_ : list of dict
        One record per epoch: stage, epoch, loss (a mean over the heads), learning rate
        and seconds. ``pandas.DataFrame(history_)`` makes it a table.
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
    SCANClustering : Neighbours too, with clusters of equal size, and an encoder.
    SimCLR : Embeds images, to stand in front.
    sklearn.cluster.KMeans : Compares rows with centres instead of neighbours.

    Notes
    -----
    Rows are centred and divided by their length. Each head makes of a row a vector of
    length one, whose cosines with a prototype for each cluster, divided by 0.1, go
    through a softmax: :math:`p_{ij}`. Its moving average, the teacher, gives
    :math:`q_{ij}`. With a neighbour :math:`i'` of each row of a batch, drawn anew in
    each step, every head minimises

    .. math::

        \frac{1}{2 n} \sum_i w_i \bigl( \ell(i, i') + \ell(i', i) \bigr),
        \quad \ell(i, i') = - \log \sum_j \frac{(p_{ij} q_{i'j})^\beta}{\pi_j}

    where :math:`w_i`, the mean over the heads of :math:`\sum_j q_{ij} q_{i'j}`, is how
    probable the teachers find it that both share a cluster, and :math:`\pi` the
    running mean of :math:`q`, of which 0.9 stays in each step. Neither has a gradient.
    The labels are the largest :math:`q_{ij}`, and the embedding is the vector of length
    one.

    Departures from [1]_: fits are short, so that the average looks back at 10 steps in
    place of 250, Adam has a larger learning rate without warm-up and decay of weights,
    and no layer waits for an epoch; there are 8 heads and 20 neighbours, where the
    paper has 50 and 50; heads are half as wide, with batch normalisation behind both
    layers and ReLU for GELU; lengths of prototypes are not learned; rows are centred
    and have length one; the head that is kept is chosen by the loss of the teachers
    over all rows and neighbours, not by the mean loss in the last epoch.

    References
    ----------
    .. [1] N. Adaloglou, F. Michels, H. Kalisch, M. Kollmann (2023). Exploring the
       limits of deep image clustering using pretrained models. British Machine Vision
       Conference (BMVC) 2023. doi:10.48550/arXiv.2303.17896

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import TEMIClustering
    >>> X, _ = load_digits(return_X_y=True)
    >>> temi = TEMIClustering(10, max_epochs=5, random_state=0).fit(X[:300])
    >>> temi.predict(X[300:]).shape
    (1497,)
    >>> temi.predict_proba(X[300:]).shape
    (1497, 10)
    """

    _parameter_rules = {
        **HeadClusterer._parameter_rules,
        "n_neighbors": [Integers(1)],
        "n_heads": [Integers(1)],
        "beta": [Reals(0, 1, closed="right")],
        "momentum": [Reals(0, 1, closed="left")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        n_neighbors: int = 20,
        n_heads: int = 8,
        beta: float = 0.6,
        momentum: float = 0.9,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 1e-3,
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
        self.n_neighbors = n_neighbors
        self.n_heads = n_heads
        self.beta = beta
        self.momentum = momentum
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.precision = precision
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _fit(self, X, seed, checkpoint, start):
        if start is None:
            self.center_, self.scale_ = feature_scaling(X, self._group.gather_objects)
        trainer = self._make_trainer(X, seed, checkpoint)
        z = trainer.passes(UnitRows(), trainer.rows.n_features)
        _, labels = kmeans_centers(z, self.n_clusters, 10, derive_seed(seed, "centers"))
        self.init_labels_ = labels.cpu().numpy()
        neighbors = nearest_neighbors(z, self.n_neighbors, by_angle=True)
        model = self._first_model(seed) if start is None else copy.deepcopy(start)
        n_epochs = auto_epochs(self.max_epochs, trainer, steps=2000, most=200)
        objective = _SharedClusters(
            model.to(trainer.device),
            trainer.rows,
            neighbors,
            self.beta,
            self.momentum,
            n_epochs * trainer.steps_per_epoch,
        )
        self.history_ = trainer.train(
            objective,
            stage="clustering",
            max_epochs=n_epochs,
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
        )
        self.n_iter_ = len(self.history_)
        model.heads = objective.teacher.network.requires_grad_(True)
        losses, used = _head_losses(trainer, model, neighbors, self.beta)
        self.head_losses_ = losses.cpu().numpy()
        self.best_head_ = best_head(losses, used)
        model.choose(self.best_head_)
        self.model_ = model.eval()
        self._label_rows(X)

    def _first_model(self, seed) -> HeadModel:
        """Heads on rows of length one; sets `n_components_`."""
        heads = PrototypeHeads(
            self.n_features_in_,
            self.n_clusters,
            self.n_heads,
            _HIDDEN,
            _OUTPUTS,
            _TEMPERATURE,
            generator(seed, "heads"),
            batch_norm=True,
        )
        self.n_components_ = heads.n_outputs
        return HeadModel(UnitRows(), heads)


def _head_losses(trainer: Trainer, model: HeadModel, neighbors, beta):
    """Without labels, (n_heads,) losses and (n_heads,) numbers of clusters with rows.

    The loss is that of training, over all rows and neighbours.
    """
    p = trainer.apply(model.assign_all).unbind(dim=1)  # (n, n_clusters) of each head
    smallest = torch.finfo(torch.float32).tiny
    heads = [(one.clamp_min(smallest).log(), one.mean(dim=0)) for one in p]
    # A row that is alone has itself.
    columns = list(neighbors.T) or [torch.arange(len(neighbors)).to(neighbors)]
    losses = torch.zeros(len(p), device=neighbors.device)
    for column in columns:
        weight = sum(agreement(one, one[column]) for one in p) / len(p)
        for head, (log_p, prior) in enumerate(heads):
            information = pointwise_mutual_information(
                log_p, log_p[column], prior, beta
            )
            losses[head] -= (weight * information).mean() / len(columns)
    return losses, torch.stack([n_used(one) for one in p])
