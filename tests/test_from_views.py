"""What holds of every estimator that trains an encoder, on random views or not."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from skdeepcluster import SimCLR
from tests._discovery import FROM_ENCODER, FROM_VIEWS, outputs, tiny

each_from_encoder = pytest.mark.parametrize("cls", FROM_ENCODER)
each_from_views = pytest.mark.parametrize("cls", FROM_VIEWS)

# So short a training may end with fewer clusters, which it says.
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def small(cls, **changes):
    settings = {
        "n_clusters": 3,
        "hidden_layer_sizes": (16, 8),
        "projection_size": 6,
        "batch_size": 20,
        "max_epochs": 2,
    }
    return tiny(cls, **{**settings, **changes})


@pytest.fixture(scope="module")
def images():
    return load_digits().images[:100].astype(np.float64)


class Network(nn.Module):
    """For grey images: it gives five features."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(1, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Dropout(0.1)
        )

    def forward(self, images):
        return self.layers(images).mean(dim=(2, 3))


def check_outputs(estimator, X):
    """Of the right shapes, finite, and labels those of prediction; gives them."""
    results = outputs(estimator, X)
    Z = results["transform"]
    assert Z.shape == (len(X), estimator.n_components_)
    assert Z.dtype == np.float32
    assert len(estimator.get_feature_names_out()) == estimator.n_components_
    for name, result in results.items():
        assert np.all(np.isfinite(result)), name
    if "predict" in results:
        np.testing.assert_array_equal(results["predict"], estimator.labels_)
    return results


def width(estimator):
    """Size of what the encoder gives, below any projection."""
    model = estimator.model_
    while hasattr(model, "encoder") and model.encoder is not None:
        model = model.encoder
    return getattr(model, "n_outputs", None) or model.config["sizes"][-1]


# -- views and networks ------------------------------------------------------------


@each_from_views
@pytest.mark.parametrize("augmentation", ["auto", "corruption", "neighbors", "noise"])
def test_tables__any_views(cls, blobs, augmentation):
    X, _ = blobs
    estimator = small(cls, augmentation=augmentation).fit(X)
    assert width(estimator) == 8
    check_outputs(estimator, X)


@each_from_encoder
@pytest.mark.parametrize("augmentation", ["auto", "weak", "noise"])
@pytest.mark.parametrize(("network", "size"), [("auto", 128), ("mlp", 8)])
def test_images__any_views_and_networks(cls, images, augmentation, network, size):
    estimator = small(cls, augmentation=augmentation, network=network).fit(images)
    assert width(estimator) == size
    assert estimator.image_shape_ == (8, 8)
    check_outputs(estimator, images)


@each_from_views
def test_colours__in_any_layout__are_the_same_images(cls):
    photos = np.random.default_rng(0).integers(0, 256, (40, 6, 5, 3), dtype=np.uint8)
    first, rows = np.moveaxis(photos, -1, 1), photos.reshape(40, -1)
    flat = {"image_shape": (3, 6, 5), "channels": "last"}
    expected = small(cls).fit(photos).transform(photos)
    for X, changes in [(first, {}), (rows, flat), (photos.astype(np.float64), {})]:
        Z = small(cls, **changes).fit(X).transform(X)
        np.testing.assert_allclose(Z, expected, atol=1e-5)


@each_from_encoder
def test_tables__have_a_wide_network_by_default(cls, blobs):
    estimator = small(cls, hidden_layer_sizes="auto", max_epochs=0).fit(blobs[0])
    assert width(estimator) == 256


@pytest.mark.slow
@each_from_encoder
def test_images__of_a_residual_network(cls, images):
    estimator = small(cls, network="resnet18", max_epochs=1).fit(images[:40])
    assert width(estimator) == 512


@each_from_encoder
def test_new_rows__do_not_depend_on_each_other(cls, images):
    estimator = small(cls).fit(images)
    together, alone = outputs(estimator, images), outputs(estimator, images[7:8])
    for name in together.keys() - {"score", "predict"}:
        np.testing.assert_allclose(
            alone[name], together[name][7:8], rtol=1e-3, atol=1e-5, err_msg=name
        )


# -- networks of users -------------------------------------------------------------


@each_from_encoder
def test_module__is_a_template_and_stays_as_it_is(cls, images):
    template = Network()
    before = {name: value.clone() for name, value in template.state_dict().items()}
    estimator = small(cls, network=template).fit(images)
    assert estimator.network is template
    assert template.training
    check_outputs(estimator, images)
    after = template.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    key = "module.layers.0.weight"
    (learnt,) = (v for n, v in estimator.model_.state_dict().items() if n.endswith(key))
    assert not torch.equal(learnt, before["layers.0.weight"])
    start = small(cls, network=template, max_epochs=0).fit(images).model_
    (first,) = (v for n, v in start.state_dict().items() if n.endswith(key))
    assert torch.equal(first, before["layers.0.weight"])


@each_from_encoder
@pytest.mark.parametrize(
    ("shape", "expected"), [((100, 8, 8), (1, 8, 8)), ((100, 64), (64,))]
)
def test_callable__is_given_the_shape_of_a_row(cls, images, shape, expected):
    asked = []

    def network(row_shape):
        asked.append(row_shape)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 7))

    X = images.reshape(shape)
    check_outputs(small(cls, network=network, max_epochs=1).fit(X), X)
    assert asked == [expected]


@each_from_encoder
def test_callable__is_repeatable_and_leaves_the_global_state(cls, images):
    before = torch.get_rng_state()
    first, again = (
        small(cls, network=lambda shape: Network()).fit_transform(images)
        for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(first, again)


@each_from_encoder
@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda shape: None, "'network' parameter.*Got NoneType"),
        (nn.Linear(7, 2), "'network' parameter"),
        ("resnet50", "'network' parameter"),
        (None, "'network' parameter"),
    ],
)
def test_bad_network__raises_and_names_the_parameter(cls, images, network, message):
    with pytest.raises(ValueError, match=message):
        small(cls, network=network).fit(images)


@each_from_encoder
@pytest.mark.parametrize("network", ["convolutional", "resnet18"])
def test_network_of_images__for_other_rows_raises(cls, blobs, network):
    with pytest.raises(ValueError, match=f"network='{network}' is for images"):
        small(cls, network=network).fit(blobs[0])


# -- layouts -----------------------------------------------------------------------


@each_from_encoder
@pytest.mark.parametrize("augmentation", ["strong", lambda images: 1 - images])
def test_layouts__of_the_same_grey_images_give_the_same(cls, images, augmentation):
    settings = {"augmentation": augmentation, "max_epochs": 1}
    expected = small(cls, **settings).fit(images).transform(images)
    forms = [
        (images[..., None], {}),
        (images[:, None], {}),
        (images.reshape(100, 64), {"image_shape": (1, 8, 8)}),
        (images, {"image_shape": (1, 8, 8)}),
    ]
    for X, more in forms:
        estimator = small(cls, **settings, **more).fit(X)
        np.testing.assert_array_equal(estimator.transform(X), expected)


@pytest.mark.parametrize("augmentation", ["strong", "weak"])
def test_layouts__of_the_same_colour_images_give_the_same(augmentation):
    first = np.random.default_rng(0).normal(size=(40, 3, 8, 8))
    last = first.transpose(0, 2, 3, 1)
    # Sums of convolutions are in another order: equal but for rounding.
    settings = {"augmentation": augmentation, "max_epochs": 1}
    expected = small(SimCLR, **settings).fit(first).transform(first)
    forms = [
        (last, {}),
        (first, {"channels": "first"}),
        (last, {"channels": "last"}),
        (first.reshape(40, -1), {"image_shape": (3, 8, 8)}),
        (last.reshape(40, -1), {"image_shape": (3, 8, 8), "channels": "last"}),
    ]
    for X, more in forms:
        estimator = small(SimCLR, **settings, **more).fit(X)
        np.testing.assert_allclose(estimator.transform(X), expected, atol=1e-3)


@each_from_encoder
def test_bytes__give_what_floats_give(cls, images):
    expected = small(cls).fit(images)
    Z = small(cls).fit(images.astype(np.uint8)).transform(images.astype(np.uint8))
    np.testing.assert_array_equal(Z, expected.transform(images))


@each_from_encoder
def test_center__of_images_is_that_of_their_channels(cls):
    X = np.random.default_rng(0).normal(size=(40, 5, 6, 2)) * 3 + [10.0, 20.0]
    X[:, 0] += 5
    estimator = small(cls, max_epochs=0).fit(X)
    means = X.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(estimator.center_, np.tile(means, 30))
    assert estimator.scale_ == pytest.approx(np.sqrt(np.square(X - means).mean()))


@each_from_encoder
@pytest.mark.parametrize(
    ("shape", "changes", "message"),
    [
        ((20, 3, 8, 4), {}, "'channels' parameter"),
        ((20, 8, 9, 10), {}, "'channels' parameter"),
        ((20, 64), {"image_shape": (1, 8, 9)}, "'image_shape' parameter"),
        ((20, 8, 8), {"image_shape": (8, 8)}, "'image_shape' parameter"),
    ],
)
def test_images_that_cannot_be_read__raise(cls, shape, changes, message):
    with pytest.raises(ValueError, match=message):
        small(cls, **changes).fit(np.zeros(shape))


# -- rows --------------------------------------------------------------------------


@each_from_encoder
def test_one_row__can_be_learned_from(cls, blobs):
    X = blobs[0][:1]
    check_outputs(small(cls, n_clusters=1).fit(X), X)


@each_from_encoder
def test_fewer_rows_than_a_batch(cls, blobs):
    X = blobs[0][::6]
    check_outputs(small(cls, batch_size=256).fit(X), X)


@each_from_encoder
def test_rows_that_are_not_kept__give_the_same_kind_of_results(cls, blobs, monkeypatch):
    monkeypatch.setattr("skdeepcluster.engine._rows.RESIDENT_BYTES", 1)
    check_outputs(small(cls).fit(blobs[0]), blobs[0])


@each_from_encoder
def test_training__lets_the_loss_fall(cls, blobs):
    estimator = small(cls, max_epochs=30, learning_rate=1e-2).fit(blobs[0])
    losses = [record["loss"] for record in estimator.history_]
    assert np.mean(losses[-5:]) < np.mean(losses[:3])
