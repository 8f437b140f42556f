"""What tells one fit from another, over processes."""

import pickle

import joblib
import numpy as np
import sklearn
import torch
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.frozen import FrozenEstimator
from torch import nn

from skdeepcluster._version import __version__
from skdeepcluster.utils import RowSource, row_blocks


def content(X):
    """The rows without what SciPy remembers about a matrix beside its values."""
    if isinstance(X, RowSource):
        return X.shape, [joblib.hash(block) for _, block in row_blocks(X)]
    return (X.shape, X.data, X.indices, X.indptr) if issparse(X) else X


def fingerprint(estimator: BaseEstimator, *more) -> str:
    """A hash of the estimator's class and parameters and of `more`, over processes.

    What changes no result is left out: verbosity and where things are stored. Modules
    count by class, printed form and weights.
    """
    parameters = {}
    for name, value in sorted(estimator.get_params(deep=False).items()):
        if name in ("verbose", "memory", "checkpoint"):
            continue
        if isinstance(value, nn.Module):
            value = identity_of(value)
        elif isinstance(value, FrozenEstimator):
            fitted = value.estimator
            scaling = fitted.center_, fitted.scale_
            value = fingerprint(fitted, scaling, identity_of(fitted.model_))
        elif isinstance(value, BaseEstimator):
            value = fingerprint(value)
        elif isinstance(value, torch.device):
            value = str(value)
        parameters[name] = value
    versions = (__version__, torch.__version__, sklearn.__version__)
    for name, value in parameters.items():
        try:
            joblib.hash(value)
        except pickle.PicklingError:  # which would print the value
            raise ValueError(
                f"memory and checkpoint need parameters that can be pickled, and "
                f"{name!r} of {type(estimator).__name__} cannot. Define the function "
                "or class at the top of a module."
            ) from None
    return joblib.hash((type(estimator).__qualname__, parameters, versions, more))


def weights_of(module: nn.Module) -> dict[str, np.ndarray]:
    return {name: w.cpu().numpy() for name, w in module.state_dict().items()}


def identity_of(module: nn.Module) -> tuple:
    return type(module).__qualname__, repr(module), weights_of(module)
