"""Semantic Clustering by Adopting Nearest neighbors."""

import copy
from collections.abc import Callable
from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from sklearn.frozen import FrozenEstimator

from skdeepcluster.base import auto_epochs
from skdeepcluster.cluster._shared._heads import HeadClusterer, best_head
from skdeepcluster.cluster._shared._neighbors import (
    NeighborConsistency,
    SelfLabelling,
    head_losses,
)
from skdeepcluster.cluster._shared._sub_estimator import SubEstimatorMixin
from skdeepcluster.engine import Rows, derive_seed, generator
from skdeepcluster.initialization import kmeans_centers, nearest_neighbors
from skdeepcluster.networks import ClusterHeads, HeadModel, UnitRows, image_layout
from skdeepcluster.representation import (
    AUGMENTATIONS,
    BYOL,
    Autoencoder,
    SimCLR,
    ViewLearner,
    check_augmentation,
    make_views,
)
from skdeepcluster.utils import Integers, Reals, feature_scaling

_HIDDEN = 512  # width of a head on rows or on a frozen encoder


class SCANClustering(SubEstimatorMixin, HeadClusterer):
    r"""SCAN: rows and their nearest neighbours belong together.

    Heads learn to give each row the cluster of its neighbours in a representation, with
    clusters of equal size as the counterweight. Use it where neighbours are mostly of
    one kind: on embeddings of a foundation model, on tables of many columns, and on
    images behind :class:`SimCLR`. Neighbours are those in the same direction from the
    mean: where distance matters, as in tables of few columns, prefer
    :class:`DECClustering`. It pulls towards clusters of equal size: on very unequal
    ones lower `entropy_weight`. Columns in different units belong through a
    StandardScaler first.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    representation : SimCLR, BYOL, Autoencoder, FrozenEstimator or None, default=None
        Where neighbours are looked for, and whose encoder goes on. It is cloned and
        fitted first, with a seed derived from `random_state` where its own is None. A
        fitted one within a :class:`sklearn.frozen.FrozenEstimator` is not fitted again;
        a copy of its network is used and the original stays as it is. None: the rows
        are a representation already, such as those of any other transformer in front
        in a pipeline.
    update_encoder : bool, default=False
        Whether the encoder of `representation` is trained with the heads, as in the
        paper. If not, and without one, heads have a hidden layer and are given rows of
        length one.
    n_neighbors : int, default=20
        Neighbours of each row in range [1, inf), by the angle between rows, embeddings
        or, of SimCLR and BYOL, projections.
    n_heads : int, default=4
        Heads that are trained beside each other, in range [1, inf), of which the one is
        kept that keeps most clusters and then has the least loss.
    entropy_weight : float, default=5.0
        Weight of the entropy of the mean assignment, in range [0, inf): the pull
        towards clusters of equal size.
    augmentation : str, callable or None, default="auto"
        Views of rows that are trained on: those of :class:`SimCLR`, ``"weak"`` and
        ``"strong"`` for images, ``"corruption"``, ``"neighbors"`` and ``"noise"`` for
        other rows and for what an encoder gives that is not trained, or a callable.
        ``"auto"`` is ``"strong"`` for images that go through a convolutional encoder
        that is trained; all else stays as it is, which None means for images too.
    self_label : bool or "auto", default="auto"
        Whether rows that the best head is sure of then teach it to label changed copies
        of them likewise. What comes out is taken only if no cluster is lost and the
        loss is not worse. ``"auto"`` does it where views are trained on.
    threshold : float, default=0.99
        Probability above which the head is sure, in range [0, 1).
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float or "auto", default="auto"
        Step size, in range (0, inf). ``"auto"`` is 0.001, and 0.0001 where the encoder
        is trained too, on views.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in each of the two stages, in range [0, inf). ``"auto"`` is
        200, or less: 2,000 optimiser steps where rows are many. A number is obeyed
        exactly.
    batch_size : int or "auto", default="auto"
        Rows per optimiser step in range [1, inf). ``"auto"`` is 256, for small data an
        eighth of the rows but at least 16; about ten for each cluster where clusters
        are many. Batches are made equally long.
    memory : str, joblib.Memory or None, default=None
        Where to keep what is fitted first: fits that differ only in what comes after
        pre-training pre-train once. Needs an integer `random_state`, here or there.
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
        Labels of k-means where neighbours are looked for.
    head_losses_ : ndarray of shape (n_heads,)
        Loss of each head over all rows and neighbours, with an entropy weight of one;
        after a warm start of the one that was kept.
    best_head_ : int
        The head that was kept.
    self_labelled_ : bool
        Whether the model is that of self-labelling.
    representation_ : SimCLR, BYOL, Autoencoder or None
        The fitted representation.
    model_ : torch.nn.Module
        The trained network with the head that was kept, with ``embed`` and ``assign``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs of the clustering stage.
    history_ : list of dict
        One record per epoch and stage: stage, epoch, loss and its terms (means over the
        heads), learning rate and seconds; of self-labelling also the share of sure
        rows in the last batch. ``pandas.DataFrame(history_)`` makes it a table.
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
    SimCLR, BYOL : The representations for images.
    TEMIClustering : Neighbours too; a teacher weighs them, and sizes are measured.
    ContrastiveClustering : Clusters from views alone, in one stage.
    sklearn.cluster.KMeans : Compares rows with centres instead of neighbours.

    Notes
    -----
    With soft assignments :math:`p_i` of a row and :math:`p_{i'}` of the row itself or
    one of its neighbours, drawn anew in each step, every head minimises

    .. math::

        - \frac{1}{n} \sum_i \log p_i^T p_{i'}
        - \lambda H\Bigl( \frac{1}{n} \sum_i p_i \Bigr)

    over a batch, with :math:`\lambda`, `entropy_weight`, and the entropy :math:`H` in
    nats. The labels are the largest :math:`p_{ij}`.

    Departures from [1]_: encoders are trained on only where that is wanted; on rows and
    on encoders that stay as they are heads have a hidden layer with batch
    normalisation, where the paper has a linear layer and steps of size 5; the loss is
    the mean over the heads; weights do not decay; the head that is kept is chosen on
    the training rows; self-labelling has the batches of the stage before and is undone
    where it makes things worse; the views are those of :class:`SimCLR`.

    References
    ----------
    .. [1] W. Van Gansbeke, S. Vandenhende, S. Georgoulis, M. Proesmans, L. Van Gool
       (2020). SCAN: learning to classify images without labels. Computer Vision - ECCV
       2020, Lecture Notes in Computer Science 12355, 268-285.
       doi:10.1007/978-3-030-58607-2_16

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import SCANClustering
    >>> X, _ = load_digits(return_X_y=True)
    >>> scan = SCANClustering(10, max_epochs=5, random_state=0).fit(X[:300])
    >>> scan.predict(X[300:]).shape
    (1497,)
    >>> scan.predict_proba(X[300:]).shape
    (1497, 10)
    """

    _part = "representation"
    _learners = (SimCLR, BYOL, Autoencoder)

    _parameter_rules = {
        **HeadClusterer._parameter_rules,
        **SubEstimatorMixin._sub_estimator_rules,
        "representation": [None, *_learners, FrozenEstimator],
        "update_encoder": [True, False],
        "n_neighbors": [Integers(1)],
        "n_heads": [Integers(1)],
        "entropy_weight": [Reals(0)],
        "augmentation": [None, *AUGMENTATIONS, callable],
        "self_label": [True, False, "auto"],
        "threshold": [Reals(0, 1, closed="left")],
        "learning_rate": ["auto", Reals(0, closed="neither")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        representation: ViewLearner | Autoencoder | FrozenEstimator | None = None,
        update_encoder: bool = False,
        n_neighbors: int = 20,
        n_heads: int = 4,
        entropy_weight: float = 5.0,
        augmentation: str | Callable | None = "auto",
        self_label: bool | Literal["auto"] = "auto",
        threshold: float = 0.99,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float | Literal["auto"] = "auto",
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        memory: str | Memory | None = None,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        device: str | torch.device = "auto",
        checkpoint: str | PathLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ):
        self.n_clusters = n_clusters
        self.representation = representation
        self.update_encoder = update_encoder
        self.n_neighbors = n_neighbors
        self.n_heads = n_heads
        self.entropy_weight = entropy_weight
        self.augmentation = augmentation
        self.self_label = self_label
        self.threshold = threshold
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.memory = memory
        self.precision = precision
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        if self.representation is not None:
            self._check_learner(X)
        if self.augmentation in ("weak", "strong") and not self.update_encoder:
            raise ValueError(
                f"augmentation={self.augmentation!r} changes images, which only an "
                "encoder sees that is trained: set update_encoder=True."
            )
        check_augmentation(self.augmentation, self._layout(X.shape[1]))

    def _fit(self, X, seed, checkpoint, start):
        if start is None:
            self._fit_representation(X, seed, checkpoint)
        trainer = self._make_trainer(X, seed, checkpoint)
        neighbors = self._find_neighbors(trainer, seed)
        model = self._first_model(seed) if start is None else copy.deepcopy(start)
        model = model.to(trainer.device)
        trained = model
        if isinstance(model.encoder, UnitRows) and model.encoder.encoder is not None:
            # Its output stays as it is.
            units = trainer.apply(model.encoder).cpu().numpy()
            rows = Rows(units, np.zeros(units.shape[1]), 1.0, trainer.device)
            trainer = self._make_trainer(X, seed, checkpoint, rows)
            trained = HeadModel(UnitRows(), model.heads)
        views = self._make_views(trainer, trained)
        self.history_ = []
        if start is None and self.representation_ is not None:
            self.history_ += self.representation_.history_
        objective = NeighborConsistency(
            trained, trainer.rows, neighbors, views, self.entropy_weight
        )
        records = self._train(trainer, objective, "clustering")
        self.n_iter_ = len(records)
        losses, used = head_losses(trainer, trained, neighbors)
        self.head_losses_ = losses.cpu().numpy()
        self.best_head_ = best_head(losses, used)
        trained.choose(self.best_head_)
        self.self_labelled_ = False
        by_itself = self.self_label
        if by_itself == "auto":
            by_itself = views is not None
        if by_itself:
            before = losses[self.best_head_], used[self.best_head_]
            self._label_itself(trainer, trained, neighbors, views, *before)
        self.model_ = model.eval()
        self._label_rows(X)

    def _fit_representation(self, X, seed, checkpoint):
        """Sets `representation_`, centre and scale."""
        self.representation_ = None
        if self.representation is None:
            gather = self._group.gather_objects
            self.center_, self.scale_ = feature_scaling(X, gather)
            return
        (self.representation_,) = self._fit_learners(X, [seed], checkpoint)
        self.center_ = self.representation_.center_
        self.scale_ = self.representation_.scale_

    def _find_neighbors(self, trainer, seed):
        """(n_samples, n_neighbors) row numbers; sets `init_labels_`."""
        if self.representation_ is None:
            function, size = UnitRows(), trainer.rows.n_features
        else:
            model = copy.deepcopy(self.representation_.model_).to(trainer.device)
            function, size = model.embed, self.representation_.n_components_
            if isinstance(self.representation_, ViewLearner):
                function, size = model.project, self.representation_.projection_size
        z = trainer.passes(function, size)
        _, labels = kmeans_centers(z, self.n_clusters, 10, derive_seed(seed, "centers"))
        self.init_labels_ = labels.cpu().numpy()
        return nearest_neighbors(z, self.n_neighbors, by_angle=True)

    def _first_model(self, seed) -> HeadModel:
        """Encoder and heads; sets `n_components_`."""
        encoder, n_inputs = None, self.n_features_in_
        if self.representation_ is not None:
            encoder = copy.deepcopy(self.representation_.model_.encoder)
            n_inputs = self.representation_.n_components_
        is_trained = encoder is not None and self.update_encoder
        heads = ClusterHeads(
            n_inputs,
            self.n_clusters,
            self.n_heads,
            0 if is_trained else _HIDDEN,
            generator(seed, "heads"),
        )
        self.n_components_ = heads.n_outputs
        return HeadModel(encoder if is_trained else UnitRows(encoder), heads)

    def _make_views(self, trainer, model):
        layout = None
        if not isinstance(model.encoder, UnitRows):
            layout = self._layout(trainer.rows.n_features)
        no_views = self.augmentation == "auto" and layout is None
        if self.augmentation is None or no_views:
            return None
        return make_views(self.augmentation, layout, trainer)

    def _layout(self, n_features):
        """How the rows hold images that an encoder is trained on, None: they do not."""
        if self.representation is None or not self.update_encoder:
            return None
        if isinstance(self.representation, FrozenEstimator):
            learner = self.representation.estimator
        else:
            learner = self._unfitted_learner()
        layout = learner._layout(n_features)
        if layout is None and self.augmentation != "auto":
            # Of images that go flat through their autoencoder.
            shapes = self.image_shape_, learner.image_shape
            layout = image_layout(*shapes, learner.channels, n_features)
        return layout

    def _train(self, trainer, objective, stage):
        rate = self.learning_rate
        if rate == "auto":
            is_frozen = isinstance(objective.model.encoder, UnitRows)
            rate = 1e-3 if is_frozen or objective.views is None else 1e-4
        records = trainer.train(
            objective,
            stage=stage,
            max_epochs=auto_epochs(self.max_epochs, trainer, steps=2000, most=200),
            optimizer=self.optimizer,
            learning_rate=rate,
        )
        self.history_ += records
        return records

    def _label_itself(self, trainer, model, neighbors, views, loss, used):
        """Self-labelling, unless it makes things worse; sets `self_labelled_`."""
        before = {name: value.clone() for name, value in model.state_dict().items()}
        if views is None:
            views = make_views("noise", None, trainer)
        objective = SelfLabelling(model, views, self.threshold)
        self._train(trainer, objective, "self-labelling")
        loss_after, used_after = head_losses(trainer, model, neighbors)
        is_no_worse = (used_after >= used) & (loss_after <= loss)
        self.self_labelled_ = bool(is_no_worse & objective.taught)
        if not self.self_labelled_:
            model.load_state_dict(before)
