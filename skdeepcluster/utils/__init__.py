"""Small tools without torch: parameter rules, array checks, files."""

from skdeepcluster.utils._estimators import labels_of, unwrap
from skdeepcluster.utils._files import replacing
from skdeepcluster.utils._parameters import (
    ArrayLikes,
    Integers,
    InvalidParameterError,
    Reals,
    TupleOf,
    check_parameters,
)
from skdeepcluster.utils._row_source import RowSource, check_complete, is_row_source
from skdeepcluster.utils._spaces import check_same_spaces, resolve_spaces
from skdeepcluster.utils._validation import (
    KEPT_DTYPES,
    MatrixLike,
    check_array_like,
    check_out,
    dense_float64,
    feature_scaling,
    row_blocks,
)
from skdeepcluster.utils._warnings import warn_caller

__all__ = [
    "KEPT_DTYPES",
    "ArrayLikes",
    "Integers",
    "InvalidParameterError",
    "MatrixLike",
    "Reals",
    "RowSource",
    "TupleOf",
    "check_array_like",
    "check_complete",
    "check_out",
    "check_parameters",
    "check_same_spaces",
    "dense_float64",
    "feature_scaling",
    "is_row_source",
    "labels_of",
    "replacing",
    "resolve_spaces",
    "row_blocks",
    "unwrap",
    "warn_caller",
]
