import numpy as np
import pytest


@pytest.fixture
def plane():
    """80 rows of seven features that lie near a plane, far from the origin."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 2)) @ rng.normal(size=(2, 7))
    return 1000 + 50 * (X + 0.01 * rng.normal(size=X.shape))
