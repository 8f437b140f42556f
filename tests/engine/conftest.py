"""Data that the engine's tests share."""

import numpy as np
import pytest


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(5, 3, size=(50, 4))
