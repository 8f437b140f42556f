"""All layers of an encoder side by side, and the way back."""

import pytest
import torch
from torch import nn

from skdeepcluster.networks import (
    MLP,
    AllLayers,
    ConvolutionalEncoder,
    FromLastLayer,
    ImageLayout,
    LinearPath,
    build,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def x():
    return torch.randn(9, 36, generator=seeded())


def test_layers__of_an_mlp_are_what_its_activations_give(x):
    for batch_norm in (False, True):
        network = MLP([36, 5, 3, 2], seeded(), batch_norm).eval()
        outputs = network.layers(x)
        length = 3 if batch_norm else 2
        for output, depth in zip(outputs, (length, 2 * length, None), strict=True):
            part = nn.Sequential(*list(network)[:depth])
            torch.testing.assert_close(output, part(x), rtol=0, atol=0)


def test_layers__of_one_layer_are_its_output(x):
    network = MLP([36, 2], seeded())
    (only,) = network.layers(x)
    torch.testing.assert_close(only, network(x))


def test_layers__beside_a_linear_path_are_those_of_the_network(x):
    network = MLP([36, 5, 2], seeded())
    path = LinearPath(network, 36, 2, torch.randn(2, 36, generator=seeded(1)))
    hidden, last = path.layers(x)
    torch.testing.assert_close(hidden, network.layers(x)[0], rtol=0, atol=0)
    torch.testing.assert_close(last, path(x), rtol=0, atol=0)


def test_layers__of_convolutions_are_the_means_of_their_maps(x):
    network = ConvolutionalEncoder(ImageLayout(1, 6, 6), 4, seeded())
    *means, last = network.layers(x)
    maps = network.layout.images(x)
    for convolution, mean in zip(network.convolutions[::2], means, strict=True):
        maps = convolution(maps).relu()
        torch.testing.assert_close(mean, maps.flatten(2).mean(dim=2))
    torch.testing.assert_close(last, network(x))


def test_all_layers__are_centred_scaled_and_found_again():
    x = torch.randn(9, 6, generator=seeded())
    encoder = AllLayers(MLP([6, 5, 2], seeded()), [5, 2])
    encoder.center.copy_(torch.arange(7.0))
    encoder.scale.copy_(torch.tensor([2.0] * 5 + [0.5] * 2))
    z = encoder(x)
    hidden, last = encoder.encoder.layers(x)
    torch.testing.assert_close(z[:, :5], 2 * (hidden - torch.arange(5.0)))
    decoder = FromLastLayer(nn.Identity(), 2)
    decoder.center.copy_(encoder.center[5:])
    decoder.scale.copy_(encoder.scale[5:])
    torch.testing.assert_close(decoder(z), last)


def test_config__builds_the_same_again():
    x = torch.randn(9, 6, generator=seeded())
    encoder = AllLayers(MLP([6, 5, 2], seeded()), [5, 2])
    decoder = FromLastLayer(MLP([2, 5, 6], seeded()), 2)
    encoder.center.fill_(0.3), decoder.scale.fill_(0.7)
    for module, given in ((encoder, x), (decoder, encoder(x))):
        copy = build(module.config)
        copy.load_state_dict(module.state_dict())
        torch.testing.assert_close(copy(given), module(given), rtol=0, atol=0)
