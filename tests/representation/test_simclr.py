"""SimCLR: embeddings of rows and images from what views have in common."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from torch import nn

from skdeepcluster import SimCLR
from tests.references import contrastive as reference


def small(**changes):
    settings = {
        "hidden_layer_sizes": (16, 8),
        "projection_size": 6,
        "batch_size": 20,
        "max_epochs": 3,
        "random_state": 0,
    }
    return SimCLR(**{**settings, **changes})


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


# -- loss --------------------------------------------------------------------------


@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_loss__is_the_contrast_of_two_projected_views(blobs, temperature):
    X, _ = blobs
    signs = []

    def change(x):
        signs.append(1 if len(signs) % 2 else 1.5)
        return signs[-1] * x + torch.tensor([0.3 * signs[-1], 0, 0, 0, 0, 0])

    # One step of all rows, too short to change anything.
    simclr = small(
        augmentation=change,
        temperature=temperature,
        batch_size=60,
        max_epochs=1,
        learning_rate=1e-20,
    ).fit(X)
    x = torch.from_numpy((X - simclr.center_) / simclr.scale_).float()
    with torch.no_grad():
        z_a, z_b = (simclr.model_.project(change(x)).numpy() for _ in range(2))
    assert len(signs) == 4
    (record,) = simclr.history_
    assert record["stage"] == "pretraining"
    assert record["loss"] == record["contrast"]
    expected = reference.nt_xent(z_a, z_b, temperature)
    assert record["loss"] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("augmentation", ["corruption", "neighbors", "noise"])
def test_training__of_rows_lets_the_loss_fall(blobs, augmentation):
    simclr = small(augmentation=augmentation, max_epochs=20).fit(blobs[0])
    losses = [record["loss"] for record in simclr.history_]
    assert len(losses) == simclr.n_iter_ == 20
    assert np.mean(losses[-3:]) < np.mean(losses[:3]) - 0.1


@pytest.mark.parametrize("augmentation", ["weak", "strong"])
def test_training__of_images_lets_the_loss_fall(images, augmentation):
    simclr = small(augmentation=augmentation, max_epochs=8).fit(images)
    losses = [record["loss"] for record in simclr.history_]
    assert np.mean(losses[-2:]) < np.mean(losses[:2]) - 0.1


# -- embedding ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "size"), [("mlp", 8), ("convolutional", 128), ("auto", 128)]
)
def test_embedding__of_images_has_rows_of_length_one(images, network, size):
    simclr = small(network=network, max_epochs=1).fit(images)
    Z = simclr.transform(images)
    assert simclr.n_components_ == size
    assert Z.shape == (100, size)
    assert Z.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, rtol=1e-5)
    assert len(simclr.get_feature_names_out()) == size


@pytest.mark.parametrize("network", ["mlp", "auto"])
def test_embedding__of_rows_has_the_last_width(blobs, network):
    simclr = small(network=network).fit(blobs[0])
    Z = simclr.transform(blobs[0])
    assert simclr.n_components_ == 8
    assert Z.shape == (60, 8)
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, rtol=1e-5)
    assert small(hidden_layer_sizes="auto").fit(blobs[0]).n_components_ == 256


@pytest.mark.slow
def test_embedding__of_a_residual_network(images):
    simclr = small(network="resnet18", max_epochs=1).fit(images[:40])
    assert simclr.transform(images[:40]).shape == (40, 512)


def test_projection__has_its_own_size(images):
    simclr = small(projection_size=6, max_epochs=1).fit(images)
    x = torch.zeros(3, 64)
    assert simclr.model_.project(x).shape == (3, 6)
    assert simclr.model_.embed(x).shape == (3, 128)


def test_embedding__of_new_rows_does_not_depend_on_other_rows(images):
    simclr = small().fit(images)
    Z = simclr.transform(images)
    np.testing.assert_allclose(simclr.transform(images[7:8]), Z[7:8], atol=1e-5)


# -- networks of users -------------------------------------------------------------


def test_module__is_a_template_and_stays_as_it_is(images):
    template = Network()
    before = {name: value.clone() for name, value in template.state_dict().items()}
    simclr = small(network=template).fit(images)
    assert simclr.network is template
    assert template.training
    assert simclr.n_components_ == 5
    after, learnt = template.state_dict(), simclr.model_.encoder.module.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert not torch.equal(learnt["layers.0.weight"], before["layers.0.weight"])
    start = small(network=template, max_epochs=0).fit(images).model_.encoder.module
    assert torch.equal(start.layers[0].weight, before["layers.0.weight"])


@pytest.mark.parametrize(
    ("shape", "expected"), [((100, 8, 8), (1, 8, 8)), ((100, 64), (64,))]
)
def test_callable__is_given_the_shape_of_a_row(images, shape, expected):
    asked = []

    def network(row_shape):
        asked.append(row_shape)
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 7))

    simclr = small(network=network, max_epochs=1).fit(images.reshape(shape))
    assert asked == [expected]
    assert simclr.n_components_ == 7


def test_callable__is_repeatable_and_leaves_the_global_state(images):
    before = torch.get_rng_state()
    first, again = (
        small(network=lambda shape: Network()).fit_transform(images) for _ in range(2)
    )
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda shape: None, "'network' parameter.*Got NoneType"),
        (nn.Linear(7, 2), "'network' parameter"),
        ("resnet50", "'network' parameter"),
        (None, "'network' parameter"),
    ],
)
def test_bad_network__raises_and_names_the_parameter(images, network, message):
    with pytest.raises(ValueError, match=message):
        small(network=network).fit(images)


@pytest.mark.parametrize("network", ["convolutional", "resnet18"])
def test_network_of_images__for_other_rows_raises(blobs, network):
    with pytest.raises(ValueError, match=f"network='{network}' is for images"):
        small(network=network).fit(blobs[0])


# -- layouts -----------------------------------------------------------------------


@pytest.mark.parametrize("augmentation", ["strong", lambda images: 1 - images])
def test_layouts__of_the_same_grey_images_give_the_same(images, augmentation):
    expected = small(augmentation=augmentation).fit(images).transform(images)
    forms = [
        (images[..., None], {}),
        (images[:, None], {}),
        (images.reshape(100, 64), {"image_shape": (1, 8, 8)}),
        (images, {"image_shape": (1, 8, 8)}),
    ]
    for X, settings in forms:
        simclr = small(augmentation=augmentation, **settings).fit(X)
        np.testing.assert_array_equal(simclr.transform(X), expected)


@pytest.mark.parametrize("augmentation", ["strong", "weak"])
def test_layouts__of_the_same_colour_images_give_the_same(augmentation):
    first = np.random.default_rng(0).normal(size=(40, 3, 8, 8))
    last = first.transpose(0, 2, 3, 1)
    # Sums of convolutions are in another order: equal but for rounding.
    settings = {"augmentation": augmentation, "max_epochs": 1}
    expected = small(**settings).fit(first).transform(first)
    forms = [
        (last, {}),
        (first, {"channels": "first"}),
        (last, {"channels": "last"}),
        (first.reshape(40, -1), {"image_shape": (3, 8, 8)}),
        (last.reshape(40, -1), {"image_shape": (3, 8, 8), "channels": "last"}),
    ]
    for X, more in forms:
        simclr = small(**settings, **more).fit(X)
        np.testing.assert_allclose(simclr.transform(X), expected, atol=1e-3)


def test_bytes__give_what_floats_give(images):
    expected = small().fit(images)
    Z = small().fit(images.astype(np.uint8)).transform(images.astype(np.uint8))
    np.testing.assert_array_equal(Z, expected.transform(images))


def test_center__of_images_is_that_of_their_channels():
    X = np.random.default_rng(0).normal(size=(40, 5, 6, 2)) * 3 + [10.0, 20.0]
    X[:, 0] += 5
    simclr = small(max_epochs=0).fit(X)
    means = X.mean(axis=(0, 1, 2))
    np.testing.assert_allclose(simclr.center_, np.tile(means, 30))
    assert simclr.scale_ == pytest.approx(np.sqrt(np.square(X - means).mean()))


@pytest.mark.parametrize(
    ("shape", "changes", "message"),
    [
        ((20, 3, 8, 4), {}, "'channels' parameter"),
        ((20, 8, 9, 10), {}, "'channels' parameter"),
        ((20, 64), {"image_shape": (1, 8, 9)}, "'image_shape' parameter"),
        ((20, 8, 8), {"image_shape": (8, 8)}, "'image_shape' parameter"),
    ],
)
def test_images_that_cannot_be_read__raise(shape, changes, message):
    with pytest.raises(ValueError, match=message):
        small(**changes).fit(np.zeros(shape))


# -- digits ------------------------------------------------------------------------


def digits_scores(seed):
    """K-means on digits that are moved to the side by up to a pixel."""
    digits = load_digits()
    y, rng = digits.target[:600], np.random.default_rng(0)
    steps = rng.integers(-1, 2, size=600)
    moved = zip(digits.images[:600], steps, strict=True)
    images = np.array([np.roll(image, step, axis=1) for image, step in moved])
    kmeans = KMeans(10, n_init=10, random_state=seed)
    plain = kmeans.fit_predict(images.reshape(600, 64))
    deep = make_pipeline(SimCLR(max_epochs=30, random_state=seed), kmeans)
    return [adjusted_rand_score(y, of) for of in (deep.fit_predict(images), plain)]


def test_digits__kmeans_behind_it_beats_kmeans_on_pixels():
    # Over seeds 0 to 4 it is better by 0.10 to 0.20.
    score, score_of_pixels = digits_scores(0)
    assert score > score_of_pixels + 0.05


@pytest.mark.slow
def test_digits__five_seeds_beat_kmeans_on_pixels():
    for seed in range(5):
        score, score_of_pixels = digits_scores(seed)
        assert score > score_of_pixels + 0.05
