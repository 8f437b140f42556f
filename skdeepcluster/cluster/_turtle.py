"""TURTLE: labels that linear classifiers on all spaces learn most easily."""

import copy
from os import PathLike
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdeepcluster.base import auto_epochs
from skdeepcluster.cluster._shared._heads import HeadClusterer
from skdeepcluster.engine import Objective, derive_seed, generator
from skdeepcluster.initialization import kmeans_centers
from skdeepcluster.losses import mean_entropy, soft_cross_entropy
from skdeepcluster.networks import SpacesModel
from skdeepcluster.utils import (
    Integers,
    Reals,
    check_same_spaces,
    feature_scaling,
    resolve_spaces,
)

_LENGTH = 10.0  # of rows in each space: the root of the mean square
_ROWS = 1024  # of a batch, in which classifiers learn and are judged
_BETAS = 0.9, 0.999  # of Adam


class _Probes(nn.Module):
    """Linear classifiers, one on each space, that learn in a few steps of Adam."""

    def __init__(self, n_spaces, width, n_clusters, n_steps, learning_rate, are_kept):
        super().__init__()
        self.n_steps, self.learning_rate = n_steps, learning_rate
        self.are_kept = are_kept
        # One row of weights for each cluster: products of few columns take three times
        # as long. The last weight is the bias.
        for name in ("weight", "first", "second"):
            self.register_buffer(name, torch.zeros(n_spaces, n_clusters, width + 1))
        self.register_buffer("count", torch.zeros(()))

    @torch.no_grad()
    def learn(self, x: Tensor, labels: Tensor) -> Tensor:
        """(n_spaces, n, width) and soft (n, n_clusters) -> logits for the rows."""
        x = F.pad(x, (0, 1), value=1.0)
        columns, labels = x.mT.contiguous(), labels.T.contiguous()
        if not self.are_kept:
            for state in self.buffers():
                state.zero_()
        for _ in range(self.n_steps):
            p = (self.weight @ columns).float().softmax(dim=1)  # (n_spaces, k, n)
            gradient = ((p - labels) @ x).float() / x.shape[1]
            self.count += 1
            self.first.lerp_(gradient, 1 - _BETAS[0])
            self.second.lerp_(gradient.square(), 1 - _BETAS[1])
            rate = self.learning_rate / (1 - _BETAS[0] ** self.count)
            root = (self.second / (1 - _BETAS[1] ** self.count)).sqrt()
            self.weight -= rate * self.first / (root + 1e-8)
        return (self.weight @ columns).float().mT


class _Labelling(Objective):
    """Labels that linear classifiers learn easily, in clusters of equal size."""

    def __init__(self, model, probes, entropy_weight):
        super().__init__(model)
        self.probes, self.entropy_weight = probes, entropy_weight

    def losses(self, batch):
        of_spaces = self.model.features(batch.x)
        p = self.model.heads(of_spaces).softmax(dim=2)  # (n_spaces, n, n_clusters)
        tau = p.mean(dim=0)
        learned = self.probes.learn(of_spaces, tau.detach())
        return {
            "cross_entropy": soft_cross_entropy(learned, tau).sum(),
            "entropy": -self.entropy_weight * mean_entropy(p).sum(),
        }


class TURTLEClustering(HeadClusterer):
    r"""TURTLE: the labels that linear classifiers on frozen rows learn most easily.

    A linear head labels the rows, linear classifiers learn these labels in a few steps,
    and the head is changed so that they err less: good clusters are those that a line
    can part. Its strength is several embeddings of the same rows, beside each other in
    one array and told apart by `spaces`: clusters must then be easy to learn from each
    of them. Use it on embeddings of foundation models. Without several spaces, and
    where clusters are not linearly separable, prefer :class:`TEMIClustering`.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    spaces : list, tuple or None, default=None
        Which columns of `X` belong together, as one embedding: for each space a slice,
        a tuple ``(start, stop)``, or a list of the numbers or names of its columns.
        Spaces may overlap, and columns in no space do not count. None is one space of
        all columns.
    entropy_weight : float, default=10.0
        Weight of the entropy of the mean assignment, in range [0, inf): the pull
        towards clusters of equal size.
    probe_steps : int, default=10
        Steps in which the classifiers learn the labels, before each step of the heads,
        in range [1, inf).
    probe_learning_rate : float, default=0.01
        Step size of the classifiers, in range (0, inf).
    keep_probes : bool, default=True
        Whether the classifiers go on from what they have learned before; else they
        start anew in each step of the heads.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.01
        Step size of the heads, in range (0, inf).
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` is 1,000, or less: 1,000
        optimiser steps where rows are many. A number is obeyed exactly.
    batch_size : int or "auto", default="auto"
        Rows per optimiser step in range [1, inf). ``"auto"`` is 1,024, or a hundred for
        each cluster where that is more. Batches are made equally long.
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
        Labels of k-means on all spaces beside each other, each scaled as for the heads.
    model_ : torch.nn.Module
        The heads, with ``embed`` and ``assign``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs.
    history_ : list of dict
        One record per epoch: stage, epoch, loss, its two terms, learning rate and
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
    TEMIClustering : Neighbours in one embedding, and clusters of any shape.
    SCANClustering : Neighbours too, with clusters of equal size, and an encoder.
    sklearn.cluster.KMeans : Compares rows with centres instead of separating them.

    Notes
    -----
    Each space :math:`s` is centred and divided by one number, so that the mean square
    of the length of its rows :math:`z_i^s` is 100. A head on it, with weights that are
    directions of length one times a number (weight normalisation), gives each row
    probabilities :math:`p_i^s`, and the label is their mean over the spaces,
    :math:`\tau_i`. In each step linear classifiers :math:`w^s`, one on each space,
    start at zero and learn :math:`\tau` of a batch by `probe_steps` steps of Adam on
    their cross-entropy; with `keep_probes` only the first time at zero, and else where
    they ended, with what Adam remembers. Then the heads make a step on

    .. math::

        \sum_s \Bigl( - \frac{1}{n} \sum_{ij} \tau_{ij} \log w^s_{ij}
        - \gamma H \bigl( \tfrac{1}{n} \textstyle\sum_i p^s_i \bigr) \Bigr)

    where :math:`w^s_{ij}` is what the classifier says, without a gradient: how the
    classifiers depend on the labels that they have learned is left out (first order).
    :math:`H` is the entropy and :math:`\gamma` is `entropy_weight`. The labels are the
    largest :math:`\tau_{ij}`, and the embedding is the mean of the heads' logits.

    Departures from [1]_: fits are of 1,000 steps in place of 6,000, with step sizes of
    0.01 for both players in place of 0.001; rows are centred and have one scale, where
    the paper takes embeddings as they are, and heads start with logits of about 0.2, so
    that step sizes mean the same for all of them; classifiers start at zero, not at
    random; batches have 1,024 rows in place of 10,000. The paper chooses step sizes and
    whether classifiers are kept by how well a classifier predicts the labels of rows
    that it has not seen; here that is left to the user.

    References
    ----------
    .. [1] A. Gadetsky, Y. Jiang, M. Brbic (2024). Let go of your labels with
       unsupervised transfer. International Conference on Machine Learning (ICML) 2024.
       doi:10.48550/arXiv.2406.07236

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import TURTLEClustering
    >>> X, _ = load_digits(return_X_y=True)
    >>> upper_and_lower = [(0, 32), (32, 64)]
    >>> turtle = TURTLEClustering(
    ...     10, spaces=upper_and_lower, max_epochs=10, random_state=0
    ... ).fit(X[:300])
    >>> turtle.predict(X[300:]).shape
    (1497,)
    >>> turtle.predict_proba(X[300:]).shape
    (1497, 10)
    """

    _parameter_rules = {
        **HeadClusterer._parameter_rules,
        "spaces": [None, list, tuple],
        "entropy_weight": [Reals(0)],
        "probe_steps": [Integers(1)],
        "probe_learning_rate": [Reals(0, closed="neither")],
        "keep_probes": [False, True],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        spaces=None,
        entropy_weight: float = 10.0,
        probe_steps: int = 10,
        probe_learning_rate: float = 0.01,
        keep_probes: bool = True,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 0.01,
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
        self.spaces = spaces
        self.entropy_weight = entropy_weight
        self.probe_steps = probe_steps
        self.probe_learning_rate = probe_learning_rate
        self.keep_probes = keep_probes
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

    def _auto_batch_size(self, n_samples: int) -> int:
        return max(1, min(n_samples, max(_ROWS, 100 * self.n_clusters)))

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        columns = self._columns()
        if start is not None:
            check_same_spaces(self.spaces, columns.tolist(), start.columns.tolist())

    def _columns(self) -> Tensor:
        """Numbers of the columns of each space, filled up: (n_spaces, width)."""
        n_features = self.n_features_in_
        names = getattr(self, "feature_names_in_", None)
        spaces = resolve_spaces(self.spaces, n_features, names)
        return nn.utils.rnn.pad_sequence(
            [torch.from_numpy(columns) for columns in spaces],
            batch_first=True,
            padding_value=n_features,
        )

    def _fit(self, X, seed, checkpoint, start):
        if start is None:
            self.center_, self.scale_ = feature_scaling(X, self._group.gather_objects)
        trainer = self._make_trainer(X, seed, checkpoint)
        if start is None:
            model = self._first_model(trainer, seed)
        else:
            model = copy.deepcopy(start)
        z = trainer.passes(model.to(trainer.device).flat, model.columns.numel())
        _, labels = kmeans_centers(z, self.n_clusters, 10, derive_seed(seed, "centers"))
        self.init_labels_ = labels.cpu().numpy()
        probes = _Probes(
            model.n_spaces,
            model.width,
            self.n_clusters,
            self.probe_steps,
            self.probe_learning_rate,
            self.keep_probes,
        )
        self.history_ = trainer.train(
            _Labelling(model, probes, self.entropy_weight),
            stage="clustering",
            max_epochs=auto_epochs(self.max_epochs, trainer, steps=1000, most=1000),
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
        )
        self.n_iter_ = len(self.history_)
        self.model_ = model.eval()
        self._label_rows(X)
        self.n_components_ = self.n_clusters_

    def _label_rows(self, X):
        """Again after clusters are dropped: in each space the others then gain."""
        n_clusters = None
        while n_clusters != self.model_.n_clusters:
            n_clusters = self.model_.n_clusters
            super()._label_rows(X)

    def _first_model(self, trainer, seed) -> SpacesModel:
        model = SpacesModel.on(
            self._columns(),
            self.n_features_in_,
            self.n_clusters,
            generator(seed, "heads"),
        ).to(trainer.device)
        squares = trainer.apply(model.squares).mean(dim=0)
        model.factors.copy_(torch.where(squares > 0, _LENGTH / squares.sqrt(), 1))
        return model
