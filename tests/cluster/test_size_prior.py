"""The parameter `size_prior`, as shares."""

import numpy as np
import pandas as pd
import pytest
import torch

from skdeepcluster.cluster._shared._size_prior import prior_shares
from skdeepcluster.losses import zipf_prior


def test_names__are_powers_of_the_rank():
    assert torch.equal(prior_shares("uniform", 4), torch.full((4,), 0.25))
    assert torch.equal(prior_shares("zipf", 4), zipf_prior(4))


def learned(sizes):
    return torch.tensor(sizes, dtype=torch.float32, requires_grad=True)


@pytest.mark.parametrize(
    "kind", [list, tuple, np.array, torch.tensor, learned, pd.Series]
)
def test_sizes__are_divided_by_their_sum(kind):
    shares = prior_shares(kind([300, 100, 600]), 3)
    assert shares.dtype == torch.float32
    np.testing.assert_allclose(shares, [0.3, 0.1, 0.6], rtol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        [0.5, 0.5],
        [[0.2, 0.3, 0.5]],
        [0.5, 0.5, 0.0],
        [1.0, 1.5, -0.5],
        [-1.0, -1.0, -2.0],
        [1.0, np.nan, 1.0],
        [1.0, np.inf, 1.0],
        [1.0, 1e-60, 1.0],  # zero in float32
        [],
        ["a", "b", "c"],
        [[1, 2], 1, 1],
        "zipfian",
    ],
    ids=str,
)
def test_anything_else__is_refused(wrong):
    with pytest.raises(ValueError, match="of the n_clusters=3 clusters"):
        prior_shares(wrong, 3)
