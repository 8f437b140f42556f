"""Networks of images."""

import json

import pytest
import torch
from torch import nn

from skdeepcluster.networks import (
    ConvolutionalDecoder,
    ConvolutionalEncoder,
    ConvolutionalNetwork,
    ImageLayout,
    ResNet18,
    build,
)

LAYOUTS = [
    ImageLayout(1, 28, 28),
    ImageLayout(1, 16, 16),
    ImageLayout(3, 32, 32),
    ImageLayout(2, 5, 7),
    ImageLayout(1, 1, 1),
]
# With rows of images to rows of outputs, and for all of them the arguments.
NETWORKS = {
    "ConvolutionalEncoder": (ConvolutionalEncoder, {"n_outputs": 4}),
    "ConvolutionalNetwork": (ConvolutionalNetwork, {"widths": (4, 6)}),
    "ResNet18": (ResNet18, {}),
}
ALL = {**NETWORKS, "ConvolutionalDecoder": (ConvolutionalDecoder, {"n_inputs": 4})}

each_layout = pytest.mark.parametrize(
    "layout", LAYOUTS, ids=lambda layout: "x".join(map(str, layout[:3]))
)
each_network = pytest.mark.parametrize("name", NETWORKS)
each = pytest.mark.parametrize("name", ALL)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def make(name, layout=ImageLayout(2, 5, 7), seed=0):  # noqa: B008
    cls, arguments = ALL[name]
    return cls(layout, generator=seeded(seed), **arguments)


def inputs(network, n=6):
    """Rows that the network takes."""
    is_decoder = isinstance(network, ConvolutionalDecoder)
    width = network.n_inputs if is_decoder else network.layout.n_features
    return torch.rand(n, width, generator=seeded(1))


def autoencoder(layout, n_components=4):
    generator = seeded()
    encoder = ConvolutionalEncoder(layout, n_components, generator)
    return encoder, ConvolutionalDecoder(layout, n_components, generator)


def layers(network, *kinds):
    return [layer for layer in network.modules() if isinstance(layer, kinds)]


# -- shapes ------------------------------------------------------------------------


@each_layout
def test_autoencoder__any_size__is_restored(layout):
    encoder, decoder = autoencoder(layout)
    z = encoder(inputs(encoder))
    assert z.shape == (6, encoder.n_outputs)
    x_hat = decoder(z)
    assert x_hat.shape == (6, layout.n_features)
    assert z.dtype == x_hat.dtype == torch.float32


@each_layout
@pytest.mark.parametrize("name", ["ConvolutionalNetwork", "ResNet18"])
def test_forward__any_size__gives_its_outputs(name, layout):
    network = make(name, layout)
    assert network(inputs(network)).shape == (6, network.n_outputs)
    assert network.eval()(inputs(network, n=1)).shape == (1, network.n_outputs)


def test_encoder__halves_the_image():
    encoder, decoder = autoencoder(ImageLayout(1, 28, 28))
    maps, sides = torch.rand(1, 1, 28, 28), [28]
    for layer in encoder.convolutions:
        maps = layer(maps)
        sides.append(maps.shape[-1])
    assert sides == [28, 14, 14, 7, 7, 4, 4]
    assert encoder.linear.in_features == decoder.linear.out_features == 128 * 4 * 4
    kinds = [type(layer) for layer in encoder.convolutions]
    assert kinds == 3 * [nn.Conv2d, nn.ReLU]
    kinds = [type(layer) for layer in decoder.convolutions]
    assert kinds == 3 * [nn.ReLU, nn.ConvTranspose2d]


def test_autoencoder__ends__are_linear():
    encoder, decoder = autoencoder(ImageLayout(1, 8, 8))
    x = torch.randn(50, 64, generator=seeded())
    z = encoder(x)
    assert z.min() < 0 < z.max()
    x_hat = decoder(z)
    assert x_hat.min() < 0 < x_hat.max()


def test_network__outputs__are_the_last_width():
    assert ConvolutionalNetwork(LAYOUTS[0], seeded()).n_outputs == 128
    assert ConvolutionalNetwork(LAYOUTS[0], seeded(), widths=[8, 5]).n_outputs == 5


def test_resnet__is_the_one_of_18_layers():
    network = make("ResNet18", ImageLayout(3, 32, 32))
    # Convolutions of the stem, the stages and the shortcuts; each normalisation has a
    # weight and a bias for each channel.
    expected = 9 * 3 * 64 + 2 * 64
    for n_in, n_out in ((64, 64), (64, 128), (128, 256), (256, 512)):
        expected += 9 * n_in * n_out + 3 * 9 * n_out * n_out + 4 * 2 * n_out
        if n_in != n_out:
            expected += n_in * n_out + 2 * n_out
    assert expected == 11_168_832
    assert sum(weights.numel() for weights in network.parameters()) == expected
    assert network.n_outputs == 512
    on_a_path = [c for c in layers(network, nn.Conv2d) if c.kernel_size == (3, 3)]
    assert len(on_a_path) == 17  # and the classifier


# -- weights -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ConvolutionalEncoder", "ConvolutionalDecoder", "ConvolutionalNetwork"]
)
def test_weights__lie_within_one_over_the_root_of_fan_in(name):
    kinds = nn.Conv2d, nn.ConvTranspose2d, nn.Linear
    network = make(name)
    for layer in layers(network, *kinds):
        bound = layer.weight[0].numel() ** -0.5
        assert 0.8 * bound < layer.weight.abs().max() <= bound
        assert layer.bias is None or torch.all(layer.bias == 0)


def test_resnet__weights__have_the_variance_of_their_fan_out():
    network = make("ResNet18")
    for layer in layers(network, nn.Conv2d):
        fan_out = layer.out_channels * layer.kernel_size[0] ** 2
        expected = pytest.approx((2 / fan_out) ** 0.5, rel=0.05)
        assert layer.weight.std().item() == expected
        assert layer.bias is None
    for layer in layers(network, nn.BatchNorm2d):
        assert torch.all(layer.weight == 1)
        assert torch.all(layer.bias == 0)


@each
def test_weights__depend_on_the_generator_only(name):
    before = torch.get_rng_state()
    first, second, other = make(name), make(name), make(name, seed=1)
    build(first.config)
    assert torch.equal(torch.get_rng_state(), before)
    for weights, same in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(weights, same)
    weights = next(p for p in first.parameters() if p.ndim > 1)
    assert not torch.equal(weights, next(p for p in other.parameters() if p.ndim > 1))


@each
def test_weights__are_contiguous(name):
    # As files of them need it.
    network = make(name)
    network(inputs(network)).sum().backward()
    assert all(tensor.is_contiguous() for tensor in network.state_dict().values())


# -- build -------------------------------------------------------------------------


@each
@pytest.mark.parametrize("last", [False, True])
def test_build__gives_the_same_outputs(name, last):
    network = make(name, ImageLayout(2, 5, 7, last))
    x = inputs(network)
    network(x)  # a step of the running means
    rebuilt = build(json.loads(json.dumps(network.config)))
    rebuilt.load_state_dict(network.state_dict())
    assert type(rebuilt) is type(network)
    assert rebuilt.config == network.config
    assert rebuilt.layout == network.layout
    assert torch.equal(rebuilt.eval()(x), network.eval()(x))


@each
def test_build__takes_no_memory_where_torch_is_told_so(name):
    config = make(name).config
    with torch.device("meta"):
        tensors = build(config).state_dict().values()
    assert all(tensor.is_meta for tensor in tensors)


# -- rows --------------------------------------------------------------------------


@each_network
def test_forward__order_of_channels__changes_nothing(name):
    network = make(name, ImageLayout(3, 8, 8))
    other = make(name, ImageLayout(3, 8, 8, last=True))
    images = torch.rand(6, 3, 8, 8, generator=seeded(1))
    torch.testing.assert_close(
        other(images.permute(0, 2, 3, 1).flatten(1)), network(images.flatten(1))
    )


def test_decoder__order_of_channels__is_that_of_the_rows():
    first, last = ImageLayout(3, 8, 8), ImageLayout(3, 8, 8, last=True)
    z = torch.rand(6, 4, generator=seeded(1))
    torch.testing.assert_close(
        last.images(make("ConvolutionalDecoder", last)(z)),
        first.images(make("ConvolutionalDecoder", first)(z)),
    )


@each
def test_eval__other_rows__change_nothing(name):
    network = make(name)
    x = inputs(network)
    network(x)
    network.eval()
    torch.testing.assert_close(network(x)[:1], network(x[:1]))
    torch.testing.assert_close(network(x[1:])[0], network(x)[1])


@each
def test_forward__no_rows__gives_none(name):
    network = make(name).eval()
    y = network(inputs(network))
    assert network(inputs(network, n=0)).shape == (0, y.shape[1])


@each
def test_export__takes_any_number_of_rows(name):
    network = make(name).eval()
    rows = {0: torch.export.Dim("n")}
    program = torch.export.export(
        network, (inputs(network, 2),), dynamic_shapes=(rows,)
    )
    x = inputs(network, 5)
    torch.testing.assert_close(program.module()(x), network(x))


# -- training ----------------------------------------------------------------------


def test_autoencoder__a_few_steps__reduce_the_error():
    layout = ImageLayout(1, 8, 8)
    encoder, decoder = autoencoder(layout)
    x = torch.rand(64, 2, generator=seeded()) @ torch.randn(2, 64, generator=seeded())
    optimizer = torch.optim.Adam(
        [*encoder.parameters(), *decoder.parameters()], lr=1e-3
    )
    errors = []
    for _ in range(30):
        error = (decoder(encoder(x)) - x).square().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
        errors.append(error.item())
    assert errors[-1] < 0.5 * errors[0]


@each
def test_backward__reaches_all_weights(name):
    network = make(name, ImageLayout(2, 9, 6))
    output = network(inputs(network))
    output.square().sum().backward()
    for weights in network.parameters():
        assert weights.grad is not None
        assert torch.all(torch.isfinite(weights.grad))


@each
def test_forward__bfloat16__is_near(name):
    network = make(name, ImageLayout(2, 9, 6)).eval()
    x = inputs(network)
    with torch.autocast("cpu", torch.bfloat16):
        y = network(x)
    expected = network(x)
    assert (y.float() - expected).abs().max() < 0.05 * expected.abs().max()


@pytest.mark.parametrize("side", [1, 4, 5])
def test_images_of_few_columns__have_finite_gradients_in_bfloat16(side):
    layout = ImageLayout(1, 3, side)
    weights = torch.Generator().manual_seed(0)
    encoder = ConvolutionalEncoder(layout, 4, weights)
    decoder = ConvolutionalDecoder(layout, 4, weights)
    # Freed, they are what memory holds that nobody has written to.
    shapes = {p.shape for p in (*encoder.parameters(), *decoder.parameters())}
    for dtype in (torch.bfloat16, torch.float32):
        junk = [torch.full(shape, torch.nan, dtype=dtype) for shape in 4 * [*shapes]]
        del junk
    with torch.autocast("cpu", torch.bfloat16):
        x_hat = decoder(encoder(torch.randn(16, 3 * side, generator=weights)))
    x_hat.float().square().sum().backward()
    for network in (encoder, decoder):
        for name, weight in network.named_parameters():
            assert torch.all(torch.isfinite(weight.grad)), name
