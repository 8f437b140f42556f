"""The representation learner that a clusterer starts from: a parameter of it."""

import copy
import numbers
from collections.abc import Sequence
from typing import Self

import torch
from joblib import Memory
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted, check_memory

from skdeepcluster.base import DeepEstimator, content, fingerprint
from skdeepcluster.engine import Checkpoint, derive_seed, hardware, resolve_seed
from skdeepcluster.utils import check_parameters, warn_caller


class SubEstimatorMixin:
    """For clusterers that start from a representation learner, fitted here or before.

    `_part` is the name of the parameter and `_learners` are the classes it may have.
    """

    _part = "autoencoder"
    _learners: tuple[type[DeepEstimator], ...]

    _sub_estimator_rules: dict = {"memory": [None, str, Memory]}

    def set_params(self, **params) -> Self:
        """Set parameters of this estimator or, as ``name__...``, of its part.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        self : object
        """
        nested = [name for name in params if name.startswith(f"{self._part}__")]
        if nested and params.get(self._part, self._given) is None:
            raise ValueError(
                f"{nested[0]} cannot be set while {self._part}=None. Construct "
                f"{type(self).__name__}({self._part}={self._default_learner()}) first."
            )
        return super().set_params(**params)

    @property
    def _given(self):
        return getattr(self, self._part)

    def _default_learner(self) -> DeepEstimator:
        """What None stands for."""
        return self._learners[0]()

    def _unfitted_learner(self) -> DeepEstimator:
        """A copy of the one that is to be fitted, which knows of images."""
        given = self._given
        learner = self._default_learner() if given is None else clone(given)
        learner.image_shape_ = self.image_shape_
        return learner

    def _check_learner(self, X):
        if isinstance(self._given, FrozenEstimator):
            self._check_frozen(self._given.estimator)
        else:
            learner = self._unfitted_learner()
            check_parameters(learner, learner._parameter_rules)
            learner._check_before_training(X, None)
        if self.distributed and self.memory is not None:
            raise ValueError(
                "memory keeps the pre-training of one process. Got "
                f"memory={self.memory!r} and distributed=True: set memory=None."
            )

    def _check_frozen(self, learner):
        if not isinstance(learner, self._learners):
            known = " or ".join(cls.__name__ for cls in self._learners)
            article = "an" if known[0] in "AEIOU" else "a"
            raise ValueError(
                f"The {self._part!r} parameter must be {article} {known}, frozen or "
                f"not. Got FrozenEstimator({learner!r})."
            )
        check_is_fitted(learner)
        if learner.n_features_in_ != self.n_features_in_:
            raise ValueError(
                f"X has {self.n_features_in_} features, but the frozen {self._part} "
                f"was fitted on {learner.n_features_in_}."
            )
        if learner.image_shape_ != self.image_shape_:
            raise ValueError(
                f"X has rows of shape {self.image_shape_}, but the frozen {self._part} "
                f"was fitted on {learner.image_shape_} (None: flat rows)."
            )
        own, known = (
            list(getattr(estimator, "feature_names_in_", ()))
            for estimator in (self, learner)
        )
        if own and known and own != known:
            raise ValueError(
                f"The feature names of X should match those that the frozen "
                f"{self._part} was fitted on, in the same order."
            )

    def _fit_learners(
        self, X, seeds: Sequence[int], checkpoint: Checkpoint
    ) -> list[DeepEstimator]:
        """The representation of each run: frozen, from the cache, or fitted now."""
        if isinstance(self._given, FrozenEstimator):
            # Copies, since the original may be fitted again.
            return [copy.copy(self._given.estimator) for _ in seeds]
        own = self._unfitted_learner().random_state
        if own is None:
            fit_seeds = [derive_seed(seed, self._part) for seed in seeds]
        else:  # one for all
            fit_seeds = [resolve_seed(own)]
        fitted = self._fit_with_seeds(
            X, self._unfitted_learner(), fit_seeds, checkpoint
        )
        return fitted if own is None else fitted * len(seeds)

    def _fit_with_seeds(
        self, X, learner: DeepEstimator, seeds: Sequence[int], checkpoint: Checkpoint
    ) -> list[DeepEstimator]:
        """Copies of an unfitted learner, each from the cache or fitted now."""
        learner.device_ = self.device_
        learner._tasks, learner._group = self._tasks, self._group
        learner.verbose = max(learner.verbose, self.verbose)
        own = learner.random_state
        known_seed = isinstance(
            self.random_state if own is None else own, numbers.Integral
        )
        pretrain, key = _pretrain, None
        if self.memory is not None and known_seed:
            ignore = ["learner", "X", "checkpoint"]
            pretrain = check_memory(self.memory).cache(_pretrain, ignore=ignore)
            known = self.image_shape_, hardware(torch.device(self.device_))
            key = fingerprint(learner, content(X), known)
        elif self.memory is not None:
            warn_caller(
                "memory has no effect without an integer random_state: pre-training "
                "differs from fit to fit."
            )
        part = checkpoint.within(self._part)
        fitted = pretrain(learner, X, seeds, part, key)
        for one in fitted:
            one._copy_input_description(self)
        return fitted


def _pretrain(learner, X, seeds, checkpoint, key):
    """Fits on checked rows. Cached by seeds and key, which stand for all the rest."""
    fitted = learner._fit_runs(X, seeds, checkpoint)
    for one in fitted:
        # Those of the fit around it: not for the cache.
        del one._tasks, one._group
    return fitted
