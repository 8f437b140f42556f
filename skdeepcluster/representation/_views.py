"""Random views of rows, as the stages that compare them need them."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from skdeepcluster.augment import (
    add_noise,
    corrupt,
    mix,
    strong_image_views,
    weak_image_views,
)
from skdeepcluster.engine import Batch, Objective, Rows, Trainer, derive_seed
from skdeepcluster.initialization import drawn_neighbors, nearest_neighbors
from skdeepcluster.networks import ImageLayout
from skdeepcluster.utils import row_blocks

AUGMENTATIONS = ("auto", "weak", "strong", "corruption", "neighbors", "noise")
_OF_IMAGES = {"weak": weak_image_views, "strong": strong_image_views}
_DONORS = 10_000  # rows from which corruption takes values
_DONATED = 2**26  # values that they have at most
_NOISE = 0.1  # standard deviations of the features
_NEIGHBORS = 10  # of each row, towards one of which a view moves it
_FEW_FEATURES = 10  # below which other values in some of them make another row


class Views(nn.Module):
    """Scaled flat rows and their numbers in, a random view of each row out."""

    def __init__(self, change: Callable[..., Tensor], draws_globally: bool = False):
        super().__init__()
        self.change, self.draws_globally = change, draws_globally

    def forward(self, x: Tensor, index: Tensor, generator: torch.Generator) -> Tensor:
        """(n, d) and (n,) -> (n, d)."""
        if not self.draws_globally:
            return self.change(x, generator)
        # A callable of the user draws from torch's global generator.
        views = self.change(x)
        if not isinstance(views, Tensor) or views.shape != x.shape:
            got = tuple(views.shape) if isinstance(views, Tensor) else repr(views)
            raise ValueError(
                "The 'augmentation' parameter must return a tensor of the shape of the "
                f"batch that it is given, {tuple(x.shape)}. Got {got}."
            )
        return views


class ImageViews(Views):
    """The same for a change of images whose pixels are in [0, 1]."""

    def __init__(self, change, draws_globally, layout: ImageLayout, offset, gain):
        super().__init__(change, draws_globally)
        self.layout, self.gain = layout, gain
        self.register_buffer("offset", offset, persistent=False)

    def forward(self, x, index, generator):
        images = self.layout.images(x * self.gain + self.offset)
        views = self.layout.rows(super().forward(images, index, generator))
        return (views - self.offset) / self.gain


class RowViews(Views):
    """The same for a change of rows that depends on what rows there are."""

    def __init__(self, change, of_rows: Tensor):
        super().__init__(change)
        self.register_buffer("of_rows", of_rows, persistent=False)

    def forward(self, x, index, generator):
        return self.change(x, self.of_rows, generator)


class NeighborViews(Views):
    """The same for a change towards one of the nearest neighbours."""

    def __init__(self, change, rows: Rows, neighbors: Tensor):
        super().__init__(change)
        self.rows = rows
        self.register_buffer("neighbors", neighbors, persistent=False)

    def forward(self, x, index, generator):
        others = self.rows.take(drawn_neighbors(self.neighbors, index, generator))
        return self.change(x, others, generator)


class ViewObjective(Objective):
    """Base of objectives that look at random views of the rows of a batch."""

    takes_rows = True  # for views towards neighbours

    def __init__(
        self, model: nn.Module, views: Views, refresh_interval: int | None = None
    ):
        super().__init__(model, refresh_interval)
        self.views = views

    def one_view(self, batch: Batch) -> Tensor:
        """-> (n, d)."""
        return self.views(*batch, self.generator)

    def two_views(self, batch: Batch) -> Tensor:
        """Of all rows one, then of all another: -> (2 n, d)."""
        return torch.cat([self.one_view(batch), self.one_view(batch)])


def make_views(
    augmentation: str | Callable, layout: ImageLayout | None, trainer: Trainer
) -> Views:
    """The views that the parameter `augmentation` names, of the rows of a trainer.

    Raises ValueError where it names views of images and the rows are none.
    """
    check_augmentation(augmentation, layout)
    rows = trainer.rows
    if augmentation == "auto":
        is_narrow = rows.n_features < _FEW_FEATURES
        of_rows = "neighbors" if is_narrow else "corruption"
        augmentation = of_rows if layout is None else "strong"
    if callable(augmentation) or augmentation in _OF_IMAGES:
        draws_globally = callable(augmentation)
        change = augmentation if draws_globally else _OF_IMAGES[augmentation]
        if isinstance(change, nn.Module):  # on the device, and not trained
            change = copy.deepcopy(change).requires_grad_(False)
        if layout is None:
            return Views(change, draws_globally)
        lowest, width = pixel_range(rows.X, trainer.group)
        offset = torch.from_numpy((rows.center - lowest) / width).float()
        return ImageViews(change, draws_globally, layout, offset, rows.scale / width)
    if augmentation == "neighbors":
        z = trainer.passes(nn.Identity(), rows.n_features)
        nearest = nearest_neighbors(z, _NEIGHBORS, by_angle=False)
        return NeighborViews(mix, rows, nearest)
    size = max(1, min(_DONORS, _DONATED // rows.n_features))
    donors = rows.sample(size, derive_seed(trainer.seed, "donors"))
    if augmentation == "corruption":
        return RowViews(corrupt, donors)
    return RowViews(_noisy, _NOISE * donors.std(dim=0, correction=0))


def check_augmentation(augmentation, layout: ImageLayout | None) -> None:
    """Raise ValueError where views are meant for images and the rows are none."""
    if layout is None and isinstance(augmentation, str) and augmentation in _OF_IMAGES:
        raise ValueError(
            f"augmentation={augmentation!r} changes images, and the rows of X are "
            "none. Give arrays of shape (n_samples, height, width) or with channels, "
            "set image_shape, or use augmentation='corruption'."
        )


def _noisy(x, deviation, generator):
    return add_noise(x, generator, deviation=deviation)


def pixel_range(X, group) -> tuple[float, float]:
    """The smallest value of all rows, and how far the largest is from it."""
    ends = [(block.min(), block.max()) for _, block in row_blocks(X)]
    ends = [end for part in group.gather_objects(ends) for end in part]
    lowest = min(low for low, _ in ends)
    width = max(high for _, high in ends) - lowest
    return float(lowest), float(width) if width > 0 else 1.0


def channel_scaling(
    layout: ImageLayout, center: np.ndarray, scale: float
) -> tuple[np.ndarray, float]:
    """From the mean of each pixel to that of each channel, with the scale to it.

    Views move pixels: their mean must not depend on where they are.
    """
    images = layout.images(torch.from_numpy(center)[None])
    means = images.mean(dim=(2, 3), keepdim=True).expand_as(images)
    flat = layout.rows(means)[0].numpy()
    variance = scale**2 + np.square(center - flat).mean()
    return np.ascontiguousarray(flat), float(np.sqrt(variance))
