"""SimCLR: embeddings of rows and images from what views have in common."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline

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


def test_embedding__has_rows_of_length_one(images):
    Z = small(max_epochs=1).fit_transform(images)
    assert Z.shape == (100, 128)
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, rtol=1e-5)


def test_projection__has_its_own_size(images):
    simclr = small(projection_size=6, max_epochs=1).fit(images)
    x = torch.zeros(3, 64)
    assert simclr.model_.project(x).shape == (3, 6)
    assert simclr.model_.embed(x).shape == (3, 128)


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
