"""What the layers of a network give, and noise between them."""

import pytest
import torch
from torch import nn

from skdeepcluster.networks import (
    MLP,
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    ImageLayout,
    LinearPath,
    UserNetwork,
)

LAYOUT = ImageLayout(2, 7, 5, last=False)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def rows(*shape):
    return torch.rand(shape, generator=seeded(3))


def networks():
    encoder = ConvolutionalEncoder(LAYOUT, 6, seeded())
    return {
        "MLP": (MLP([6, 5, 4, 2], seeded()), 6),
        "MLP of one layer": (MLP([6, 2], seeded()), 6),
        "MLP with normalised batches": (MLP([6, 5, 2], seeded(), batch_norm=True), 6),
        "LinearPath": (LinearPath(MLP([6, 5, 2], seeded()), 6, 2, rows(2, 6)), 6),
        "ConvolutionalEncoder": (encoder, 70),
        "ConvolutionalDecoder": (ConvolutionalDecoder(LAYOUT, 6, seeded()), 6),
        "LinearPath of convolutions": (LinearPath(encoder, 70, 6, rows(6, 70)), 70),
        "UserNetwork": (UserNetwork(nn.Linear(6, 2)), 6),
    }


@pytest.mark.parametrize("name", networks())
def test_activations__end_in_what_the_network_gives(name):
    network, n_features = networks()[name]
    x = rows(8, n_features)
    assert torch.equal(network.eval().activations(x)[-1], network(x))


def test_activations__are_those_behind_each_relu():
    network, x = MLP([6, 5, 4, 2], seeded()), rows(8, 6)
    first = network[0](x).relu()
    second = network[2](first).relu()
    for one, expected in zip(
        network.activations(x), [first, second, network[4](second)], strict=True
    ):
        assert torch.equal(one, expected)


def test_activations__are_corrupted_on_their_way_to_the_next_layer():
    network, x = MLP([6, 5, 4, 2], seeded()), rows(8, 6)
    first, second, last = network.activations(x, lambda h: 2 * h)
    assert torch.equal(first, network[0](x).relu())
    assert torch.equal(second, network[2](2 * first).relu())
    assert torch.equal(last, network[4](2 * second))


@pytest.mark.parametrize(
    ("encoder", "decoder"),
    [
        (MLP([6, 5, 4, 2], seeded()), MLP([2, 4, 5, 6], seeded())),
        (
            ConvolutionalEncoder(LAYOUT, 2, seeded()),
            ConvolutionalDecoder(LAYOUT, 2, seeded()),
        ),
    ],
)
def test_activations__of_a_decoder_mirror_those_of_its_encoder(encoder, decoder):
    x = rows(3, 70 if isinstance(encoder, ConvolutionalEncoder) else 6)
    *hidden, z = encoder.activations(x)
    *mirrored, x_hat = decoder.activations(z)
    assert [h.shape for h in hidden] == [h.shape for h in mirrored[::-1]]
    assert len(hidden) > 1
    assert x_hat.shape == x.shape


def test_activations__of_a_user_network_are_its_output():
    assert len(UserNetwork(nn.Linear(6, 2)).activations(rows(3, 6))) == 1
