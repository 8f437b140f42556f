"""Export to ONNX, for prediction without Python."""

import copy
import os
import warnings
from collections.abc import Sequence

import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn

from skdeepcluster.base import DeepEstimator
from skdeepcluster.utils import replacing

# Method of the estimator: method of its model.
_METHODS = {
    "transform": "embed",
    "predict": "label",
    "predict_proba": "assign",
    "center_distances": "distances",
}
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class _Exported(nn.Module):
    """From rows in their own units to what methods of the estimator give."""

    def __init__(self, estimator: DeepEstimator, methods: Sequence[str]):
        super().__init__()
        self.model = copy.deepcopy(estimator.model_).cpu()
        self.register_buffer("center", torch.tensor(estimator.center_).double())
        self.scale, self.methods = estimator.scale_, methods

    def forward(self, X: Tensor) -> tuple[Tensor, ...]:
        """(n, n_features) -> one tensor for each method."""
        # As in fit: float64 until the last cast, so that offsets cost no precision.
        x = ((X.double() - self.center) / self.scale).float()
        return tuple(getattr(self.model, _METHODS[name])(x) for name in self.methods)


def to_onnx(
    estimator: DeepEstimator,
    path: str | os.PathLike,
    *,
    output: str | Sequence[str] = "transform",
    input_dtype: str = "float32",
) -> None:
    """Write what a fitted estimator does with new rows as an ONNX model.

    The model has one input, ``X`` of shape (n_samples, n_features_in_) with any number
    of rows, in the units of the training data: centring and scaling are part of the
    model. Images are given as flat rows. There is one output for each name in `output`,
    of the same name, shape and dtype as what the method of that name returns.

    Parameters
    ----------
    estimator : estimator of skdeepcluster
        Fitted.
    path : str or path-like
        Where to write; by custom it ends in ``.onnx``.
    output : str or sequence of str, default="transform"
        Methods whose results the model gives: ``"transform"``, and as far as the
        estimator has them ``"predict"``, ``"predict_proba"``, ``"center_distances"``.
    input_dtype : {"float32", "float64"}, default="float32"
        What the model expects. Rows lose nothing by ``"float32"`` as long as their mean
        is not many thousand times their standard deviation; beyond that only
        ``"float64"`` keeps the digits in which they differ.

    Raises
    ------
    TypeError
        When it is no estimator of this package.
    ValueError
        When `output` or `input_dtype` is none of those named above.
    sklearn.exceptions.NotFittedError
        When it is not fitted.
    ImportError
        When onnx and onnxscript, the extra ``onnx``, are not installed.

    See Also
    --------
    save : For use in Python.

    Notes
    -----
    Inside, centring and scaling are float64 and the network is float32, as in this
    package. Runtimes order sums in ways of their own: given the same numbers, results
    agree to about six significant digits, and a label can differ only in rows that lie
    that close to the border of two clusters. A network of your own is exported too, as
    far as ``torch.onnx.export`` can.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import Autoencoder, DECClustering
    >>> from skdeepcluster.persistence import to_onnx
    >>> X, _ = load_iris(return_X_y=True)
    >>> dec = DECClustering(3, autoencoder=Autoencoder(max_epochs=5), random_state=0)
    >>> to_onnx(dec.fit(X), "iris.onnx", output="predict")  # doctest: +SKIP
    >>> import onnxruntime  # doctest: +SKIP
    >>> session = onnxruntime.InferenceSession("iris.onnx")  # doctest: +SKIP
    >>> [labels] = session.run(["predict"], {"X": X.astype("f4")})  # doctest: +SKIP
    """
    _check_exporter()
    if not isinstance(estimator, DeepEstimator):
        raise TypeError(
            "to_onnx exports the estimators of skdeepcluster. Got "
            f"{type(estimator).__name__}: of a Pipeline export the fitted step."
        )
    check_is_fitted(estimator)
    methods = [output] if isinstance(output, str) else list(output)
    known = [name for name in _METHODS if hasattr(estimator, name)]
    if not methods or not set(methods) <= set(known):
        raise ValueError(
            f"The 'output' parameter must name some of {known}, which "
            f"{type(estimator).__name__} has. Got {output!r}."
        )
    if input_dtype not in _DTYPES:
        raise ValueError(
            "The 'input_dtype' parameter must be 'float32' or 'float64'. Got "
            f"{input_dtype!r}."
        )
    rows = torch.zeros(2, estimator.n_features_in_, dtype=_DTYPES[input_dtype])
    with warnings.catch_warnings():
        # torch warns of what torch does.
        warnings.simplefilter("ignore", category=FutureWarning)
        program = torch.onnx.export(
            _Exported(estimator, methods).eval(),
            (rows,),
            input_names=["X"],
            output_names=methods,
            dynamic_shapes={"X": {0: torch.export.Dim("n_samples")}},
            dynamo=True,
            verbose=False,
        )
    with replacing(path) as file:
        file.write(program.model_proto.SerializeToString())


def _check_exporter():
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "to_onnx needs onnx and onnxscript: pip install onnx onnxscript, or the "
            "extra 'onnx' of skdeepcluster."
        ) from error
