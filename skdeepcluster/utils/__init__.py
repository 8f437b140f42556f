"""Small tools without torch: parameter rules, array checks, files."""

from skdeepcluster.utils._estimators import labels_of, unwrap
from skdeepcluster.utils._files import replacing
from skdeepcluster.utils._parameters import (
    Integers,
    InvalidParameterError,
    Reals,
    TupleOf,
    check_parameters,
)
from skdeepcluster.utils._validation import (
    KEPT_DTYPES,
    MatrixLike,
    check_array_like,
    dense_float64,
    feature_scaling,
    row_blocks,
)
from skdeepcluster.utils._warnings import warn_caller

__all__ = [
    "KEPT_DTYPES",
    "Integers",
    "InvalidParameterError",
    "MatrixLike",
    "Reals",
    "TupleOf",
    "check_array_like",
    "check_parameters",
    "dense_float64",
    "feature_scaling",
    "replacing",
    "labels_of",
    "row_blocks",
    "unwrap",
    "warn_caller",
]
