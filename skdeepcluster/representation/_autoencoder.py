"""Autoencoder as a transformer."""

import copy
import math

import numpy as np
import torch
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skdeepcluster.base import DeepEstimator, auto_epochs
from skdeepcluster.engine import (
    OPTIMIZERS,
    SCHEDULES,
    Objective,
    Rows,
    apply_in_batches,
    derive_seed,
    generator,
    private_global_generator,
)
from skdeepcluster.losses import mean_squared_error
from skdeepcluster.networks import MLP, AutoencoderModel, UserNetwork
from skdeepcluster.utils import (
    Integers,
    Reals,
    TupleOf,
    check_array_like,
    feature_scaling,
    row_blocks,
)


class _Reconstruction(Objective):
    """Rebuild each row from its own, possibly corrupted, self."""

    def __init__(self, model, corruption):
        super().__init__(model)
        self.corruption = corruption

    def losses(self, batch):
        x = batch.x
        if self.corruption > 0:  # a feature set to zero is set to its mean
            noise = torch.empty_like(x).uniform_(generator=self.generator)
            x = x * (noise >= self.corruption)
        x_hat = self.model.reconstruct(x)
        return {"reconstruction": mean_squared_error(x_hat, batch.x)}


class Autoencoder(DeepEstimator):
    """Learn a low-dimensional embedding from which the rows can be rebuilt."""

    _parameter_rules = {
        **DeepEstimator._parameter_rules,
        "n_components": [Integers(1)],
        "hidden_layer_sizes": ["auto", TupleOf(Integers(1))],
        "corruption": [Reals(0, 1, closed="left")],
        "network": [None, nn.Module, callable],
        "optimizer": list(OPTIMIZERS),
        "learning_rate": [Reals(0, closed="neither")],
        "learning_rate_schedule": list(SCHEDULES),
    }

    def __init__(
        self,
        n_components=10,
        *,
        hidden_layer_sizes="auto",
        corruption=0.0,
        network=None,
        optimizer="sgd",
        learning_rate=0.5,
        learning_rate_schedule="one_cycle",
        max_epochs="auto",
        batch_size="auto",
        precision="auto",
        device="auto",
        checkpoint=None,
        random_state=None,
        verbose=0,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.corruption = corruption
        self.network = network
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

    def _fit(self, X, seed, checkpoint):
        self.center_, self.scale_ = feature_scaling(X)
        model = self._make_model(X, seed)
        trainer = self._make_trainer(X, seed, checkpoint)
        self.n_iter_ = trainer.train(
            _Reconstruction(model, self.corruption),
            stage="pretraining",
            max_epochs=auto_epochs(self.max_epochs, trainer, steps=8000, most=400),
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
            schedule=self.learning_rate_schedule,
        )
        self._keep_model(model, trainer)

    def _make_model(self, X, seed):
        """Encoder and decoder with their first weights; sets `n_components_`."""
        n_features = X.shape[1]
        self.n_components_ = min(self.n_components, n_features)
        if self.network is None:
            sizes = [n_features, *self._hidden_layer_sizes(X), self.n_components_]
            weights = generator(seed, "weights")
            return AutoencoderModel(MLP(sizes, weights), MLP(sizes[::-1], weights))
        with private_global_generator(
            derive_seed(seed, "weights"), torch.device("cpu")
        ):
            network = self.network
            if isinstance(network, nn.Module):
                network = copy.deepcopy(network)
            else:
                network = network(n_features, self.n_components_)
            model = _two_parts(network)
            self.n_components_ = _embedding_size(model, n_features)
        return model

    def _hidden_layer_sizes(self, X):
        if self.hidden_layer_sizes == "auto":
            return auto_hidden_layer_sizes(*X.shape)
        return self.hidden_layer_sizes

    def inverse_transform(self, Z) -> np.ndarray:
        """Rebuild rows from their embedding.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components_)

        Returns
        -------
        X : ndarray of shape (n_samples, n_features_in_), float64
            Rows in the units of the training data, flat also where it held images.
        """
        check_is_fitted(self)
        Z = check_array(check_array_like(Z), dtype=[np.float32])
        if Z.shape[1] != self.n_components_:
            raise ValueError(
                f"Z has {Z.shape[1]} columns, but the embedding of "
                f"{type(self).__name__} has n_components_={self.n_components_}."
            )
        rows = Rows(Z, np.zeros(self.n_components_), 1.0, torch.device(self.device_))
        x_hat = apply_in_batches(rows, self.model_.decode).cpu().numpy()
        return x_hat.astype(np.float64) * self.scale_ + self.center_

    def score(self, X, y=None) -> float:
        """Minus the mean squared error of rebuilding `X`, in the units of `X` squared.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        score : float
            Mean over rows and features; higher is better, zero is perfect.
        """
        check_is_fitted(self)
        X = self._gate(X, reset=False)
        total = 0.0
        for rows, block in row_blocks(X):
            x_hat = self.inverse_transform(self._apply_to_rows(X[rows], "embed"))
            total += np.square(block - x_hat).sum()
        return float(-total / math.prod(X.shape))


def auto_hidden_layer_sizes(n_samples: int, n_features: int) -> tuple[int, ...]:
    """Widths that grow with the data."""
    if n_samples >= 5000:
        return (500, 500, 2000)
    if n_samples >= 1000:
        return (256, 256)
    return (128, 128)


def _two_parts(network) -> AutoencoderModel:
    """A user's network as a model: a pair, or a module with `encoder` and `decoder`."""
    try:
        if isinstance(network, tuple):
            encoder, decoder = network
        else:
            encoder, decoder = network.encoder, network.decoder
    except (AttributeError, ValueError) as error:
        raise ValueError(
            "The 'network' parameter of Autoencoder must give a module with the "
            "attributes 'encoder' and 'decoder', or such a pair. Got "
            f"{type(network).__name__}."
        ) from error
    return AutoencoderModel(UserNetwork(encoder), UserNetwork(decoder))


def _embedding_size(model: AutoencoderModel, n_features: int) -> int:
    """Send two rows through the network; also fills in lazy layers."""
    x = torch.zeros(2, n_features)
    with torch.no_grad():
        z = model.eval().embed(x)
        x_hat = model.decode(z)
    if x_hat.shape != x.shape:
        raise ValueError(
            "The 'network' parameter of Autoencoder must rebuild rows of "
            f"{n_features} features. Its decoder gives {x_hat.shape[1]}."
        )
    return z.shape[1]
