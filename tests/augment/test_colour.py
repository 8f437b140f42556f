"""Views of images that change their colours."""

import math

import numpy as np
import pytest
import torch

from skdeepcluster.augment import (
    color_jitter,
    random_grey,
)
from skdeepcluster.augment._image import _TO_YIQ, _chroma
from tests.augment._images import NO_JITTER, assert_equal, generator, random_images


@pytest.mark.parametrize("n_channels", [1, 3, 4])
@pytest.mark.parametrize("options", [NO_JITTER, {"probability": 0.0}])
def test_jitter__without_strength_or_probability__is_the_identity(n_channels, options):
    images = random_images(6, n_channels, 7, 5)
    assert torch.equal(color_jitter(images, generator(), **options), images)


def test_jitter__changes_its_share_and_leaves_the_others_as_they_are():
    images = random_images(1000, 3, 4, 4)
    views = color_jitter(images, generator(), probability=0.3)
    changed = (views != images).flatten(1).any(dim=1).float().mean()
    assert float(changed) == pytest.approx(0.3, abs=0.05)


def only(name, strength):
    return {**NO_JITTER, name: strength, "probability": 1.0}


@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_brightness__is_one_factor_for_an_image(n_channels):
    images = 0.5 * random_images(500, n_channels, 4, 4) + 0.1
    views = color_jitter(images, generator(), **only("brightness", 0.4))
    factors = (views / images).flatten(1)
    assert_equal(factors, factors[:, :1].expand_as(factors))
    assert 0.6 <= factors.min() + 1e-5 < 0.62 and 1.38 < factors.max() - 1e-5 <= 1.4


@pytest.mark.parametrize("n_channels", [1, 3, 4])
def test_contrast__scales_around_the_mean(n_channels):
    images = 0.3 * random_images(500, n_channels, 4, 4) + 0.3
    views = color_jitter(images, generator(), **only("contrast", 0.4))
    weights = _TO_YIQ[0] if n_channels == 3 else np.full(n_channels, 1 / n_channels)
    images, views = images.numpy(), views.numpy()
    mean = (images.mean(axis=(2, 3)) @ weights).reshape(-1, 1, 1, 1)
    factors = np.median(((views - mean) / (images - mean)).reshape(500, -1), axis=1)
    assert 0.6 <= factors.min() + 1e-4 < 0.62 and 1.38 < factors.max() - 1e-4 <= 1.4
    assert_equal(views, mean + factors.reshape(-1, 1, 1, 1) * (images - mean))


def yiq(images):
    return np.einsum("ij,njhw->nihw", _TO_YIQ, images)


def test_saturation__scales_the_chroma_and_keeps_the_luma():
    images = 0.2 * random_images(500, 3, 4, 4) + 0.4
    views = color_jitter(images, generator(), **only("saturation", 0.4))
    before, after = yiq(images), yiq(views)
    assert_equal(after[:, 0], before[:, 0])
    factors = np.median((after / before)[:, 1].reshape(500, -1), axis=1)
    assert 0.6 <= factors.min() + 1e-4 < 0.62 and 1.38 < factors.max() - 1e-4 <= 1.4
    assert_equal(after[:, 1:], before[:, 1:] * factors.reshape(-1, 1, 1, 1))


def test_hue__turns_the_chroma_and_keeps_luma_and_saturation():
    images = 0.2 * random_images(500, 3, 4, 4) + 0.4
    views = color_jitter(images, generator(), **only("hue", 0.1))
    before, after = yiq(images), yiq(views)
    assert_equal(after[:, 0], before[:, 0])
    before, after = (x[:, 1] + 1j * x[:, 2] for x in (before, after))
    assert_equal(abs(after), abs(before))
    turn = after[:, 0, 0] / before[:, 0, 0]
    assert_equal((after / turn[:, None, None]).view(float), before.view(float))
    turns = np.angle(turn) / (2 * math.pi)
    assert -0.1 <= turns.min() + 1e-4 < -0.095 and 0.095 < turns.max() - 1e-4 <= 0.1


def test_chroma__full_and_partial_circles():
    one = torch.ones(3, dtype=torch.float64)
    matrices = _chroma(one, torch.tensor([1.0, 1 / 3, 0.5], dtype=torch.float64))
    full, third, half = matrices
    assert_equal(full, torch.eye(3), atol=1e-12)
    assert_equal(third @ third @ third, torch.eye(3), atol=1e-12)
    assert_equal(half @ half, torch.eye(3), atol=1e-12)
    assert_equal(matrices.sum(dim=2), torch.ones(3, 3), atol=1e-12)  # grey stays
    assert (third - torch.eye(3)).abs().max() > 0.5


def test_chroma__without_saturation__is_luma():
    matrix = _chroma(torch.zeros(1), torch.tensor([0.2]))[0]
    assert_equal(matrix, np.tile(_TO_YIQ[0], (3, 1)), atol=1e-6)


def test_jitter__of_grey_images__changes_all_channels_alike():
    images = random_images(50, 1, 6, 6).expand(-1, 3, -1, -1)
    views = color_jitter(images, generator(), probability=1.0)
    assert_equal(views, views[:, :1].expand_as(views))


def test_jitter__against_steps_one_by_one():
    # Without what is cut off, the joint map is brightness, contrast, saturation, hue.
    images = 0.2 * random_images(8, 3, 5, 5, dtype=torch.float64) + 0.4
    strengths = {"brightness": 0.3, "contrast": 0.2, "saturation": 0.4, "hue": 0.1}
    views = color_jitter(images, generator(), **strengths, probability=1.0)
    draws = generator()
    torch.rand(8, generator=draws, dtype=torch.float64)  # yes or no
    u = [2 * torch.rand(8, generator=draws, dtype=torch.float64) - 1 for _ in range(4)]
    # Drawn in the order in which they are needed.
    bright, contrast = 1 + 0.3 * u[0].numpy(), 1 + 0.2 * u[1].numpy()
    turn, saturation = 0.1 * u[2].numpy(), 1 + 0.4 * u[3].numpy()
    for i in range(8):
        x = bright[i] * images[i].numpy()
        mean = np.mean(np.tensordot(_TO_YIQ[0], x, 1))
        x = contrast[i] * x + (1 - contrast[i]) * mean
        luma = np.tensordot(_TO_YIQ[0], x, 1)
        x = saturation[i] * x + (1 - saturation[i]) * luma
        y, a, b = np.tensordot(_TO_YIQ, x, 1)
        chroma = (a + 1j * b) * np.exp(2j * math.pi * turn[i])
        x = np.tensordot(np.linalg.inv(_TO_YIQ), [y, chroma.real, chroma.imag], 1)
        assert_equal(views[i], x, atol=1e-10)


def test_jitter__of_great_strength__makes_no_negative_images():
    images = 0.5 * random_images(300, 3, 4, 4)
    views = color_jitter(images, generator(), **only("brightness", 3.0))
    factors = (views / images).flatten(1).min(dim=1).values
    assert factors.min() >= 0
    assert (factors > 0).float().mean() > 0.95  # not cut off at zero


def test_grey__is_luma_in_all_channels():
    images = random_images(5, 3, 4, 6)
    views = random_grey(images, generator(), probability=1.0)
    expected = np.tensordot(images, [0.299, 0.587, 0.114], (1, 0))
    assert_equal(views, np.stack([expected] * 3, axis=1), atol=1e-6)


def test_grey__its_share_and_the_others_as_they_are():
    images = random_images(2000, 3, 2, 2)
    views = random_grey(images, generator(), probability=0.2)
    grey = (views[:, :1] == views).flatten(1).all(dim=1)
    assert float(grey.float().mean()) == pytest.approx(0.2, abs=0.03)
    assert torch.equal(views[~grey], images[~grey])


@pytest.mark.parametrize("n_channels", [1, 2, 4])
def test_grey__without_three_channels__is_the_identity(n_channels):
    images = random_images(5, n_channels, 4, 4)
    assert torch.equal(random_grey(images, generator(), probability=1.0), images)
