"""Between flat rows and images."""

import pytest
import torch

from skdeepcluster.networks import ImageLayout, image_layout


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 4, 5), (2, 1, 7), (1, 1, 1)])
def test_rows__of_images__are_the_rows(shape, last):
    layout = ImageLayout(*shape, last)
    rows = torch.arange(2.0 * layout.n_features).view(2, -1)
    images = layout.images(rows)
    assert images.shape == (2, *shape)
    assert torch.equal(layout.rows(images), rows)


def test_images__order_of_channels__is_that_of_the_layout():
    images = torch.rand(5, 3, 4, 6, generator=torch.Generator().manual_seed(0))
    first, last = ImageLayout(3, 4, 6), ImageLayout(3, 4, 6, last=True)
    assert torch.equal(first.images(images.flatten(1)), images)
    assert torch.equal(last.images(images.permute(0, 2, 3, 1).flatten(1)), images)


@pytest.mark.parametrize("layout", [ImageLayout(1, 4, 6), ImageLayout(3, 4, 6, True)])
def test_images__channels_last__are_a_view_in_torch_s_format(layout):
    rows = torch.rand(5, layout.n_features)
    images = layout.images(rows)
    assert images.data_ptr() == rows.data_ptr()
    assert images.is_contiguous(memory_format=torch.channels_last)


# -- image_layout ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row_shape", "image_shape", "channels", "expected"),
    [
        (None, None, "auto", None),
        (None, None, "last", None),
        ((28, 20), None, "auto", (1, 28, 20, False)),
        ((3, 4), None, "last", (1, 3, 4, False)),
        ((32, 20, 3), None, "auto", (3, 32, 20, True)),
        ((4, 32, 20), None, "auto", (4, 32, 20, False)),
        ((28, 28, 1), None, "auto", (1, 28, 28, True)),
        ((2, 3, 4), None, "first", (2, 3, 4, False)),
        ((2, 3, 4), None, "last", (4, 2, 3, True)),
        ((10, 32, 32), None, "first", (10, 32, 32, False)),
        (None, (3, 32, 20), "auto", (3, 32, 20, False)),
        (None, (3, 32, 20), "first", (3, 32, 20, False)),
        (None, (3, 32, 20), "last", (3, 32, 20, True)),
        (None, [5, 2, 2], "auto", (5, 2, 2, False)),
        ((28, 20), (1, 28, 20), "auto", (1, 28, 20, False)),
        ((32, 20, 3), (3, 32, 20), "auto", (3, 32, 20, True)),
        ([2, 3, 4], [4, 2, 3], "last", (4, 2, 3, True)),
    ],
)
def test_image_layout__of_what_can_be_read(row_shape, image_shape, channels, expected):
    layout = image_layout(row_shape, image_shape, channels)
    assert layout == expected
    assert layout is None or isinstance(layout, ImageLayout)


@pytest.mark.parametrize(
    ("row_shape", "found"), [((3, 4, 4), "both have"), ((32, 20, 5), "neither has")]
)
def test_image_layout__unclear_channels__asks_for_them(row_shape, found):
    with pytest.raises(ValueError, match="'channels' parameter") as caught:
        image_layout(row_shape)
    assert f"rows of shape {row_shape} {found}" in str(caught.value)
    assert "Give channels='first' or channels='last'." in str(caught.value)


@pytest.mark.parametrize("row_shape", [(), (64,), (2, 3, 4, 5)])
def test_image_layout__other_numbers_of_axes__are_refused(row_shape):
    with pytest.raises(ValueError, match="'image_shape'") as caught:
        image_layout(row_shape)
    assert f"rows of shape {row_shape}" in str(caught.value)


@pytest.mark.parametrize(
    ("row_shape", "image_shape", "channels"),
    [
        ((28, 20), (1, 20, 28), "auto"),
        ((28, 20), (3, 28, 20), "auto"),
        ((32, 20, 3), (32, 20, 3), "auto"),
        ((2, 3, 4), (2, 3, 4), "last"),
    ],
)
def test_image_layout__image_shape_of_others__is_refused(
    row_shape, image_shape, channels
):
    with pytest.raises(ValueError, match="'image_shape' parameter") as caught:
        image_layout(row_shape, image_shape, channels)
    assert str(image_shape) in str(caught.value)
    assert str(row_shape) in str(caught.value)


@pytest.mark.parametrize("image_shape", [(28, 28), (1, 0, 3), (1.0, 2, 2), 28, "abc"])
def test_image_layout__image_shape_that_is_none__is_refused(image_shape):
    with pytest.raises(ValueError, match="'image_shape' parameter") as caught:
        image_layout(None, image_shape)
    assert repr(image_shape) in str(caught.value)


def test_image_layout__image_shape_of_another_size__is_refused():
    assert image_layout(None, (1, 8, 8), n_features=64) == (1, 8, 8, False)
    with pytest.raises(ValueError, match="'image_shape' parameter.*n_features=64"):
        image_layout(None, (1, 9, 9), n_features=64)
