"""Encoders of rows or images, without a decoder: of their own, or from views."""

import copy
from abc import abstractmethod
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.base import DeepEstimator, auto_epochs
from skdeepcluster.engine import (
    OPTIMIZERS,
    SCHEDULES,
    Checkpoint,
    Objective,
    Trainer,
    derive_seed,
    generator,
    private_global_generator,
)
from skdeepcluster.networks import (
    MLP,
    ConvolutionalNetwork,
    ImageLayout,
    ResNet18,
    image_layout,
    user_encoder,
)
from skdeepcluster.representation._views import (
    AUGMENTATIONS,
    Views,
    channel_scaling,
    check_augmentation,
    make_views,
)
from skdeepcluster.utils import Integers, Reals, TupleOf, feature_scaling

_OF_IMAGES = {"convolutional": ConvolutionalNetwork, "resnet18": ResNet18}


class FromEncoder(DeepEstimator):
    """Base of estimators that train an encoder of their own, without a decoder.

    A subclass makes what is trained, in ``_first_model(n_features, seed)``, where it
    sets `n_components_`; and says what is minimised, in ``_objective(trainer, model)``.
    """

    network: Literal["auto", "mlp", "convolutional", "resnet18"] | nn.Module | Callable
    hidden_layer_sizes: Sequence[int] | Literal["auto"]

    _even_batches = True
    _stage = "pretraining"
    _auto_steps = 4000  # optimiser steps that max_epochs="auto" stands for
    _most_epochs = 200  # epochs that it stands for, at most

    _parameter_rules = {
        **DeepEstimator._parameter_rules,
        "network": ["auto", "mlp", *_OF_IMAGES, nn.Module, callable],
        "hidden_layer_sizes": ["auto", TupleOf(Integers(1))],
        "image_shape": [None, TupleOf(Integers(1))],
        "channels": ["auto", "first", "last"],
        "optimizer": list(OPTIMIZERS),
        "learning_rate": [Reals(0, closed="neither")],
        "learning_rate_schedule": list(SCHEDULES),
    }

    @abstractmethod
    def _first_model(self, n_features: int, seed: int) -> nn.Module:
        """What is trained, with its first weights; sets `n_components_`."""

    @abstractmethod
    def _objective(self, trainer: Trainer, model: nn.Module) -> Objective:
        """What is minimised."""

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        self._check_encoder(X.shape[1])

    def _fit(self, X, seed, checkpoint, start):
        self._train(X, seed, checkpoint, start)

    def _train(self, X, seed, checkpoint, start) -> Trainer:
        """Sets `model_`, `history_`, `n_iter_` and what they need; the trainer."""
        if start is None:
            self.center_, self.scale_ = self._scaling(X)
            model = self._first_model(X.shape[1], seed)
        else:
            model = copy.deepcopy(start)
        trainer = self._make_trainer(X, seed, checkpoint)
        objective = self._objective(trainer, model.to(trainer.device))
        self.history_ = trainer.train(
            objective,
            stage=self._stage,
            max_epochs=self._n_epochs(trainer),
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            schedule=self.learning_rate_schedule,
        )
        self.model_, self.n_iter_ = model.eval(), len(self.history_)
        if start is None or self.n_iter_:  # else the model is as it was
            self._finish(trainer, objective)
        return trainer

    def _finish(self, trainer: Trainer, objective: Objective) -> None:
        """What is left to do on `model_` after training."""

    def _n_epochs(self, trainer: Trainer) -> int:
        """Number of passes over the rows."""
        return auto_epochs(
            self.max_epochs, trainer, steps=self._auto_steps, most=self._most_epochs
        )

    def _n_steps(self, trainer: Trainer) -> int:
        """Number of steps of the optimiser."""
        return self._n_epochs(trainer) * trainer.steps_per_epoch

    def _layout(self, n_features: int) -> ImageLayout | None:
        """How flat rows hold images; None where they hold none."""
        return image_layout(
            self.image_shape_, self.image_shape, self.channels, n_features
        )

    def _check_encoder(self, n_features: int):
        layout = self._layout(n_features)
        if len(self.hidden_layer_sizes) == 0:
            raise ValueError(
                "hidden_layer_sizes must name at least one layer, the embedding. Got "
                f"{self.hidden_layer_sizes!r}."
            )
        if layout is None and self.network in ("convolutional", "resnet18"):
            raise ValueError(
                f"network={self.network!r} is for images, and the rows of X are none. "
                "Give arrays of shape (n_samples, height, width) or with channels, set "
                "image_shape, or use network='auto'."
            )

    def _scaling(self, X) -> tuple[np.ndarray, float]:
        """Centre and scale; of images the centre is that of each channel."""
        center, scale = feature_scaling(X, self._group.gather_objects)
        layout = self._layout(X.shape[1])
        if layout is None:
            return center, scale
        return channel_scaling(layout, center, scale)

    def _auto_widths(self) -> tuple[int, ...]:
        """What ``hidden_layer_sizes="auto"`` stands for."""
        return 256, 256, 256

    def _make_mlp(self, sizes: list[int], weights: torch.Generator) -> MLP:
        """What ``network="mlp"`` stands for."""
        return MLP(sizes, weights)

    def _make_encoder(self, n_features: int, seed: int) -> tuple[nn.Module, int]:
        """The encoder with its first weights, and the size of its output."""
        layout, network = self._layout(n_features), self.network
        weights = generator(seed, "weights")
        if isinstance(network, str):
            if network == "mlp" or layout is None:
                hidden = self.hidden_layer_sizes
                widths = self._auto_widths() if hidden == "auto" else hidden
                return self._make_mlp([n_features, *widths], weights), widths[-1]
            name = "convolutional" if network == "auto" else network
            encoder = _OF_IMAGES[name](layout, weights)
            return encoder, encoder.n_outputs
        with private_global_generator(
            derive_seed(seed, "weights"), torch.device("cpu")
        ):
            return user_encoder(network, n_features, layout)


class FromViews(FromEncoder):
    """Base of those that learn from random views of the rows."""

    augmentation: str | Callable

    _parameter_rules = {
        **FromEncoder._parameter_rules,
        "augmentation": [*AUGMENTATIONS, callable],
    }

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        check_augmentation(self.augmentation, self._layout(X.shape[1]))

    def _make_views(self, trainer: Trainer) -> Views:
        """What `augmentation` makes of the rows of a trainer."""
        layout = self._layout(trainer.rows.n_features)
        return make_views(self.augmentation, layout, trainer)


class ViewLearner(FromViews):
    """Base of transformers that learn from views."""

    def _fit_runs(
        self, X, seeds: Sequence[int], checkpoint: Checkpoint
    ) -> list["ViewLearner"]:
        """Copies of this estimator, fitted on checked rows with a seed each."""
        fitted = [copy.copy(self) for _ in seeds]
        for number, (one, seed) in enumerate(zip(fitted, seeds, strict=True)):
            one._fit(X, seed, checkpoint.within(f"run-{number}"), None)
        return fitted
