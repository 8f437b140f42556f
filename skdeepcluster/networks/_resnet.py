"""The residual network of 18 layers, as it is used for small images."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from skdeepcluster.networks._convolutional import channels_last, normalised_convolution
from skdeepcluster.networks._images import ImageLayout

_WIDTHS = (64, 128, 256, 512)


class ResNet18(nn.Module):
    """Residual network of 18 layers [1]_ for small images, without the classifier.

    The first convolution sees 3 x 3 pixels and keeps the size of the image, and no
    pooling follows: the usual variant for sides of about 32 pixels. Four stages of two
    blocks give 64, 128, 256 and 512 channels; each but the first halves the image. The
    mean over the image is the output. Convolutions are normal with variance
    ``2 / fan_out``.

    Parameters
    ----------
    layout : ImageLayout
        Of the rows; as a list in a `config`.
    generator : torch.Generator, default=None
        Source of the initial weights; without one they are left undefined, to be
        loaded, on torch's default device.

    References
    ----------
    .. [1] K. He, X. Zhang, S. Ren, J. Sun (2016). Deep residual learning for image
       recognition. IEEE Conference on Computer Vision and Pattern Recognition, 770-778.
       doi:10.1109/CVPR.2016.90
    """

    n_outputs = _WIDTHS[-1]

    def __init__(
        self,
        layout: ImageLayout | Sequence,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        self.layout = ImageLayout(*layout)
        first = _WIDTHS[0]
        stem = normalised_convolution(self.layout.channels, first, 3, generator)
        self.stem = nn.Sequential(*stem, nn.ReLU(inplace=True))
        blocks: list[nn.Module] = []
        for n_in, n_out in pairwise([first, *_WIDTHS]):
            blocks += [_Block(n_in, n_out, generator), _Block(n_out, n_out, generator)]
        self.blocks = nn.Sequential(*blocks)
        if generator is not None:
            self._initialise(generator)

    @property
    def config(self) -> dict:
        """Plain description from which `build` makes the same architecture."""
        return {"name": "ResNet18", "layout": list(self.layout)}

    def forward(self, x: Tensor) -> Tensor:
        """(n, n_features) -> (n, 512)."""
        images = channels_last(self.layout.images(x))
        return self.blocks(self.stem(images)).mean(dim=(2, 3))

    @torch.no_grad()
    def _initialise(self, generator):
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                fan_out = layer.weight[:, 0].numel()
                layer.weight.normal_(0, (2 / fan_out) ** 0.5, generator=generator)


class _Block(nn.Module):
    """Two convolutions and a way around them; the image halves where channels grow."""

    def __init__(self, n_in, n_out, generator=None):
        super().__init__()
        stride = 1 if n_in == n_out else 2
        self.residual = nn.Sequential(
            *normalised_convolution(n_in, n_out, 3, generator, stride),
            nn.ReLU(inplace=True),
            *normalised_convolution(n_out, n_out, 3, generator),
        )
        self.shortcut = nn.Sequential()
        if n_in != n_out:
            projection = normalised_convolution(n_in, n_out, 1, generator, stride)
            self.shortcut = nn.Sequential(*projection)

    def forward(self, images: Tensor) -> Tensor:
        """(n, n_in, height, width) -> (n, n_out, ...)."""
        return torch.relu(self.residual(images) + self.shortcut(images))
