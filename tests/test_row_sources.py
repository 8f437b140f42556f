"""Arrays of other libraries that stay on a disk, or are not computed yet."""

import numpy as np
import pytest

from skdeepcluster import DECClustering, IMSATClustering, SimCLR
from skdeepcluster.utils import is_row_source
from tests._discovery import tiny


def in_h5py(X, folder):
    h5py = pytest.importorskip("h5py")
    file = h5py.File(folder / "rows.h5", "w")
    return file.create_dataset("rows", data=X, chunks=(7, *X.shape[1:]))


def in_zarr(X, folder):
    zarr = pytest.importorskip("zarr")
    chunks = (9, *X.shape[1:])
    rows = zarr.create_array(
        str(folder / "rows"), shape=X.shape, dtype=X.dtype, chunks=chunks
    )
    rows[:] = X
    return rows


def in_dask(X, folder):
    array = pytest.importorskip("dask.array")
    return array.from_array(X, chunks=(11, *X.shape[1:]))


@pytest.mark.parametrize("library", [in_h5py, in_zarr, in_dask])
@pytest.mark.parametrize("cls", [DECClustering, IMSATClustering, SimCLR])
@pytest.mark.parametrize("shape", [(6,), (2, 3)], ids=["flat", "images"])
def test_fit__as_from_memory(cls, library, shape, blobs, tmp_path):
    X = blobs[0].astype(np.float32).reshape(-1, *shape)
    rows = library(X, tmp_path)
    assert is_row_source(rows)
    expected, estimator = tiny(cls).fit(X), tiny(cls).fit(rows)
    if hasattr(expected, "labels_"):
        np.testing.assert_array_equal(estimator.labels_, expected.labels_)
    np.testing.assert_array_equal(estimator.transform(rows), expected.transform(X))
