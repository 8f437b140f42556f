"""What all estimators are: fit and transform, fitted state, pickling."""

import copy
import os
from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from typing import Self

import numpy as np
import torch
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
)
from sklearn.utils import check_array
from sklearn.utils.metadata_routing import UNUSED
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skdeepcluster._version import __version__
from skdeepcluster.base._fingerprint import (
    content,
    fingerprint,
    identity_of,
    weights_of,
)
from skdeepcluster.base._input import InputMixin
from skdeepcluster.engine import (
    CallbackSupportMixin,
    Checkpoint,
    FitTasks,
    Rows,
    Trainer,
    apply_in_batches,
    blocks_of,
    device_or_cpu,
    join_group,
    process_device,
    progress_callbacks,
    resolve_device,
    resolve_seed,
    with_callbacks,
)
from skdeepcluster.networks import build
from skdeepcluster.utils import (
    Integers,
    MatrixLike,
    check_array_like,
    check_complete,
    check_out,
    check_parameters,
)


class DeepEstimator(
    CallbackSupportMixin,
    InputMixin,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    BaseEstimator,
    metaclass=ABCMeta,
):
    """Base of all estimators, with the parameters that all of them have.

    A subclass stores its arguments in ``__init__``, declares their ranges in
    `_parameter_rules` and learns in ``_fit(X, seed, checkpoint, start)``.
    """

    # Where to write is said in the call, not by routing.
    __metadata_request__transform = {"out": UNUSED}

    _doc_link_module = "skdeepcluster"
    _doc_link_template = (
        "https://skdeepcluster.readthedocs.io/en/stable/generated/"
        "{estimator_module}.{estimator_name}.html"
    )

    _even_batches = False  # for losses that look at a batch as a whole
    distributed = False  # a parameter of those whose losses add up over processes

    _parameter_rules: dict = {
        "batch_size": ["auto", Integers(1)],
        "checkpoint": [None, str, os.PathLike],
        "device": [str, torch.device],
        "max_epochs": ["auto", Integers(0)],
        "precision": ["auto", "bfloat16", "float32"],
        "random_state": [None, Integers(0, 2**32 - 1), np.random.RandomState],
        "verbose": [False, True, Integers(0)],
        "warm_start": [False, True],
    }

    def _doc_link_url_param_generator(self):
        return {
            "estimator_module": "skdeepcluster",
            "estimator_name": type(self).__name__,
        }

    @with_callbacks
    def fit(self, X: MatrixLike, y: object = None) -> Self:
        """Learn from the rows of `X`.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
            Training rows. Arrays with more dimensions, such as images, are flattened
            row by row.
        y : Ignored
            Present for the sake of scikit-learn's conventions.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            When a parameter or `X` is refused, which is before any training, or when
            the loss is no longer finite.
        MemoryError
            When the device runs out of memory; a smaller `batch_size` helps.
        """
        check_parameters(self, self._parameter_rules)
        before = dict(vars(self))
        # A fit that fails leaves no model of the fit before, with other columns.
        start = vars(self).pop("model_", None)
        if not self.warm_start:
            start = None
        try:
            self._fit_from(start, X, y)
        except BaseException:
            if start is not None:  # which goes with what was fitted before
                vars(self).update(before)
            raise
        return self

    def _fit_from(self, start, X, y):
        """Fit, on from the model of the fit before or, where that is None, anew."""
        device = resolve_device(self.device)
        if self.distributed:
            device = process_device(device)
        self.device_ = str(device)
        self._group = join_group(self.distributed, device)
        try:
            X = self._gate_together(X, reset=start is None)
            self._check_before_training(X, start)
            seed = self._group.first(resolve_seed(self.random_state))
            checkpoint = self._own_checkpoint(X, seed, start, self._group)
            self._tasks = FitTasks(self, X=X, y=y)
            self._fit(X, seed, checkpoint, start)
            self._tasks.end()
        finally:
            vars(self).pop("_tasks", None)
            del self._group
        checkpoint.remove()

    def _gate_together(self, X, *, reset):
        """Checked rows; what is wrong with those of one process, all of them say."""
        error, columns = None, None
        try:
            X = self._gate(X, reset=reset)
            columns = X.shape[1]
        except Exception as caught:
            error = caught
        known = self._group.gather_objects((columns, error and str(error)))
        if error is not None:
            raise error
        for rank, (n_columns, message) in enumerate(known):
            if message is not None:
                raise ValueError(
                    f"The rows of process {rank} of this distributed fit are refused: "
                    f"{message}"
                )
            if n_columns != columns:
                raise ValueError(
                    f"The rows of process {rank} of this distributed fit have "
                    f"{n_columns} features, those of process {self._group.rank} have "
                    f"{columns}."
                )
        return X

    def transform(self, X: MatrixLike, out: np.ndarray | None = None) -> np.ndarray:
        """Embed the rows of `X`.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        out : ndarray of shape (n_samples, n_components_), default=None
            Where to write the result, for example a :class:`numpy.memmap` for more
            rows than memory holds. None makes a new array.

        Returns
        -------
        Z : ndarray of shape (n_samples, n_components_), float32
            The embedding; `out` where that is given.
        """
        return self._apply(X, "embed", out)

    # -- applying the model ---------------------------------------------------------

    def _apply(self, X, method: str, out: np.ndarray | None = None) -> np.ndarray:
        """A method of the model on rows that are to be checked, as a NumPy array."""
        check_is_fitted(self)
        X = self._gate(X, reset=False)
        if out is None:
            return self._apply_to_rows(X, method)
        for here, part in blocks_of(self._rows(X), getattr(self.model_, method)):
            part = part.cpu().numpy()
            if here.start == 0:
                check_out(out, (X.shape[0], *part.shape[1:]), part.dtype)
            check_complete(out, "out")
            out[here] = part
        return out

    def _apply_to_rows(self, X, method: str) -> np.ndarray:
        function: Callable[[Tensor], Tensor] = getattr(self.model_, method)
        return apply_in_batches(self._rows(X), function).cpu().numpy()

    def _decode(self, Z: np.ndarray) -> np.ndarray:
        """What the model decodes, in the units of the training data."""
        rows = Rows(Z, np.zeros(Z.shape[1]), 1.0, torch.device(self.device_))
        x_hat = apply_in_batches(rows, self.model_.decode).cpu().numpy()
        return x_hat.astype(np.float64) * self.scale_ + self.center_

    def _rows(self, X) -> Rows:
        return Rows(X, self.center_, self.scale_, torch.device(self.device_))

    def _check_before_training(self, X, start):
        """What else can be refused at once, having seen the checked rows."""

    @abstractmethod
    def _fit(
        self, X, seed: int, checkpoint: Checkpoint, start: nn.Module | None
    ) -> None:
        """Learn from checked rows; sets everything that is fitted.

        Where a model to start from is given, scaling and sub-estimators stay too.
        """

    # -- training ------------------------------------------------------------------

    def _make_trainer(
        self,
        X,
        seed: int,
        checkpoint: Checkpoint | None,
        rows: Rows | None = None,
        batch_size: int | None = None,
    ) -> Trainer:
        """A trainer on scaled rows, or on others in their place.

        The scaling must have been set. Batches are of `batch_size` rows, or as many as
        the parameter says.
        """
        size, group = batch_size or self.batch_size, self._group
        if size == "auto":
            size = self._auto_batch_size(self._n_total(X))
        seen = progress_callbacks(self.verbose) if group.rank == 0 else []
        return Trainer(
            self._rows(X) if rows is None else rows,
            batch_size=size,
            seed=seed,
            precision=self.precision,
            callbacks=[*seen, self._tasks],
            checkpoint=checkpoint,
            group=group,
            even_batches=self._even_batches,
        )

    def _auto_batch_size(self, n_samples: int) -> int:
        """What ``batch_size="auto"`` stands for."""
        return auto_batch_size(n_samples)

    def _n_total(self, X) -> int:
        """Number of rows of all processes that share this fit."""
        return int(self._group.sum(torch.tensor(X.shape[0])))

    def _own_checkpoint(self, X, seed, start, group) -> Checkpoint:
        """The folder of this very fit: same class, parameters, rows and seed."""
        if self.checkpoint is None:
            return Checkpoint()
        if not isinstance(self.random_state, (int, np.integer)):
            raise ValueError(
                "checkpoint needs an integer random_state, to know an interrupted fit "
                f"again. Got random_state={self.random_state!r}."
            )
        origin = (
            () if start is None else (identity_of(start), self.center_, self.scale_)
        )
        origin = (*origin, self.image_shape_, group.rank, group.size)
        name = f"{type(self).__name__}-{fingerprint(self, content(X), seed, *origin)}"
        return Checkpoint(os.path.join(self.checkpoint, name))

    # -- fitted state --------------------------------------------------------------

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_is_fitted__(self):
        return hasattr(self, "model_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.three_d_array = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self):
        """The estimator's attributes, with `model_` as its description and CPU arrays.

        Parameters that the user passed (modules, callables) travel as they are.
        """
        state = dict(super().__getstate__())
        if "model_" in state:
            state["model_"] = {
                "config": _on_cpu(self.model_.config),
                "weights": weights_of(self.model_),
                "torch": str(torch.__version__),  # of a class of its own
                "skdeepcluster": __version__,
            }
        return state

    def __setstate__(self, state):
        packed = state.get("model_")
        if packed is not None:
            model = build(packed["config"])
            # Copies: a memory-mapped pickle is read-only.
            weights = {n: np.array(w) for n, w in packed["weights"].items()}
            model.load_state_dict({n: torch.from_numpy(w) for n, w in weights.items()})
            device = device_or_cpu(state["device_"])
            model = model.to(device).eval()
            state = {**state, "model_": model, "device_": str(device)}
        super().__setstate__(state)


class DecoderMixin:
    """For estimators whose model can ``decode`` an embedding."""

    def inverse_transform(self, X: MatrixLike) -> np.ndarray:
        """Rebuild rows from their embedding.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Embedded rows.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features_in_), float64
            Rows in the units of the training data, flat also where it held images.
        """
        check_is_fitted(self)
        X = check_array(check_array_like(X), dtype=[np.float32])
        if X.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {X.shape[1]} columns, but the embedding of "
                f"{type(self).__name__} has n_components_={self.n_components_}."
            )
        return self._decode(X)


def auto_batch_size(n_samples: int) -> int:
    """256 rows; an eighth of smaller data, but at least 16."""
    return max(16, min(256, 2 ** round(np.log2(max(n_samples, 1) / 8))))


def auto_epochs(max_epochs, trainer: Trainer, *, steps: int, most: int) -> int:
    """Epochs that a `max_epochs` asks for; "auto" spends a budget of steps."""
    if max_epochs != "auto":
        return int(max_epochs)
    return max(1, min(most, round(steps / trainer.steps_per_epoch)))


def _on_cpu(config: dict) -> dict:
    """The description with the user's modules, if any, moved to the CPU as copies."""
    result = {}
    for name, value in config.items():
        if isinstance(value, dict):
            value = _on_cpu(value)
        elif isinstance(value, nn.Module):
            value = copy.deepcopy(value).cpu()
        result[name] = value
    return result
