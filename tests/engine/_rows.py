"""Rows as the engine sees them."""

import numpy as np
import torch

from skdeepcluster.engine import Rows

CPU = torch.device("cpu")


def make_rows(X, center=None, scale=2.0):
    """On the CPU, each column with another centre if none is given."""
    center = np.arange(float(X.shape[1])) if center is None else center
    return Rows(X, center, scale, CPU)
