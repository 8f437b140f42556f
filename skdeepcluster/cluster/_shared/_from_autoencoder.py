"""Clusterers that go on from an autoencoder, with one run or several."""

import copy
from abc import abstractmethod

import numpy as np
import torch
from sklearn.frozen import FrozenEstimator
from torch import nn

from skdeepcluster.base import auto_epochs
from skdeepcluster.cluster._shared._base import DeepClusterer
from skdeepcluster.cluster._shared._runs import (
    Run,
    learn_as_one,
    most_agreed,
    run_seeds,
)
from skdeepcluster.cluster._shared._sub_estimator import SubEstimatorMixin
from skdeepcluster.engine import Objective, Trainer, apply_in_batches
from skdeepcluster.representation import Autoencoder
from skdeepcluster.utils import Integers


class AutoencoderClusterer(SubEstimatorMixin, DeepClusterer):
    """Base of clusterers that start from an autoencoder.

    A subclass says what it starts with, in ``_first_model(trainer, autoencoder, seed)``
    of its own copy of the pre-trained network, where it sets `init_labels_`; and what
    it minimises, in ``_objective(trainer, model)``.
    """

    _learners = (Autoencoder,)
    _auto_steps = 4000  # optimiser steps that max_epochs="auto" stands for

    _parameter_rules = {
        **DeepClusterer._parameter_rules,
        "distributed": [False, True],
        **SubEstimatorMixin._sub_estimator_rules,
        "autoencoder": [None, Autoencoder, FrozenEstimator],
        "n_runs": [Integers(1)],
    }

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        self._check_learner(X)
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
        if isinstance(self.autoencoder, FrozenEstimator):
            given = self.autoencoder.estimator
        else:
            given = self._unfitted_learner()
        return learn_as_one(given, X.shape, self.n_runs, torch.device(self.device_))

    def _train(self, X, seeds, checkpoint, start) -> list[Run]:
        """Runs with these seeds as one; sets what does not depend on a seed."""
        autoencoders: list = [None]
        if start is None:
            autoencoders = self._fit_learners(X, seeds, checkpoint)
            self.center_ = autoencoders[0].center_
            self.scale_ = autoencoders[0].scale_
            self.n_components_ = autoencoders[0].n_components_
        trainer = self._make_trainer(X, seeds[0], checkpoint)
        models, objectives, init_labels = [], [], []
        for autoencoder, seed in zip(autoencoders, seeds, strict=True):
            if start is None:
                # A copy: autoencoder_ stays that from which the clustering started.
                own = copy.deepcopy(autoencoder.model_).to(trainer.device)
                model = self._first_model(trainer, own, seed)
            else:
                model = copy.deepcopy(start).to(trainer.device)
                self._renew(model)
                self.init_labels_ = trainer.apply(model.label).cpu().numpy()
            models.append(model)
            objectives.append(self._objective(trainer, model))
            init_labels.append(self.init_labels_)
        histories = trainer.train_runs(
            objectives,
            seeds,
            stage="clustering",
            max_epochs=self._n_epochs(trainer),
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
        )
        for objective in objectives:
            self._finish(trainer, objective)
        return list(map(Run, autoencoders, models, init_labels, histories))

    def _n_epochs(self, trainer: Trainer) -> int:
        """The most that the clustering stage takes."""
        return auto_epochs(self.max_epochs, trainer, steps=self._auto_steps, most=200)

    @abstractmethod
    def _first_model(
        self, trainer: Trainer, autoencoder: nn.Module, seed: int
    ) -> nn.Module:
        """The model with which the clustering stage begins; sets `init_labels_`."""

    @abstractmethod
    def _objective(self, trainer: Trainer, model: nn.Module) -> Objective:
        """What the clustering stage minimises."""

    def _renew(self, model: nn.Module) -> None:
        """Numbers that a model which goes on takes from the parameters of now."""

    def _finish(self, trainer: Trainer, objective: Objective) -> None:
        """What is done with the trained model before it labels the rows."""
