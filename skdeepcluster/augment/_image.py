"""Views of images: floats in [0, 1] of shape (n, c, h, w), and so are the views.

All but Sobel's edges, which have a sign. Colour operations take three channels for red,
green and blue; of any other number they change brightness and contrast only.
"""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import Generator, Tensor

# Red, green and blue to luma and the two axes of chroma (NTSC).
_TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]]
)
_LUMA = _TO_YIQ[0].tolist()
# A quarter of a turn of the chroma, in red, green and blue; it takes grey to zero.
_QUARTER_TURN = np.linalg.solve(
    _TO_YIQ, np.array([[0, 0, 0], [0, 0, -1], [0, 1, 0]]) @ _TO_YIQ
).tolist()


# -- ready sets --------------------------------------------------------------------


def weak_image_views(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Large crops, turned a little; mirrored only if not of one channel.

    (n, c, h, w) -> (n, c, h, w). Images of one channel are often digits or letters,
    which mean something else in the mirror.
    """
    flip = 0.0 if images.shape[1] == 1 else 0.5
    return random_crop(images, generator, scale=(0.5, 1.0), flip=flip, degrees=10.0)


def strong_image_views(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Views for contrastive learning: (n, c, h, w) -> (n, c, h, w).

    Crops, mirror images, jitter and grey as in SimCLR, with blur above 32 pixels only
    (Chen, Kornblith, Norouzi, Hinton, ICML 2020). They make one digit look like
    another: images of one channel are not mirrored, their crops are larger and turned
    by up to 25 degrees, and of the jitter brightness and contrast are left.
    """
    if images.shape[1] == 1:
        views = random_crop(images, generator, scale=(0.4, 1.0), flip=0.0, degrees=25.0)
        return color_jitter(views, generator, saturation=0.0, hue=0.0)
    views = random_crop(images, generator)
    views = color_jitter(views, generator)
    views = random_grey(views, generator)
    if min(images.shape[2:]) > 32:
        views = random_blur(views, generator)
    return views


# -- geometry ----------------------------------------------------------------------


def random_crop(
    images: Tensor,
    generator: Generator | None = None,
    *,
    scale: tuple[float, float] = (0.2, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
    degrees: float = 0.0,
) -> Tensor:
    """Random windows, turned, mirrored, enlarged: (n, c, h, w) -> (n, c, h, w).

    A window has a share `scale` of the area, uniform, and a width over height within
    `ratio`, uniform in its logarithm among what fits; where nothing does, the nearest.
    It is turned around its centre by up to `degrees` either way and mirrored left to
    right with probability `flip`. What a turned window lacks beyond the border, it gets
    from the nearest pixel: black around digits stays black, and photographs get no
    black corners.
    """
    h, w = images.shape[2:]
    log_area = _uniform(images, generator, *scale).log()
    # Sides are shares of the image's: both are at most 1 while their ratio is within
    # area and 1 / area.
    low, high = (
        torch.maximum(log_area, (-log_area).clamp_max(math.log(r * h / w)))
        for r in ratio
    )
    log_ratio = _uniform(images, generator, low, high)
    width = ((log_area + log_ratio) / 2).exp()
    height = ((log_area - log_ratio) / 2).exp()
    x = (1 - width) * _uniform(images, generator, -1.0, 1.0)
    y = (1 - height) * _uniform(images, generator, -1.0, 1.0)
    angle = math.radians(degrees) * _uniform(images, generator, -1.0, 1.0)
    cos, sin = angle.cos(), angle.sin()
    mirror = 1 - 2 * _chosen(images, generator, flip).to(images.dtype)
    # Where a step to the right and one downwards lead; turns are true in pixels.
    right = torch.stack([cos * width, sin * width * (w / h)], dim=1)
    down = torch.stack([-sin * height * (h / w), cos * height], dim=1)
    right, center = right * mirror[:, None], torch.stack([x, y], dim=1)
    return _resampled(images, right, down, center)


def _resampled(images, right, down, center):
    """Bilinear values at affine positions: the three are (n, 2), in x and y.

    The image reaches from -1 to 1 in both directions.
    """
    h, w = images.shape[2:]
    across = _centers(w, images)[:, None] * right[:, None]  # (n, w, 2)
    along = _centers(h, images)[:, None] * down[:, None] + center[:, None]  # (n, h, 2)
    # Not F.affine_grid, whose product autocast would round.
    grid = across[:, None] + along[:, :, None]
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def random_cutout(
    images: Tensor, generator: Generator | None = None, *, size: float
) -> Tensor:
    """A black window in each image: (n, c, h, w) -> (n, c, h, w).

    Its sides are the same share of the image's, uniform in [0, `size`]; its centre is
    anywhere in the image, so that it may be partly outside (DeVries, Taylor, 2017).
    """
    h, w = images.shape[2:]
    side = _uniform(images, generator, 0.0, size)
    inside = []
    for n_pixels in (h, w):
        center = _uniform(images, generator, -1.0, 1.0)
        distance = (_centers(n_pixels, images) - center[:, None]).abs()
        inside.append(distance < side[:, None])  # the image is 2 wide
    return images.masked_fill(
        inside[0][:, None, :, None] & inside[1][:, None, None, :], 0.0
    )


# -- colour ------------------------------------------------------------------------


def color_jitter(
    images: Tensor,
    generator: Generator | None = None,
    *,
    brightness: float = 0.4,
    contrast: float = 0.4,
    saturation: float = 0.4,
    hue: float = 0.1,
    probability: float = 0.8,
) -> Tensor:
    """Other colours in a share of the images: (n, c, h, w) -> (n, c, h, w).

    Brightness, contrast and saturation are factors within their strengths around one,
    the hue is turned by up to that share of a full circle either way, with luma and
    saturation kept. In this order, as one affine map of the colours; what leaves [0, 1]
    is cut off at the end only. The defaults are those of SimCLR for small images (Chen,
    Kornblith, Norouzi, Hinton, ICML 2020), where the order is random.
    """
    chosen = _chosen(images, generator, probability)

    def factor(strength):
        return 1 + chosen * _uniform(images, generator, max(-strength, -1.0), strength)

    bright, contrasted = (
        factor(s)[:, None, None, None] for s in (brightness, contrast)
    )
    mean = _grey(images.mean(dim=(2, 3), keepdim=True))
    offset = bright * (1 - contrasted) * mean
    if images.shape[1] != 3:
        return (bright * contrasted * images + offset).clamp(0, 1)
    turns = chosen * _uniform(images, generator, -hue, hue)
    matrix = bright * contrasted * _chroma(factor(saturation), turns)[:, :, :, None]
    # One product for all four, as grey stays as it is under the last two; not a matrix
    # product, which autocast would round.
    mixed = offset + matrix[:, :, 0, None] * images[:, 0, None]
    for channel in (1, 2):
        mixed.addcmul_(matrix[:, :, channel, None], images[:, channel, None])
    return mixed.clamp_(0, 1)


def _chroma(saturation, turns):
    """Matrices that scale and turn the chroma of colours: (n,), (n,) -> (n, 3, 3)."""
    angle = 2 * math.pi * turns
    kept, turned = saturation * angle.cos(), saturation * angle.sin()
    eye = torch.eye(3, dtype=turns.dtype, device=turns.device)
    chroma = eye - _filled(_LUMA, turns)
    quarter = torch.stack([_filled(row, turns) for row in _QUARTER_TURN])
    # Exactly the identity where nothing changes.
    return eye + (kept - 1)[:, None, None] * chroma + turned[:, None, None] * quarter


def random_grey(
    images: Tensor, generator: Generator | None = None, *, probability: float = 0.2
) -> Tensor:
    """A share of the images in grey of the same luma: (n, c, h, w) -> (n, c, h, w)."""
    if images.shape[1] != 3:
        return images
    chosen = _chosen(images, generator, probability)
    return torch.where(chosen[:, None, None, None], _grey(images), images)


def _grey(images):
    """Luma; without three channels their mean: (n, c, h, w) -> (n, 1, h, w)."""
    if images.shape[1] != 3:
        return images.mean(dim=1, keepdim=True)
    channels = images.split(1, dim=1)
    return sum(w * channel for w, channel in zip(_LUMA, channels, strict=True))


# -- neighbouring pixels -----------------------------------------------------------


def random_blur(
    images: Tensor,
    generator: Generator | None = None,
    *,
    sigma: tuple[float, float] = (0.1, 2.0),
    probability: float = 0.5,
) -> Tensor:
    """A Gaussian over a share of the images: (n, c, h, w) -> (n, c, h, w).

    Its standard deviation is uniform within `sigma`, in pixels, its window about a
    tenth of the image's shorter side (Chen, Kornblith, Norouzi, Hinton, ICML 2020).
    """
    n, c, h, w = images.shape
    reach = max(1, min(h, w) // 20)
    offset = torch.arange(-reach, reach + 1, dtype=images.dtype, device=images.device)
    deviation = _uniform(images, generator, *sigma)[:, None]
    kernel = (-0.5 * (offset / deviation) ** 2).softmax(dim=1)  # (n, 2 reach + 1)
    chosen = _chosen(images, generator, probability)[:, None]
    kernel = torch.where(chosen, kernel, (offset == 0).to(kernel.dtype))
    kernel = kernel.repeat_interleave(c, dim=0)[:, None, :, None]  # per row and channel
    blurred = F.pad(images.reshape(1, n * c, h, w), (reach,) * 4, mode="replicate")
    with torch.autocast(images.device.type, enabled=False):
        blurred = F.conv2d(blurred, kernel, groups=n * c)
        blurred = F.conv2d(blurred, kernel.mT, groups=n * c)
    return blurred.view(n, c, h, w)


def sobel(images: Tensor) -> Tensor:
    """Edges of the mean of the channels: (n, c, h, w) -> (n, 2, h, w).

    Left minus right and upper minus lower pixels, both smoothed with 1, 2, 1 along the
    edge; signed, within -4 and 4. Beyond the border is the nearest pixel, so that the
    border is no edge.
    """
    x = F.pad(images.mean(dim=1), (1, 1, 1, 1), mode="replicate")
    columns = x[:, :-2] + 2 * x[:, 1:-1] + x[:, 2:]
    rows = x[:, :, :-2] + 2 * x[:, :, 1:-1] + x[:, :, 2:]
    edges = [columns[:, :, :-2] - columns[:, :, 2:], rows[:, :-2] - rows[:, 2:]]
    return torch.stack(edges, dim=1)


# -- draws and constants -----------------------------------------------------------


def _uniform(images, generator, low, high):
    """One number for each image: (n,)."""
    draws = torch.rand(
        len(images), generator=generator, dtype=images.dtype, device=images.device
    )
    return low + (high - low) * draws


def _chosen(images, generator, probability):
    """Yes or no for each image: (n,)."""
    return _uniform(images, generator, 0.0, 1.0) < probability


def _centers(n_pixels, like):
    """Positions of pixels between -1 and 1: (n_pixels,)."""
    numbers = torch.arange(n_pixels, dtype=like.dtype, device=like.device)
    return (2 * numbers + 1) / n_pixels - 1


def _filled(numbers, like):
    """(len(numbers),), made where `like` is: the device waits for what is copied."""
    return torch.stack([like.new_full((), number) for number in numbers])
