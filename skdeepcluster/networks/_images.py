"""Between flat rows and images."""

import math
import operator
from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

_MOST_CHANNELS = 4  # that "auto" takes for channels: grey, alpha and three colours


class ImageLayout(NamedTuple):
    """How an image lies in a flat row.

    Parameters
    ----------
    channels, height, width : int
    last : bool, default=False
        Whether the row is a flattened (height, width, channels); otherwise it is a
        flattened (channels, height, width).
    """

    channels: int
    height: int
    width: int
    last: bool = False

    @property
    def n_features(self) -> int:
        """Length of a row."""
        return self.channels * self.height * self.width

    def images(self, rows: Tensor) -> Tensor:
        """(n, n_features) -> (n, channels, height, width).

        Rows whose channels lie last, or that have only one, become images in torch's
        channels-last memory format without a copy.
        """
        if self._lies_last:
            shape = (self.height, self.width, self.channels)
            return rows.unflatten(1, shape).permute(0, 3, 1, 2)
        return rows.unflatten(1, (self.channels, self.height, self.width))

    def rows(self, images: Tensor) -> Tensor:
        """(n, channels, height, width) -> (n, n_features)."""
        if self._lies_last:
            images = images.permute(0, 2, 3, 1)
        return images.flatten(start_dim=1)

    @property
    def _lies_last(self) -> bool:
        return self.last or self.channels == 1


def image_layout(
    row_shape: Sequence[int] | None,
    image_shape: Sequence[int] | None = None,
    channels: str = "auto",
    n_features: int | None = None,
) -> ImageLayout | None:
    """How the images of a user lie in flat rows; None for rows that are no images.

    Parameters
    ----------
    row_shape : tuple of int or None
        Shape of one row as it was given; None for a flat row.
    image_shape : tuple of int, default=None
        (channels, height, width). It makes images of flat rows; otherwise it must agree
        with `row_shape`.
    channels : {"auto", "first", "last"}, default="auto"
        Which of three axes are the channels, and in which order a flat row of
        `image_shape` was flattened. "auto" takes the axis with at most 4 entries, and
        for flat rows the first.
    n_features : int, default=None
        Length of a flat row, which `image_shape` must have.

    Raises
    ------
    ValueError
        When the parameters do not fit the rows, or fit them in two ways.
    """
    given = None if image_shape is None else _checked_shape(image_shape)
    if row_shape is not None:
        layout = _read_shape(tuple(row_shape), channels)
        if given not in (None, layout[:3]):
            raise ValueError(
                f"The 'image_shape' parameter is {given}, but with channels="
                f"{channels!r} rows of shape {tuple(row_shape)} are images of "
                f"(channels, height, width) = {layout[:3]}. Leave 'image_shape' out, "
                "which is meant for flat rows, or correct it or 'channels'."
            )
        return layout
    if given is None:
        return None
    if n_features not in (None, math.prod(given)):
        raise ValueError(
            "The 'image_shape' parameter must be the (channels, height, width) of the "
            f"images, whose product is n_features={n_features}. Got {given}, "
            f"whose product is {math.prod(given)}."
        )
    return ImageLayout(*given, last=channels == "last")


def _checked_shape(image_shape) -> tuple[int, int, int]:
    try:
        shape = tuple(operator.index(side) for side in image_shape)
    except TypeError:
        shape = ()
    if len(shape) != 3 or min(shape) < 1:
        raise ValueError(
            "The 'image_shape' parameter must be three positive integers (channels, "
            f"height, width), with one channel for grey images. Got {image_shape!r}."
        )
    channels, height, width = shape
    return channels, height, width


def _read_shape(shape: tuple[int, ...], channels: str) -> ImageLayout:
    """The layout of rows that were given with axes."""
    if len(shape) == 2:
        return ImageLayout(1, *shape)
    if len(shape) != 3:
        raise ValueError(
            "Images must have the axes (height, width), or three with the channels "
            f"first or last. Got rows of shape {shape}. Give rows of such a shape, or "
            "flat rows and 'image_shape'."
        )
    if channels == "auto":
        channels = _axis_of_channels(shape)
    if channels == "first":
        return ImageLayout(*shape)
    height, width, n_channels = shape
    return ImageLayout(n_channels, height, width, last=True)


def _axis_of_channels(shape) -> str:
    is_first, is_last = (1 <= shape[axis] <= _MOST_CHANNELS for axis in (0, 2))
    if is_first == is_last:
        raise ValueError(
            "With the 'channels' parameter 'auto' one axis, the first or the last, "
            f"must have at most {_MOST_CHANNELS} entries: the channels. In rows of "
            f"shape {shape} {'both have' if is_first else 'neither has'}. Give "
            "channels='first' or channels='last'."
        )
    return "first" if is_first else "last"
