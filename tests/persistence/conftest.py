"""What tests of files share."""

import pytest

from skdeepcluster import DECClustering
from skdeepcluster.persistence import _container, save
from tests._discovery import tiny


@pytest.fixture
def path(tmp_path):
    return tmp_path / "estimator.safetensors"


@pytest.fixture
def forge(blobs, path):
    """Save an estimator, change its description and arrays, with a right checksum."""

    def forged(change, cls=DECClustering):
        save(tiny(cls, n_clusters=3).fit(blobs[0]), path)
        description, arrays = _container.read(path)
        change(description["estimator"], arrays)
        _container.write(path, description, arrays)

    return forged
