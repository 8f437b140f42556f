"""CMSC-DCCA."""

import copy
from collections.abc import Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.base import auto_epochs
from skdeepcluster.cluster._base import BaseClusterer
from skdeepcluster.cluster._self_expression import (
    affinity_of,
    best_coefficients,
    spectral_labels,
)
from skdeepcluster.engine import Objective, Rows, derive_seed
from skdeepcluster.losses import canonical_correlation, mean_squared_error
from skdeepcluster.networks import SpaceAutoencoders
from skdeepcluster.representation import first_networks
from skdeepcluster.utils import (
    Integers,
    Reals,
    TupleOf,
    feature_scaling,
    resolve_spaces,
)

_MOST_ROWS = 5000  # of which each is a combination of all others
_RIDGE = 1e-3  # on the diagonal of covariances
_STEPS = 200  # on all rows at once, that max_epochs="auto" stands for


class _Reconstruction(Objective):
    """Both spaces are rebuilt, each from its own embedding."""

    def losses(self, batch):
        x = self.model.features(batch.x)
        x_hat = self.model.decode(self.model.encode(x))
        return {"reconstruction": sum(map(mean_squared_error, x_hat, x))}


class _SelfExpression(Objective):
    """Each row is rebuilt from other rows, by one combination for both spaces."""

    def __init__(self, model, start, weights):
        super().__init__(model)
        self.correlation_weight, self.self_expression_weight, self.penalty = weights
        # In units of what they are at the start: of n rows, coefficients are about 1/n,
        # and the steps of Adam have the size of the learning rate.
        unit = start.square().mean().sqrt()
        unit = torch.where(unit > 0, unit, 1.0)
        self.register_buffer("unit", unit)
        self.coefficients = nn.Parameter(start / unit)

    # The singular values wait for the device, which a recorded step must not.
    has_fixed_shapes = False

    def row_order(self, generator):
        return torch.arange(len(self.coefficients))

    def losses(self, batch):
        x = self.model.features(batch.x)
        z = self.model.encode(x)
        with torch.autocast(batch.x.device.type, enabled=False):
            # Behind both is a constant: coefficients of a row are to add up to one.
            one = torch.ones_like(z[0][:, :1])
            combined = self.unit * (self.coefficients @ torch.cat([*z, one], dim=1))
            squares = (self.unit * self.coefficients).square().sum()
        *z_hat, one_hat = combined.split([*self.model.sizes, 1], dim=1)
        x_hat = self.model.decode(z_hat)
        shared = canonical_correlation(*z, _RIDGE) / min(self.model.sizes)
        expressed = sum(map(mean_squared_error, [*z_hat, one_hat], [*z, one]))
        return {
            "reconstruction": sum(map(mean_squared_error, x_hat, x)),
            "correlation": -self.correlation_weight * shared.float(),
            "self_expression": self.self_expression_weight * expressed,
            "penalty": self.penalty * squares,
        }

    @torch.no_grad()
    def after_step(self, batch):
        self.coefficients.fill_diagonal_(0.0)


class CMSCDCCAClustering(BaseClusterer):
    _parameter_rules = {
        **BaseClusterer._parameter_rules,
        "spaces": [None, list, tuple],
        "n_components": [Integers(1)],
        "hidden_layer_sizes": [TupleOf(Integers(1))],
        "correlation_weight": [Reals(0)],
        "self_expression_weight": [Reals(0, closed="neither")],
        "penalty": [Reals(0, closed="neither")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        spaces=None,
        n_components: int = 10,
        hidden_layer_sizes: Sequence[int] = (128, 128),
        correlation_weight: float = 1.0,
        self_expression_weight: float = 1.0,
        penalty: float = 0.1,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 0.001,
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
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.correlation_weight = correlation_weight
        self.self_expression_weight = self_expression_weight
        self.penalty = penalty
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

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        if X.shape[0] > _MOST_ROWS:
            raise ValueError(
                f"{type(self).__name__} makes each row a combination of all others and "
                f"takes at most {_MOST_ROWS:,} of them. Got n_samples={X.shape[0]}: "
                "fit a sample, and label the others by a KNeighborsClassifier on its "
                "embedding; or use TURTLEClustering."
            )
        columns = np.concatenate(self._columns())
        if start is not None and columns.tolist() != start.columns.tolist():
            raise ValueError(
                "warm_start=True goes on with the spaces of the fit before. Got "
                f"spaces={self.spaces!r}: set it to those, or warm_start=False."
            )

    def _columns(self) -> list[np.ndarray]:
        """Numbers of the columns of both spaces."""
        n_features, spaces = self.n_features_in_, self.spaces
        if spaces is None:  # halves; of one column, both have it
            middle = n_features // 2
            spaces = [slice(0, max(1, middle)), slice(middle, None)]
        if len(spaces) != 2:
            raise ValueError(f"spaces must name two spaces, or be None. Got {spaces!r}.")
        return resolve_spaces(
            spaces, n_features, getattr(self, "feature_names_in_", None)
        )

    def _fit(self, X, seed, checkpoint, start):
        means, n_rows = None, X.shape[0]
        if start is None:
            self.center_, self.scale_ = feature_scaling(X)
        else:
            means = self.cluster_means_
        trainer = self._make_trainer(X, seed, checkpoint)
        settings = {"optimizer": self.optimizer, "learning_rate": self.learning_rate}
        before = []
        if start is None:
            model = self._first_model(trainer, seed)
            before = trainer.train(
                _Reconstruction(model),
                stage="pretraining",
                max_epochs=auto_epochs(
                    self.max_epochs, trainer, steps=min(8000, n_rows), most=200
                ),
                schedule="one_cycle",
                **settings,
            )
        else:
            model = copy.deepcopy(start).to(trainer.device)
        trainer = self._make_trainer(
            X, seed, checkpoint, rows=trainer.rows, batch_size=n_rows
        )
        z = trainer.apply(model.embed)
        # Means over components: each space counts alike, and the constant too.
        alike = [part / part.shape[1] ** 0.5 for part in z.split(model.sizes, dim=1)]
        alike = torch.cat([*alike, torch.ones_like(z[:, :1])], dim=1)
        weights = (
            self.correlation_weight, self.self_expression_weight, self.penalty
        )
        objective = _SelfExpression(
            model,
            best_coefficients(
                alike, n_rows * self.penalty / self.self_expression_weight
            ),
            weights,
        )
        history = trainer.train(
            objective,
            stage="clustering",
            max_epochs=auto_epochs(
                self.max_epochs, trainer, steps=_STEPS, most=_STEPS
            ),
            **settings,
        )
        self.history_, self.n_iter_ = before + history, len(history)
        self.model_ = model.eval()
        self._set_labels(X, self._labels(z, objective, seed), self.n_clusters)
        if means is not None:
            self._take_numbers_of(means)

    def _first_model(self, trainer, seed) -> SpaceAutoencoders:
        """Both autoencoders with their first weights; sets `n_components_`."""
        columns = self._columns()
        x = trainer.apply(nn.Identity()).cpu().numpy()
        widths, sizes, factors, networks = [], [], [], []
        for own, name in zip(columns, ("first", "second"), strict=True):
            square = np.square(x[:, own]).mean()
            factors.append(float(square**-0.5) if square > 0 else 1.0)
            widths.append(len(own))
            sizes.append(min(self.n_components, len(own)))
            rows = Rows(
                factors[-1] * x[:, own], np.zeros(len(own)), 1.0, trainer.device
            )
            networks.append(
                first_networks(
                    self._make_trainer(x, seed, None, rows=rows),
                    None,
                    [widths[-1], *self.hidden_layer_sizes, sizes[-1]],
                    True,
                    derive_seed(seed, name),
                )
            )
        self.n_components_ = sum(sizes)
        model = SpaceAutoencoders(widths, sizes, *networks)
        model.columns.copy_(torch.from_numpy(np.concatenate(columns)))
        model.factors.copy_(torch.tensor(factors))
        return model.to(trainer.device)

    def _labels(self, z, objective, seed):
        """From the coefficients; equal rows are one cluster where they must be."""
        z = z.cpu().numpy()
        distinct, labels = np.unique(z, axis=0, return_inverse=True)
        if self.n_clusters == 1:
            return np.zeros(len(z), dtype=np.int64)
        if len(distinct) <= self.n_clusters:
            return labels.reshape(-1)
        coefficients = objective.coefficients.detach().cpu().numpy()
        affinity = affinity_of(
            coefficients, self.n_clusters, derive_seed(seed, "affinity")
        )
        return spectral_labels(affinity, self.n_clusters, derive_seed(seed, "labels"))
