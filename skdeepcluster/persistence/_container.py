"""One safetensors file: a description as JSON text, arrays, and a checksum of both."""

import hashlib
import json
import math
import os

import numpy as np

from skdeepcluster.utils import replacing

FORMAT = 1  # goes up when an older version could no longer read what is written
_TEXT, _CHECKSUM = "skdeepcluster", "sha256"  # what the metadata of the file holds


def write(path: str | os.PathLike, description: dict, arrays: dict) -> None:
    """Write the file; an older one at `path` stays until the new one is whole."""
    text = json.dumps({"format": FORMAT, **description}, allow_nan=False)
    metadata = {_TEXT: text, _CHECKSUM: checksum(text, arrays)}
    content = _safetensors().numpy.save(arrays, metadata)
    with replacing(path) as file:
        file.write(content)


def read(path: str | os.PathLike) -> tuple[dict, dict[str, np.ndarray]]:
    """Description and arrays of a file; raises ValueError where it is damaged."""
    safetensors = _safetensors()
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            description = _parsed(metadata.get(_TEXT))
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except safetensors.SafetensorError as error:
        raise ValueError(f"it is not a whole file of `save`: {error}") from error
    if metadata.get(_CHECKSUM) != checksum(metadata[_TEXT], arrays):
        raise ValueError("it is damaged: its content does not match its checksum.")
    return description, arrays


def checksum(text: str, arrays: dict[str, np.ndarray]) -> str:
    """A hash of everything in the file, which finds damage but stops no forger."""
    result = hashlib.sha256(text.encode())
    for name, array in sorted(arrays.items()):
        result.update(f"{name} {array.dtype.str} {array.shape}".encode())
        result.update(array.tobytes())
    return result.hexdigest()


def _parsed(text: str | None) -> dict:
    if text is None:
        raise ValueError("it is a safetensors file that `save` did not write.")
    description = json.loads(text, parse_float=_finite, parse_constant=_finite)
    if not isinstance(description, dict) or type(description.get("format")) is not int:
        raise ValueError("its description has no format number.")
    if description["format"] != FORMAT:
        writer = str(description.get("versions"))[:200]
        raise ValueError(
            f"it has the format {description['format']} and this version of "
            f"skdeepcluster reads format {FORMAT}. Use the version that wrote it, of "
            f"{writer}, or a newer one."
        )
    return description


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"its description holds the number {text[:40]}.")
    return number


def _safetensors():
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(
            "save and load need safetensors: pip install safetensors, or the extra "
            "'save' of skdeepcluster."
        ) from error
    return safetensors
