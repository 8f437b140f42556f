"""Settings and data that all tests share."""

import multiprocessing
import os

import numpy as np
import pytest
import torch

# Read by SciPy, scikit-learn and matplotlib when they are imported, which none of the
# above does.
os.environ["SCIPY_ARRAY_API"] = "1"
os.environ.setdefault("OMP_NUM_THREADS", "1")  # each of several processes has one
os.environ["MPLBACKEND"] = "Agg"

# Results are promised for one number of threads only.
torch.set_num_threads(1)


@pytest.fixture(scope="session")
def processes():
    """The context of processes that have imported the package when they start."""
    known = multiprocessing.get_all_start_methods()
    method = "forkserver" if "forkserver" in known else "spawn"
    context = multiprocessing.get_context(method)
    context.set_forkserver_preload(["pytest", "skdeepcluster"])
    return context


@pytest.fixture
def blobs():
    """60 rows around three far centres, and the number of the centre of each row."""
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 20)
    centers = 10.0 * np.eye(3, 6)
    return centers[y] + rng.normal(size=(60, 6)), y


@pytest.fixture
def whole_numbers():
    """60 rows of integers from 0 to 199, which every numeric dtype here can hold."""
    rng = np.random.default_rng(0)
    centers = rng.integers(30, 170, size=(3, 5))
    return np.repeat(centers, 20, axis=0) + rng.integers(-20, 20, size=(60, 5))
