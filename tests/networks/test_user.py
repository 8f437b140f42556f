"""Encoders that users bring."""

import numpy as np
import pytest
import torch
from torch import nn

from skdeepcluster.networks import ImageLayout, UserNetwork, user_encoder


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(n=9, d=5, seed=1):
    return torch.randn(n, d, generator=seeded(seed))


def test_user_network__with_a_layout_is_given_images():
    seen = []

    class Watching(nn.Module):
        def forward(self, x):
            seen.append(x)
            return x.mean(dim=1)

    x = torch.arange(24.0).view(2, 12)
    output = UserNetwork(Watching(), ImageLayout(3, 2, 2, last=True))(x)
    assert output.shape == (2, 4)
    np.testing.assert_array_equal(
        seen[0], x.numpy().reshape(2, 2, 2, 3).transpose(0, 3, 1, 2)
    )


@pytest.mark.parametrize(
    ("layout", "shape"), [(None, (12,)), (ImageLayout(3, 2, 2), (3, 2, 2))]
)
def test_user_encoder__a_callable_is_given_the_shape_of_a_row(layout, shape):
    asked = []

    def network(row_shape):
        asked.append(row_shape)
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(7))

    encoder, size = user_encoder(network, 12, layout)
    assert asked == [shape]
    assert size == 7
    assert encoder(rows(d=12)).shape == (9, 7)


def test_user_encoder__a_module_is_copied():
    module = nn.Linear(12, 4)
    encoder, size = user_encoder(module, 12, None)
    assert size == 4
    assert encoder.module is not module
    assert torch.equal(encoder.module.weight, module.weight)


@pytest.mark.parametrize(
    ("network", "layout", "message"),
    [
        (lambda shape: "encoder", None, "'network' parameter must.*Got str"),
        (nn.Linear(11, 4), None, r"'network' parameter.*shape \(12,\)"),
        (nn.Conv2d(1, 4, 1), ImageLayout(3, 2, 2), r"of shape \(3, 2, 2\)"),
        (nn.LSTM(12, 4), None, "'network' parameter.*'tuple'"),
    ],
)
def test_user_encoder__that_does_not_fit_raises(network, layout, message):
    with pytest.raises(ValueError, match=message):
        user_encoder(network, 12, layout)
