"""Convolutional networks for small images; they take and give flat rows."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise

import torch
from torch import Tensor, nn

from skdeepcluster.networks._images import ImageLayout
from skdeepcluster.networks._mlp import blank_linear, through, unchanged

_WIDTHS, _KERNELS = (32, 64, 128), (5, 5, 3)


class ConvolutionalEncoder(nn.Module):
    """Three convolutions, each of which halves the image, and a linear layer.

    Kernels of 5, 5 and 3 pixels give 32, 64 and 128 channels, with ReLU after each.
    Halves are rounded up: 28, 14, 7, 4. All paddings are the same at both ends, where
    the paper's [1]_ last convolution has none for odd sides and goes from 7 to 3.

    Weights are uniform within ``1 / sqrt(fan_in)`` and biases zero.

    Parameters
    ----------
    layout : ImageLayout
        Of the rows; as a list in a `config`.
    n_outputs : int
        Size of the embedding.
    generator : torch.Generator, default=None
        Source of the initial weights; without one they are left undefined, to be
        loaded, on torch's default device.

    References
    ----------
    .. [1] X. Guo, X. Liu, E. Zhu, J. Yin (2017). Deep clustering with convolutional
       autoencoders. Neural Information Processing, Lecture Notes in Computer Science
       10635, 373-382. doi:10.1007/978-3-319-70096-0_39
    """

    def __init__(
        self,
        layout: ImageLayout | Sequence,
        n_outputs: int,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.layout, self.n_outputs = ImageLayout(*layout), int(n_outputs)
        sizes = _halvings(self.layout)
        self._inner, self._is_narrow = sizes[-1], sizes[-2].width == 1
        layers: list[nn.Module] = []
        for kernel, (large, small) in zip(_KERNELS, pairwise(sizes), strict=True):
            channels = large.channels, small.channels
            options = {"stride": 2, "padding": kernel // 2}
            convolution = blank(nn.Conv2d, *channels, kernel, generator, **options)
            layers += [convolution, nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.linear = blank_linear(self._inner.n_features, self.n_outputs, generator)
        if generator is not None:
            _initialise(self, generator)

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "ConvolutionalEncoder",
            "layout": list(self.layout),
            "n_outputs": self.n_outputs,
        }

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_outputs)."""
        with _sound(x.device, self._is_narrow):
            maps = self.convolutions(channels_last(self.layout.images(x)))
        return self.linear(self._inner.rows(maps))

    def activations(
        self, x: Tensor, corrupt: Callable[[Tensor], Tensor] = unchanged
    ) -> list[Tensor]:
        """Maps behind each ReLU (n, channels, height, width), then the embedding.

        The next layer is given what `corrupt` makes of the maps.
        """
        images = channels_last(self.layout.images(x))
        with _sound(x.device, self._is_narrow):
            hidden, maps = through(self.convolutions, images, corrupt)
        return [*hidden, self.linear(self._inner.rows(maps))]


class ConvolutionalDecoder(nn.Module):
    """A linear layer and three transposed convolutions: the encoder in reverse.

    ReLU follows all but the last. Output paddings give every side its exact length.

    Parameters
    ----------
    layout : ImageLayout
        Of the rows; as a list in a `config`.
    n_inputs : int
        Size of the embedding.
    generator : torch.Generator, default=None
        Source of the initial weights; without one they are left undefined, to be
        loaded, on torch's default device.
    batch_norm : bool, default=False
        Whether batches are normalised before each ReLU.
    """

    def __init__(
        self,
        layout: ImageLayout | Sequence,
        n_inputs: int,
        generator: torch.Generator | None = None,
        batch_norm: bool = False,
    ):
        super().__init__()
        self.layout, self.n_inputs = ImageLayout(*layout), int(n_inputs)
        self.batch_norm = batch_norm
        sizes = _halvings(self.layout)[::-1]
        self._inner, self._is_narrow = sizes[0], sizes[1].width == 1
        self.linear = blank_linear(self.n_inputs, self._inner.n_features, generator)
        layers: list[nn.Module] = []
        for kernel, (small, large) in zip(_KERNELS[::-1], pairwise(sizes), strict=True):
            channels = small.channels, large.channels
            options = {
                "stride": 2,
                "padding": kernel // 2,
                "output_padding": (1 - large.height % 2, 1 - large.width % 2),
            }
            if batch_norm:
                device = self.linear.weight.device
                layers.append(nn.BatchNorm2d(small.channels, device=device))
            layers += [
                nn.ReLU(),
                blank(nn.ConvTranspose2d, *channels, kernel, generator, **options),
            ]
        self.convolutions = nn.Sequential(*layers)
        if generator is not None:
            _initialise(self, generator)

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        config = {
            "name": "ConvolutionalDecoder",
            "layout": list(self.layout),
            "n_inputs": self.n_inputs,
        }
        if self.batch_norm:  # files from before it do without
            config["batch_norm"] = True
        return config

    def forward(self, z: Tensor) -> Tensor:
        """(n, n_inputs) -> (n, n_features)."""
        maps = self._inner.images(self.linear(z))
        with _sound(z.device, self._is_narrow):
            maps = self.convolutions(maps.float() if self._is_narrow else maps)
        return self.layout.rows(maps)

    def activations(
        self, z: Tensor, corrupt: Callable[[Tensor], Tensor] = unchanged
    ) -> list[Tensor]:
        """Maps behind each ReLU, in shape those of the encoder in reverse, then rows.

        The next layer is given what `corrupt` makes of the maps.
        """
        maps = self._inner.images(self.linear(z))
        with _sound(z.device, self._is_narrow):
            maps = maps.float() if self._is_narrow else maps
            hidden, maps = through(self.convolutions, maps, corrupt)
        return [*hidden, self.layout.rows(maps)]


class ConvolutionalNetwork(nn.Module):
    """Blocks of convolution, batch normalisation, ReLU and pooling, then the mean.

    An encoder for contrastive methods on small images. Convolutions see 3 x 3 pixels,
    and pooling takes the largest of 2 x 2, as far as there are two. Weights are uniform
    within ``1 / sqrt(fan_in)``.

    Parameters
    ----------
    layout : ImageLayout
        Of the rows; as a list in a `config`.
    generator : torch.Generator, default=None
        Source of the initial weights; without one they are left undefined, to be
        loaded, on torch's default device.
    widths : sequence of int, default=(32, 64, 128)
        Channels of each block; the last is the number of outputs.
    """

    def __init__(
        self,
        layout: ImageLayout | Sequence,
        generator: torch.Generator | None = None,
        widths: Sequence[int] = _WIDTHS,
    ):
        super().__init__()
        self.layout = ImageLayout(*layout)
        self.widths = tuple(int(width) for width in widths)
        layers: list[nn.Module] = []
        for n_in, n_out in pairwise([self.layout.channels, *self.widths]):
            layers += normalised_convolution(n_in, n_out, 3, generator)
            # Rounded up, so that a side of one pixel stays as it is.
            layers += [nn.ReLU(inplace=True), nn.MaxPool2d(2, ceil_mode=True)]
        self.blocks = nn.Sequential(*layers)
        if generator is not None:
            _initialise(self, generator)

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {
            "name": "ConvolutionalNetwork",
            "layout": list(self.layout),
            "widths": list(self.widths),
        }

    @property
    def n_outputs(self) -> int:
        """Number of features that the network gives."""
        return self.widths[-1]

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, n_outputs)."""
        return self.blocks(channels_last(self.layout.images(x))).mean(dim=(2, 3))


def _sound(device: torch.device, is_narrow: bool) -> AbstractContextManager:
    """Without autocast on a CPU where maps have one column.

    There oneDNN leaves the gradient of a strided convolution undefined in bfloat16.
    """
    if is_narrow and device.type == "cpu":
        return torch.autocast("cpu", enabled=False)
    return nullcontext()


def channels_last(images: Tensor) -> Tensor:
    """The same images in the memory format in which convolutions are faster.

    The weights keep the usual one: with the images alone most of the gain is there.
    """
    return images.contiguous(memory_format=torch.channels_last)


def blank(kind, n_in, n_out, kernel, generator=None, **options) -> nn.Module:
    """A convolution that torch does not initialise, as `blank_linear`."""
    device = torch.get_default_device() if generator is None else generator.device
    return nn.utils.skip_init(kind, n_in, n_out, kernel, device=device, **options)


def normalised_convolution(
    n_in: int, n_out: int, kernel: int, generator=None, stride: int = 1
) -> list[nn.Module]:
    """A convolution without bias and batch normalisation, which brings one."""
    options = {"stride": stride, "padding": kernel // 2, "bias": False}
    convolution = blank(nn.Conv2d, n_in, n_out, kernel, generator, **options)
    return [convolution, nn.BatchNorm2d(n_out, device=convolution.weight.device)]


def _halvings(layout: ImageLayout) -> list[ImageLayout]:
    """The image and what each convolution makes of it; half sides are rounded up."""
    sizes = [layout]
    for channels in _WIDTHS:
        _, height, width, _ = sizes[-1]
        half = ImageLayout(channels, (height + 1) // 2, (width + 1) // 2, last=True)
        sizes.append(half)
    return sizes


@torch.no_grad()
def _initialise(network, generator):
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            # The products that make one output. Transposed convolutions are counted as
            # if they were none, as torch does; counting theirs learns no faster.
            bound = layer.weight[0].numel() ** -0.5
            layer.weight.uniform_(-bound, bound, generator=generator)
            if layer.bias is not None:
                layer.bias.zero_()
