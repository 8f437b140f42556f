"""Keep a fitted estimator in one file that carries no code."""

import os
from collections.abc import Callable

import numpy as np
import sklearn
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skdeepcluster._version import __version__
from skdeepcluster.base import DeepEstimator
from skdeepcluster.engine import device_or_cpu, resolve_device
from skdeepcluster.persistence._container import read, write
from skdeepcluster.persistence._describe import Describer
from skdeepcluster.persistence._restore import Restorer, member
from skdeepcluster.utils import warn_caller

# What wrong content can raise where torch and NumPy meet it.
_REFUSALS = (
    ArithmeticError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)


def save(
    estimator: DeepEstimator, path: str | os.PathLike, *, omit_network: bool = False
) -> None:
    """Write a fitted estimator to one file that carries no code.

    The file is in the safetensors format: weights and fitted arrays as tensors, and in
    its header a JSON text with the class name, parameters, other fitted attributes,
    the architecture and the versions of the libraries. It takes the place of an older
    file only when it is whole.

    Not kept are the parameters `memory` and `checkpoint`, folders of this machine, and
    a RandomState instance as `random_state`: they are None after :func:`load`.

    Parameters
    ----------
    estimator : estimator of skdeepcluster
        Fitted; an :class:`Autoencoder` or a clusterer, not a Pipeline around it.
    path : str or path-like
        Where to write; by custom it ends in ``.safetensors``.
    omit_network : bool, default=False
        Whether to leave a network of your own, as in ``Autoencoder(network=...)``, out
        of the file. Its weights are stored all the same, but its architecture is code,
        which :func:`load` must then be given again. False raises an error where there
        is such a network.

    Raises
    ------
    TypeError
        When it is no estimator of this package, or holds a value that cannot be kept.
    ValueError
        When it holds a network of your own and `omit_network` is False, a parameter
        out of its range, or a number that is not finite.
    sklearn.exceptions.NotFittedError
        When it is not fitted.
    ImportError
        When safetensors, the extra ``save``, is not installed.

    See Also
    --------
    load : The way back.
    to_onnx : For use without Python.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import Autoencoder
    >>> from skdeepcluster.persistence import load, save
    >>> X, _ = load_iris(return_X_y=True)
    >>> autoencoder = Autoencoder(2, max_epochs=5, random_state=0).fit(X)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = os.path.join(folder, "iris.safetensors")
    ...     save(autoencoder, path)
    ...     loaded = load(path)
    >>> bool((loaded.transform(X) == autoencoder.transform(X)).all())
    True
    """
    describer = Describer(omit_network)
    description = {
        "versions": {
            "skdeepcluster": __version__,
            "torch": str(torch.__version__),
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
        },
        "estimator": describer.estimator(estimator),
    }
    check_is_fitted(estimator)
    write(path, description, describer.arrays)
    if describer.dropped_generator:
        warn_caller(
            "random_state is a RandomState instance, whose state no file keeps; it "
            "will be None in the loaded estimator. Use an integer to fit it again."
        )


def load(
    path: str | os.PathLike,
    *,
    device: str | torch.device = "auto",
    network: nn.Module | Callable | None = None,
) -> DeepEstimator:
    """Read an estimator that :func:`save` has written.

    Runs no code from the file, which may come from anybody: no pickle is read, and
    classes, sizes and types are checked before anything is made of them. A file from
    another version of this package loads if that version uses the same format and
    knows its parameters; if not, the error says so.

    Parameters
    ----------
    path : str or path-like
        The file.
    device : str or torch.device, default="auto"
        Where the networks go. ``"auto"`` is the device on which it was fitted, and the
        CPU, with a warning, where there is none such.
    network : None, torch.nn.Module or callable, default=None
        What ``Autoencoder(network=...)`` was given, for a file saved with
        ``omit_network=True``. The weights in the file replace its own.

    Returns
    -------
    estimator : estimator of skdeepcluster
        Fitted. On the CPU its results equal those of the saved one to the last bit, on
        the same machine with the same versions and number of threads.

    Raises
    ------
    ValueError
        When the file is damaged, does not come from :func:`save` or from another
        version that does not fit, when `network` is missing or does not fit, or when
        there is no such `device`.
    OSError
        When the file cannot be read.
    ImportError
        When safetensors, the extra ``save``, is not installed.

    See Also
    --------
    save : The way there, with an example.
    """
    if device != "auto":
        device = resolve_device(device)
    try:
        description, arrays = read(path)
        description = member(description, "estimator", dict)
        if device == "auto":
            fitted = member(description, "attributes", dict)
            device = device_or_cpu(member(fitted, "device_", str))
        restorer = Restorer(arrays, device, network)
        estimator = restorer.estimator(description)
        check_is_fitted(estimator)
        restorer.check_all_used()
    except _REFUSALS as error:
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        reason = str(error)
        if len(reason) > 500:
            reason = reason[:500] + "..."
        raise ValueError(f"{path} cannot be loaded: {kind}{reason}") from error
    return estimator
