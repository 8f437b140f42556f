"""The one way in for rows, of all estimators."""

import math

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils import assert_all_finite
from sklearn.utils.validation import (
    _check_n_features,
    validate_data,
)

from skdeepcluster.engine import are_kept
from skdeepcluster.utils import (
    KEPT_DTYPES,
    RowSource,
    check_array_like,
    check_complete,
    is_row_source,
    row_blocks,
)

_RECIPE = (
    "Text and missing values are prepared in front of the estimator, for example by "
    "make_pipeline(ColumnTransformer([...]), estimator) with SimpleImputer, "
    "StandardScaler and OneHotEncoder."
)


class InputMixin:
    """Checks `X` and remembers its columns."""

    def _gate(self, X, *, reset):
        """The one way in: an ndarray or CSR matrix of rows with known columns.

        Nothing is copied that can stay: dtypes that hold numbers are kept.
        """
        X = check_array_like(X)
        check_complete(X)
        shape = tuple(getattr(X, "shape", ()))[1:]
        is_image = len(shape) > 1
        if is_image and not reset:
            self._check_image_shape(shape)
        if is_row_source(X) and not are_kept(X.shape):
            X = self._check_source(RowSource(X), reset=reset)
        else:
            if is_image:
                X = np.asarray(X).reshape(X.shape[0], math.prod(shape))
            X = self._check_values(X, reset=reset)
        if reset:
            self.image_shape_ = shape if is_image else None
        return X

    def _check_values(self, X, *, reset):
        try:
            X = validate_data(
                self, X, reset=reset, dtype=KEPT_DTYPES, accept_sparse="csr"
            )
        except ValueError as error:
            if "NaN" in str(error) or "could not convert string" in str(error):
                error.add_note(_RECIPE)
            raise
        return X

    def _check_source(self, X, *, reset):
        """The same for rows that are read when they are needed."""
        if X.dtype.kind not in "fiub":
            raise ValueError(f"X must hold real numbers. Got dtype {X.dtype}.")
        _check_n_features(self, X, reset=reset)
        if reset:
            vars(self).pop("feature_names_in_", None)
        name = type(self).__name__
        for _, block in row_blocks(X):
            assert_all_finite(block, estimator_name=name, input_name="X")
        return X

    def _check_image_shape(self, shape):
        if self.image_shape_ != shape:
            fitted = self.image_shape_ or f"flat rows of {self.n_features_in_} features"
            raise ValueError(
                f"X has rows of shape {shape}, but {type(self).__name__} was fitted on "
                f"{fitted}. Give rows of the same shape."
            )

    def _copy_input_description(self, other: BaseEstimator):
        """Know the input as `other` does, having been fitted on its checked rows."""
        for name in ("n_features_in_", "feature_names_in_", "image_shape_"):
            if hasattr(other, name):
                setattr(self, name, getattr(other, name))
