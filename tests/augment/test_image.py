"""Views of images: their limits, their draws, and a slow account of the geometry."""

import math
import pickle

import numpy as np
import pytest
import torch

from skdeepcluster.augment import (
    color_jitter,
    random_blur,
    random_crop,
    random_cutout,
    random_grey,
    sobel,
    strong_image_views,
    weak_image_views,
)
from skdeepcluster.augment._image import _resampled
from tests.augment._images import assert_equal, generator, random_images

RANDOM = {
    "crop": lambda x, g: random_crop(x, g, degrees=20.0),
    "jitter": lambda x, g: color_jitter(x, g, probability=1.0),
    "grey": lambda x, g: random_grey(x, g, probability=0.5),
    "blur": lambda x, g: random_blur(x, g, probability=1.0),
    "cutout": lambda x, g: random_cutout(x, g, size=0.9),
    "weak": weak_image_views,
    "strong": strong_image_views,
}
each_view = pytest.mark.parametrize("view", RANDOM.values(), ids=RANDOM)


# -- all of them -------------------------------------------------------------------


@each_view
@pytest.mark.parametrize("n_channels", [1, 3, 4])
@pytest.mark.parametrize("size", [(1, 1), (1, 6), (7, 7), (5, 12), (40, 33)])
def test_views__keep_shape_type_and_range(view, n_channels, size):
    images = random_images(6, n_channels, *size)
    before = images.clone()
    views = view(images, generator())
    assert views.shape == images.shape and views.dtype == images.dtype
    assert views.isfinite().all()
    assert views.min() >= 0 and views.max() <= 1 + 1e-6
    assert torch.equal(images, before)


@each_view
def test_views__of_equal_images__differ(view):
    images = random_images(1, 3, 40, 40).expand(20, -1, -1, -1)
    views = view(images, generator()).flatten(1)
    # Grey has two outcomes only.
    assert len(views.unique(dim=0)) >= (2 if view is RANDOM["grey"] else 19)


@each_view
def test_views__same_seed__same_views(view):
    images = random_images(9, 3, 16, 16)
    first, again = (view(images, generator(3)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, view(images, generator(4)))


@each_view
def test_views__leave_the_global_generator_alone(view):
    before = torch.get_rng_state()
    view(random_images(5, 3, 8, 8), generator())
    assert torch.equal(torch.get_rng_state(), before)


@each_view
def test_views__under_autocast__are_the_same(view):
    images = random_images(9, 3, 40, 40)
    expected = view(images, generator())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(view(images, generator()), expected)


@pytest.mark.parametrize("view", [weak_image_views, strong_image_views])
def test_ready_sets__can_be_pickled(view):
    assert pickle.loads(pickle.dumps(view)) is view


@pytest.mark.parametrize("view", [weak_image_views, strong_image_views])
@pytest.mark.parametrize(("n_channels", "mirrored"), [(1, False), (3, True)])
def test_ready_sets__one_channel_is_not_mirrored(view, n_channels, mirrored):
    ramp = torch.linspace(0, 1, 24).expand(200, n_channels, 24, 24)
    means = view(ramp, generator()).mean(dim=(1, 2))
    falling = means[:, 0] > means[:, -1]
    assert falling.any() == mirrored


def test_strong__blurs_above_32_pixels_only():
    def roughness(size):
        images = random_images(300, 3, size, size)
        views = strong_image_views(images, generator())
        crops = random_crop(images, generator())
        return [x.diff(dim=3).abs().mean() for x in (views, crops)]

    views, crops = roughness(32)
    assert views > 0.85 * crops
    views, crops = roughness(64)
    assert views < 0.75 * crops


# -- crop --------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 13), (64, 3)])
def test_crop__of_everything__is_the_identity(size):
    images = random_images(4, 3, *size)
    assert_equal(random_crop(images, generator(), scale=(1, 1), flip=0), images)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (5, 13)])
def test_crop__flip_of_one__is_the_mirror_image(size):
    images = random_images(4, 3, *size)
    views = random_crop(images, generator(), scale=(1, 1), flip=1)
    assert_equal(views, images.flip(3))


def test_crop__flips_its_share():
    images = torch.linspace(0, 1, 4).expand(2000, 1, 4, 4)
    views = random_crop(images, generator(), scale=(0.9, 1), flip=0.3)
    share = (views[:, 0, 0, 0] > views[:, 0, 0, -1]).float().mean()
    assert float(share) == pytest.approx(0.3, abs=0.04)


def window(size, n=4000, **options):
    """Left, right, top and bottom of crops, as shares of the image."""
    h, w = size
    x = ((torch.arange(w).double() + 0.5) / w).expand(h, w)
    y = ((torch.arange(h).double() + 0.5) / h)[:, None].expand(h, w)
    images = torch.stack([x, y]).expand(n, -1, -1, -1)
    views = random_crop(images, generator(), flip=0.0, **options)
    # Away from the outer half pixel, where values stop to grow.
    middle, step = views[:, 0, h // 2, w // 2], views[:, 0].diff(dim=2)[:, h // 2]
    width = w * step[:, w // 2]
    left = middle - (w // 2 + 0.5) * width / w
    middle, step = views[:, 1, h // 2, w // 2], views[:, 1].diff(dim=1)[:, :, w // 2]
    height = h * step[:, h // 2]
    top = middle - (h // 2 + 0.5) * height / h
    return left.numpy(), (left + width).numpy(), top.numpy(), (top + height).numpy()


@pytest.mark.parametrize("size", [(32, 32), (32, 40), (60, 32)])
def test_crop__area_ratio_and_place__are_within_their_bounds(size):
    left, right, top, bottom = window(size, scale=(0.3, 0.7))
    assert min(left.min(), top.min()) >= -1e-9
    assert max(right.max(), bottom.max()) <= 1 + 1e-9
    width, height = right - left, bottom - top
    area, ratio = width * height, width * size[1] / (height * size[0])
    assert area.min() >= 0.3 - 1e-9 and area.max() <= 0.7 + 1e-9
    assert ratio.min() >= 3 / 4 - 1e-9 and ratio.max() <= 4 / 3 + 1e-9
    # Uniform area; free place: as often at one end as at the other.
    assert np.mean(area) == pytest.approx(0.5, abs=0.01)
    assert np.quantile(area, 0.25) == pytest.approx(0.4, abs=0.01)
    x, y = left / (1 - width), top / (1 - height)
    assert np.mean(x) == pytest.approx(0.5, abs=0.03)
    assert np.mean(y) == pytest.approx(0.5, abs=0.03)
    assert np.corrcoef(x, y)[0, 1] == pytest.approx(0, abs=0.06)


def test_crop__where_no_ratio_fits__takes_the_nearest():
    left, right, top, bottom = window((10, 100), scale=(0.5, 0.5))
    np.testing.assert_allclose(bottom - top, 1.0)
    np.testing.assert_allclose(right - left, 0.5)
    assert left.std() > 0.1


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_resampled__quarter_turns_of_squares(degrees):
    images = random_images(3, 2, 6, 6)
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    right = torch.tensor([[cos, sin]]).expand(3, 2)
    down = torch.tensor([[-sin, cos]]).expand(3, 2)
    turned = _resampled(images, right, down, torch.zeros(3, 2))
    assert_equal(turned, np.rot90(images, degrees // 90, axes=(2, 3)))


def test_resampled__against_pixels_one_by_one():
    images = random_images(2, 1, 4, 5, dtype=torch.float64)
    right, down, center = (
        torch.randn(2, 2, generator=generator(i), dtype=torch.float64) / 2
        for i in range(3)
    )
    result = _resampled(images, right, down, center)
    n, _, h, w = images.shape
    expected = np.empty((n, 1, h, w))
    for i in range(n):
        for r in range(h):
            for s in range(w):
                u, v = (2 * s + 1) / w - 1, (2 * r + 1) / h - 1
                x, y = (right[i] * u + down[i] * v + center[i]).tolist()
                column = np.clip(((x + 1) * w - 1) / 2, 0, w - 1)
                row = np.clip(((y + 1) * h - 1) / 2, 0, h - 1)
                expected[i, 0, r, s] = sum(
                    max(0, 1 - abs(row - a)) * max(0, 1 - abs(column - b)) * value
                    for a, line in enumerate(images[i, 0].tolist())
                    for b, value in enumerate(line)
                )
    assert_equal(result, expected, atol=1e-12)


def test_crop__turns_both_ways_and_within_its_degrees():
    # Positions of pixels as colours: their slopes are the axes, turned and as long,
    # also where the image is wider than high.
    h, w = 30, 60
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    images = torch.stack([x, y]).double().expand(1000, 2, h, w) / w
    views = w * random_crop(images, generator(), scale=(1, 1), flip=0, degrees=30.0)
    center = views[:, :, h // 2 - 2 : h // 2 + 2, w // 2 - 2 : w // 2 + 2]
    slopes = [center.diff(dim=dim).mean(dim=(2, 3)).numpy() for dim in (3, 2)]
    axes = np.stack(slopes, axis=2)
    np.testing.assert_allclose(
        axes @ axes.transpose(0, 2, 1), np.tile(np.eye(2), (1000, 1, 1)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(axes), 1.0)
    angle = np.degrees(np.arctan2(axes[:, 1, 0], axes[:, 0, 0]))
    assert -30 <= angle.min() < -29 and 29 < angle.max() <= 30
    assert np.mean(angle) == pytest.approx(0, abs=1.5)


def test_crop__turned__of_a_constant_image__is_constant():
    images = torch.full((20, 3, 9, 14), 0.7)
    assert_equal(random_crop(images, generator(), degrees=90.0), images)


# -- cutout ------------------------------------------------------------------------


def test_cutout__of_no_size__is_the_identity():
    images = random_images(5, 3, 8, 8)
    assert torch.equal(random_cutout(images, generator(), size=0.0), images)


@pytest.mark.parametrize("size", [(20, 20), (10, 40)])
def test_cutout__is_a_window_of_the_image_in_all_channels(size):
    images = torch.ones(300, 2, *size)
    hidden = random_cutout(images, generator(), size=0.5) == 0
    assert torch.equal(hidden[:, 0], hidden[:, 1])
    rows, columns = hidden[:, 0].any(dim=2), hidden[:, 0].any(dim=1)
    assert torch.equal(hidden[:, 0], rows[:, :, None] & columns[:, None])
    for side in (rows, columns):
        borders = torch.nn.functional.pad(side.int(), (1, 1)).diff(dim=1).abs()
        assert borders.sum(dim=1).max() <= 2
        assert side.float().mean(dim=1).max() <= 0.5 + 1 / side.shape[1]


def test_cutout__mean_size():
    # Side uniform up to s, centre uniform: 1-d overlap a - a**2 / 4, squared, averaged.
    hidden = random_cutout(torch.ones(4000, 1, 64, 64), generator(), size=0.8) == 0
    a = np.linspace(0, 0.8, 10_001)
    expected = np.mean((a - a**2 / 4) ** 2)
    assert float(hidden.float().mean()) == pytest.approx(expected, rel=0.05)


# -- neighbouring pixels -----------------------------------------------------------


@pytest.mark.parametrize("size", [(1, 1), (9, 9), (30, 80), (80, 64)])
def test_blur__keeps_a_constant_image(size):
    images = torch.full((6, 3, *size), 0.3)
    assert_equal(random_blur(images, generator(), probability=1.0), images, atol=1e-6)


@pytest.mark.parametrize("size", [(16, 24), (32, 32)])
def test_blur__keeps_the_mean(size):
    # Exactly so where the window reaches one pixel beyond the border.
    images = random_images(6, 3, *size)
    views = random_blur(images, generator(), probability=1.0)
    assert_equal(views.mean(dim=(2, 3)), images.mean(dim=(2, 3)), atol=1e-6)
    assert (views.std(dim=(2, 3)) < images.std(dim=(2, 3)) + 1e-6).all()


def test_blur__of_a_point__is_the_gaussian_of_its_row():
    images = torch.zeros(100, 2, 65, 65, dtype=torch.float64)
    images[:, :, 32, 32] = 1.0
    views = random_blur(images, generator(), sigma=(0.5, 1.0), probability=1.0)
    assert torch.equal(views[:, 0], views[:, 1])
    assert_equal(views, views.transpose(2, 3), atol=1e-12)
    row = views[:, 0].sum(dim=1)  # what is one-dimensional of it
    assert (row[:, :29] == 0).all() and (row[:, 29:36] > 0).all()
    # The logarithm is a parabola; its curvature gives the deviation.
    curvature = 2 * row[:, 32].log() - row[:, 31].log() - row[:, 33].log()
    deviation = curvature.rsqrt()
    assert 0.5 <= deviation.min() < 0.55 and 0.95 < deviation.max() <= 1.0
    offset = torch.arange(-3, 4)
    expected = (-0.5 * (offset / deviation[:, None]) ** 2).exp()
    assert_equal(row[:, 29:36], expected / expected.sum(dim=1, keepdim=True), 1e-12)


def test_blur__its_share_and_the_others_as_they_are():
    images = random_images(1000, 1, 5, 5)
    views = random_blur(images, generator(), sigma=(1.0, 2.0), probability=0.4)
    changed = (views != images).flatten(1).any(dim=1).float().mean()
    assert float(changed) == pytest.approx(0.4, abs=0.05)


@pytest.mark.parametrize("shape", [(2, 1, 1, 1), (2, 3, 4, 4), (3, 4, 5, 9)])
def test_sobel__against_pixels_one_by_one(shape):
    images = random_images(*shape, dtype=torch.float64)
    result = sobel(images)
    n, _, h, w = shape
    kernel = np.array([[1, 0, -1], [2, 0, -2], [1, 0, -1]])
    expected = np.zeros((n, 2, h, w))
    for i in range(n):
        grey = images[i].mean(dim=0).numpy()
        for r in range(h):
            for s in range(w):
                for a in (-1, 0, 1):
                    for b in (-1, 0, 1):
                        pixel = grey[np.clip(r + a, 0, h - 1), np.clip(s + b, 0, w - 1)]
                        expected[i, 0, r, s] += kernel[a + 1, b + 1] * pixel
                        expected[i, 1, r, s] += kernel[b + 1, a + 1] * pixel
    assert_equal(result, expected, atol=1e-12)


def test_sobel__of_a_constant_image__is_zero():
    assert_equal(sobel(torch.full((2, 3, 6, 6), 0.4)), np.zeros((2, 2, 6, 6)), 1e-6)


@each_view
def test_views__without_a_generator_draw_from_the_global_one(view):
    images = random_images(4, 3, 40, 40)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        first = view(images, None)
        second = view(images, None)
        torch.manual_seed(3)
        assert torch.equal(view(images, None), first)
    if view is not RANDOM["grey"]:
        assert not torch.equal(first, second)
