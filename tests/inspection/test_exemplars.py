"""Rows that stand for clusters."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import AgglomerativeClustering, KMeans

from skdeepcluster import DECClustering
from skdeepcluster.inspection import (
    ExemplarsDisplay,
    assignment_confidence,
)
from tests._discovery import tiny


def test_exemplars__are_the_extremes_of_confidence(blobs):
    X, _ = blobs
    dec = tiny(DECClustering, n_clusters=3).fit(X)
    confidence = assignment_confidence(dec, X)
    display = ExemplarsDisplay.from_estimator(dec, X, n_exemplars=4)
    for label in range(3):
        own = np.flatnonzero(dec.labels_ == label)
        order = own[np.argsort(confidence[own])]
        assert confidence[display.most[label]].tolist() == pytest.approx(
            confidence[order[::-1][:4]].tolist()
        )
        assert display.least[label].tolist() == order[:4].tolist()
    assert display.ax_.tables


def test_exemplars__equal_confidence_is_decided_by_distance(blobs):
    X, _ = blobs
    kmeans = KMeans(1).fit(X)  # all rows are certain
    display = ExemplarsDisplay.from_estimator(kmeans, X, plot=False)
    distances = kmeans.transform(X)[:, 0]
    assert display.most[0][0] == distances.argmin()
    assert display.least[0][0] == distances.argmax()


def test_exemplars__small_clusters_show_no_row_twice():
    display = ExemplarsDisplay.from_predictions(
        np.eye(5), [0, 0, 0, 0, 1], [0.1, 0.2, 0.3, 0.4, 1.0], n_exemplars=3
    )
    assert display.most[0].tolist() == [3, 2, 1]
    assert display.least[0].tolist() == [0]
    assert display.most[1].tolist() == [4]
    assert display.least[1].tolist() == []


@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 3), (3, 6, 8), (1, 6, 8)])
def test_exemplars__images_of_every_shape(shape):
    rng = np.random.default_rng(0)
    images, labels = rng.random((12, *shape)), np.arange(12) % 2
    deep = ExemplarsDisplay.from_predictions(images, labels, rng.random(12))
    flat = ExemplarsDisplay.from_predictions(
        images.reshape(12, -1),
        labels,
        [deep.confidence[number] for number in range(12)],
        image_shape=shape,
    )
    drawn = [display.ax_.images[0].get_array() for display in (deep, flat)]
    np.testing.assert_array_equal(*drawn)
    number = deep.most[0][0]
    np.testing.assert_array_equal(deep.rows[number], images[number])


def test_exemplars__shape_of_the_fit_is_known(blobs):
    images = blobs[0].reshape(60, 2, 3)
    dec = tiny(DECClustering, n_clusters=3).fit(images)
    assert ExemplarsDisplay.from_estimator(dec, images).ax_.images


def test_exemplars__a_picture_shows_the_image_itself():
    image = np.arange(12.0).reshape(3, 4)
    display = ExemplarsDisplay.from_predictions(image[None], [0], [1.0])
    drawn = display.ax_.images[0].get_array()
    np.testing.assert_array_equal(drawn[:3, :4], image)


def test_exemplars__table_of_mixed_columns():
    table = pd.DataFrame(
        {"age": [20, 61, 35, np.nan], "town": ["Rome", None, "Oslo", "R" * 40]}
    )
    display = ExemplarsDisplay.from_predictions(table, [0] * 4, [0.9, 0.8, 0.7, 0.6])
    cells = display.ax_.tables[0].get_celld()
    texts = [
        [cells[line, column].get_text().get_text() for column in (4, 5)]
        for line in range(5)
    ]
    assert texts == [
        ["age", "town"],
        ["20", "Rome"],
        ["61", "missing"],
        ["35", "Oslo"],
        ["missing", "R" * 17 + "…"],
    ]


def test_exemplars__features_are_chosen_or_the_most_distinctive():
    X = np.random.default_rng(0).normal(size=(40, 12))
    labels = np.arange(40) % 2
    X[:, [2, 9]] += 10 * labels[:, None]
    names = [f"f{i}" for i in range(12)]
    display = ExemplarsDisplay.from_predictions(
        X, labels, np.ones(40), feature_names=names
    )
    assert len(display.features) == 8
    assert {"f2", "f9"} < set(display.features)
    display = ExemplarsDisplay.from_predictions(
        X, labels, np.ones(40), feature_names=names, features=["f5", "f1"]
    )
    assert display.features == ["f5", "f1"]
    assert display.rows[0] == X[0, [5, 1]].tolist()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_exemplars": 0}, "n_exemplars must be an int"),
        ({"image_shape": (2, 2)}, "has 4 values, but the rows of X have 6"),
        ({"image_shape": (6,)}, "image_shape must be \\(height, width\\)"),
        ({"features": ["x9"]}, "X has no feature 'x9'. It has \\['x0'"),
    ],
)
def test_exemplars__wrong_options_are_refused(options, message, blobs):
    X, y = blobs
    with pytest.raises(ValueError, match=message):
        ExemplarsDisplay.from_predictions(X, y, np.ones(60), **options)


def test_exemplars__without_confidence_is_refused(blobs):
    X, _ = blobs
    ward = AgglomerativeClustering(3).fit(X)
    with pytest.raises(TypeError, match="has no confidence"):
        ExemplarsDisplay.from_estimator(ward, X)
