"""What all clusterers share: the sub-estimator, prediction, score and cluster means."""

import copy
import numbers
from abc import abstractmethod
from typing import Self

import numpy as np
import torch
from joblib import Memory
from scipy.sparse import csr_array
from sklearn.base import ClusterMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted, check_memory
from torch import nn

from skdeepcluster.base import DeepEstimator, auto_epochs, content, fingerprint
from skdeepcluster.cluster._runs import Run, most_agreed, pays_as_one, run_seeds
from skdeepcluster.engine import (
    OPTIMIZERS,
    Objective,
    Trainer,
    apply_in_batches,
    are_kept,
    derive_seed,
    hardware,
    resolve_seed,
)
from skdeepcluster.representation import Autoencoder
from skdeepcluster.utils import (
    Integers,
    MatrixLike,
    Reals,
    check_parameters,
    row_blocks,
    warn_caller,
)


class DeepClusterer(ClusterMixin, DeepEstimator):
    """Base of clusterers that start from an autoencoder.

    A subclass says what it starts with, in ``_first_model(trainer, autoencoder, seed)``
    of its own copy of the pre-trained network, where it sets `init_labels_`; and what
    it minimises, in ``_objective(trainer, model)``.
    """

    __metadata_request__predict = {"out": UNUSED}

    _auto_steps = 4000  # optimiser steps that max_epochs="auto" stands for

    _parameter_rules = {
        **DeepEstimator._parameter_rules,
        "n_clusters": [Integers(1)],
        "autoencoder": [None, Autoencoder, FrozenEstimator],
        "optimizer": list(OPTIMIZERS),
        "learning_rate": [Reals(0, closed="neither")],
        "memory": [None, str, Memory],
        "n_runs": [Integers(1)],
    }

    def set_params(self, **params) -> Self:
        """Set parameters of this estimator or, as ``autoencoder__...``, of its part.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self : object
        """
        nested = [name for name in params if name.startswith("autoencoder__")]
        if nested and params.get("autoencoder", self.autoencoder) is None:
            raise ValueError(
                f"{nested[0]} cannot be set while autoencoder=None. Construct "
                f"{type(self).__name__}(autoencoder=Autoencoder()) first."
            )
        return super().set_params(**params)

    def predict(self, X: MatrixLike, out: np.ndarray | None = None) -> np.ndarray:
        """Assign each row of `X` to its cluster.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        out : ndarray of shape (n_samples,), default=None
            Where to write the result, for example a :class:`numpy.memmap` for more
            rows than memory holds. None makes a new array.

        Returns
        -------
        labels : ndarray of shape (n_samples,), int64
            For the training rows equal to `labels_`; `out` where that is given.
        """
        return self._apply(X, "label", out)

    def score(self, X: MatrixLike, y: object = None) -> float:
        """Minus the mean squared distance of the rows to the mean of their cluster.

        It is measured in the input space, against the training means `cluster_means_`,
        so that embeddings cannot flatter themselves. It grows with the number of
        clusters: do not choose that with it.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        score : float
            Higher is better; in the squared units of `X`.
        """
        check_is_fitted(self)
        X = self._gate(X, reset=False)
        labels = self._apply_to_rows(X, "label")
        total = sum(
            np.square(block - self.cluster_means_[labels[rows]]).sum()
            for rows, block in row_blocks(X)
        )
        return float(-total / X.shape[0])

    # -- fit -----------------------------------------------------------------------

    def _check_before_training(self, X, start):
        n_total = self._n_total(X)
        if n_total < self.n_clusters:
            raise ValueError(
                f"n_samples={n_total} should be >= n_clusters={self.n_clusters}."
            )
        if start is not None and start.n_clusters != self.n_clusters:
            raise ValueError(
                f"warm_start=True goes on with the {start.n_clusters} clusters of the "
                f"fit before. Got n_clusters={self.n_clusters}: set it to that, or "
                "warm_start=False."
            )
        if isinstance(self.autoencoder, FrozenEstimator):
            self._check_frozen(self.autoencoder.estimator)
        elif self.autoencoder is not None:
            check_parameters(self.autoencoder, self.autoencoder._parameter_rules)
            self.autoencoder._check_before_training(X, None)
        if self.distributed and self.memory is not None:
            raise ValueError(
                "memory keeps the pre-training of one process. Got "
                f"memory={self.memory!r} and distributed=True: set memory=None."
            )
        if self.distributed and self.n_runs > 1:
            raise ValueError(
                "n_runs compares runs of one process. Got "
                f"n_runs={self.n_runs} and distributed=True: set n_runs=1."
            )

    def _fit(self, X, seed, checkpoint, start):
        n_runs = 1 if start is not None else self.n_runs
        runs = self._train_all(X, run_seeds(seed, n_runs), checkpoint, start)
        kept, spread = 0, []
        if n_runs > 1:
            labels = [self._labels_of(run.model, X) for run in runs]
            kept, spread = most_agreed(runs, labels)
        if start is None:
            self.autoencoder_ = runs[kept].autoencoder
        self.init_labels_ = runs[kept].init_labels
        self.model_ = runs[kept].model.eval()
        self.n_iter_ = len(runs[kept].history)
        self.history_ = []
        for number, run in enumerate(runs):
            own = run.history
            if start is None:
                own = [*run.autoencoder.history_, *own]
            if n_runs > 1:
                own = [{"stage": r["stage"], "run": number, **r} for r in own]
            self.history_ += own
        self.history_ += spread
        self._label_rows(X)

    def _labels_of(self, model, X) -> np.ndarray:
        rows = self._rows(X)
        return apply_in_batches(rows, model.eval().label).cpu().numpy()

    def _train_all(self, X, seeds, checkpoint, start) -> list[Run]:
        """Runs with these seeds: as one where that pays, else one after the other."""
        if len(seeds) == 1 or self._pays_as_one(X):
            return self._train(X, seeds, checkpoint, start)
        return [
            run
            for number, seed in enumerate(seeds)
            for run in self._train(X, [seed], checkpoint.within(f"run-{number}"), start)
        ]

    def _pays_as_one(self, X) -> bool:
        given = Autoencoder() if self.autoencoder is None else self.autoencoder
        if isinstance(given, FrozenEstimator):
            given = given.estimator
        if not given._has_standard_runs or not are_kept(X.shape):
            return False
        widths = given._layer_widths(*X.shape)
        return pays_as_one(self.n_runs, widths, torch.device(self.device_))

    def _train(self, X, seeds, checkpoint, start) -> list[Run]:
        """Runs with these seeds as one; sets what does not depend on a seed."""
        autoencoders: list = [None]
        if start is None:
            autoencoders = self._fit_autoencoders(X, seeds, checkpoint)
            self.center_ = autoencoders[0].center_
            self.scale_ = autoencoders[0].scale_
            self.n_components_ = autoencoders[0].n_components_
        trainer = self._make_trainer(X, seeds[0], checkpoint)
        models, init_labels = [], []
        for autoencoder, seed in zip(autoencoders, seeds, strict=True):
            if start is None:
                # A copy: autoencoder_ stays that from which the clustering started.
                own = copy.deepcopy(autoencoder.model_).to(trainer.device)
                model = self._first_model(trainer, own, seed)
            else:
                model = copy.deepcopy(start).to(trainer.device)
                self.init_labels_ = trainer.apply(model.label).cpu().numpy()
            models.append(model)
            init_labels.append(self.init_labels_)
        histories = trainer.train_runs(
            [self._objective(trainer, model) for model in models],
            seeds,
            stage="clustering",
            max_epochs=auto_epochs(
                self.max_epochs, trainer, steps=self._auto_steps, most=200
            ),
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
        )
        return list(map(Run, autoencoders, models, init_labels, histories))

    @abstractmethod
    def _first_model(
        self, trainer: Trainer, autoencoder: nn.Module, seed: int
    ) -> nn.Module:
        """The model with which the clustering stage begins; sets `init_labels_`."""

    @abstractmethod
    def _objective(self, trainer: Trainer, model: nn.Module) -> Objective:
        """What the clustering stage minimises."""

    def _fit_autoencoders(self, X, seeds, checkpoint) -> list[Autoencoder]:
        """The representation of each run: frozen, from the cache, or fitted now."""
        if isinstance(self.autoencoder, FrozenEstimator):
            # Copies, since the original may be fitted again.
            return [copy.copy(self.autoencoder.estimator) for _ in seeds]
        given = Autoencoder() if self.autoencoder is None else self.autoencoder
        autoencoder = clone(given)
        autoencoder.device_ = self.device_
        autoencoder._tasks, autoencoder._group = self._tasks, self._group
        autoencoder.verbose = max(autoencoder.verbose, self.verbose)
        own = autoencoder.random_state
        known_seed = isinstance(
            self.random_state if own is None else own, numbers.Integral
        )
        if own is None:
            fit_seeds = [derive_seed(seed, "autoencoder") for seed in seeds]
        else:  # one for all
            fit_seeds = [resolve_seed(own)]
        pretrain, key = _pretrain, None
        if self.memory is not None and known_seed:
            ignore = ["autoencoder", "X", "checkpoint"]
            pretrain = check_memory(self.memory).cache(_pretrain, ignore=ignore)
            device = torch.device(self.device_)
            key = fingerprint(autoencoder, content(X), hardware(device))
        elif self.memory is not None:
            warn_caller(
                "memory has no effect without an integer random_state: pre-training "
                "differs from fit to fit."
            )
        part = checkpoint.within("autoencoder")
        fitted = pretrain(autoencoder, X, fit_seeds, part, key)
        for one in fitted:
            one._copy_input_description(self)
        return fitted if own is None else fitted * len(seeds)

    def _check_frozen(self, autoencoder):
        if not isinstance(autoencoder, Autoencoder):
            raise ValueError(
                "The 'autoencoder' parameter must be an Autoencoder, frozen or not. "
                f"Got FrozenEstimator({autoencoder!r})."
            )
        check_is_fitted(autoencoder)
        if autoencoder.n_features_in_ != self.n_features_in_:
            raise ValueError(
                f"X has {self.n_features_in_} features, but the frozen autoencoder was "
                f"fitted on {autoencoder.n_features_in_}."
            )
        if autoencoder.image_shape_ != self.image_shape_:
            raise ValueError(
                f"X has rows of shape {self.image_shape_}, but the frozen autoencoder "
                f"was fitted on {autoencoder.image_shape_} (None: flat rows)."
            )
        own, known = (
            list(getattr(estimator, "feature_names_in_", ()))
            for estimator in (self, autoencoder)
        )
        if own and known and own != known:
            raise ValueError(
                "The feature names of X should match those that the frozen autoencoder "
                "was fitted on, in the same order."
            )

    def _label_rows(self, X):
        """One clean pass over the rows; clusters that have none leave the model."""
        labels = self._apply_to_rows(X, "label")
        sizes = np.bincount(labels, minlength=self.n_clusters)
        sizes = self._group.sum(torch.from_numpy(sizes)).numpy()
        used = np.flatnonzero(sizes)
        if len(used) < self.n_clusters:
            warn_caller(
                f"{type(self).__name__} ended with {len(used)} clusters instead of "
                f"n_clusters={self.n_clusters}: the others have no rows. X may have "
                "too few distinct rows, or training has collapsed; try a smaller "
                "n_clusters, a smaller learning_rate or another random_state.",
                ConvergenceWarning,
            )
            self.model_.keep(torch.as_tensor(used, device=self.device_))
        new_numbers = np.cumsum(sizes > 0) - 1
        self.labels_ = new_numbers[labels]
        self.n_clusters_ = len(used)
        sums = torch.from_numpy(_sums_by_label(X, self.labels_, self.n_clusters_))
        self.cluster_means_ = self._group.sum(sums).numpy() / sizes[used, None]


def _sums_by_label(X, labels: np.ndarray, n_labels: int) -> np.ndarray:
    """Sum of the rows of each label: (n_samples, d) and (n_samples,) -> (k, d)."""
    sums = np.zeros((n_labels, X.shape[1]))
    for rows, block in row_blocks(X):
        own, here = labels[rows], np.arange(len(block))
        sums += (
            csr_array((np.ones(len(own)), (own, here)), (n_labels, len(own))) @ block
        )
    return sums


def _pretrain(autoencoder, X, seeds, checkpoint, key):
    """Fits on checked rows. Cached by seeds and key, which stand for all the rest."""
    fitted = autoencoder._fit_runs(X, seeds, checkpoint)
    for one in fitted:
        # Those of the fit around it: not for the cache.
        del one._tasks, one._group
    return fitted
