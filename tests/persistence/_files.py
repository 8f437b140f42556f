"""Files that no estimator comes out of."""

import numpy as np
import pytest
from safetensors.numpy import save as safetensors_bytes

from skdeepcluster.persistence import _container, load


def assert_refused(path, message=""):
    with pytest.raises(ValueError, match="cannot be loaded: ") as caught:
        load(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000
    assert caught.match(message)


def with_text(text):
    """A file with this description and a right checksum."""
    arrays = {"a": np.zeros(2)}
    metadata = {"skdeepcluster": text, "sha256": _container.checksum(text, arrays)}
    return safetensors_bytes(arrays, metadata)
