"""Random images, and what tests of their views share."""

import numpy as np
import torch

NO_JITTER = {"brightness": 0.0, "contrast": 0.0, "saturation": 0.0, "hue": 0.0}


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_images(*shape, seed=1, dtype=torch.float32):
    return torch.rand(*shape, generator=generator(seed), dtype=dtype)


def assert_equal(result, expected, atol=1e-5):
    np.testing.assert_allclose(result, expected, rtol=0, atol=atol)
