"""All layers of an encoder side by side, and the way back."""

import torch
from torch import nn

from skdeepcluster.networks import (
    MLP,
    AllLayers,
    ConvolutionalEncoder,
    FromLastLayer,
    ImageLayout,
    build,
    layer_outputs,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_layer_outputs__of_convolutions_are_the_means_of_their_maps():
    x = torch.randn(9, 36, generator=seeded())
    network = ConvolutionalEncoder(ImageLayout(1, 6, 6), 4, seeded())
    *means, last = layer_outputs(network, x)
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
    hidden, last = encoder.encoder.activations(x)
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
