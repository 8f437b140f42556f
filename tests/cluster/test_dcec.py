"""DCECClustering, and other clusterers on convolutional autoencoders."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import (
    Autoencoder,
    DCECClustering,
    DCNClustering,
    DECClustering,
    IDECClustering,
    VaDEClustering,
)
from skdeepcluster.networks import MLP, ConvolutionalDecoder, ConvolutionalEncoder
from tests.cluster._small import clustering_history
from tests.cluster._small import small as make_small


def convolutional(**changes):
    settings = {
        "network": "convolutional",
        "n_components": 3,
        "hidden_layer_sizes": (16,),
        "max_epochs": 4,
        "batch_size": 20,
        "random_state": 5,
    }
    return Autoencoder(**{**settings, **changes})


def small(cls=DCECClustering, n_clusters=3, **changes):
    return make_small(cls, n_clusters, **{"autoencoder": convolutional(), **changes})


@pytest.fixture(scope="module")
def digits():
    """60 images of the digits 0, 1 and 2, and which they are."""
    data = load_digits(n_class=3)
    return data.images[:60], data.target[:60]


@pytest.fixture
def images(digits):
    return digits[0]


def network_of(part):
    """What stands beside the linear path."""
    return getattr(part, "network", part)


def parts_of(estimator):
    model = estimator.model_
    return [network_of(part) for part in (model.encoder, model.decoder)]


# -- networks ----------------------------------------------------------------------


@pytest.mark.parametrize("linear_path", [True, False])
def test_images__go_through_a_convolutional_autoencoder(images, linear_path):
    dcec = small(autoencoder=convolutional(linear_path=linear_path)).fit(images)
    kinds = [type(part) for part in parts_of(dcec)]
    assert kinds == [ConvolutionalEncoder, ConvolutionalDecoder]
    assert parts_of(dcec)[0].layout[:3] == (1, 8, 8)
    assert dcec.n_components_ == 3
    np.testing.assert_array_equal(dcec.predict(images), dcec.labels_)


def test_autoencoder__none_is_convolutional(images):
    dcec = small(autoencoder=None, max_epochs=0, batch_size=60).fit(images)
    assert dcec.autoencoder_.network == "convolutional"
    assert [type(part) for part in parts_of(dcec)] == [
        ConvolutionalEncoder,
        ConvolutionalDecoder,
    ]
    assert dcec.autoencoder is None


def test_autoencoder__without_a_network_stays_fully_connected(images):
    for settings in ({}, {"image_shape": (1, 8, 8)}):
        autoencoder = convolutional(network=None, max_epochs=1, **settings)
        dcec = small(autoencoder=autoencoder).fit(images)
        assert [type(part) for part in parts_of(dcec)] == [MLP, MLP]


@pytest.mark.parametrize("n_runs", [1, 2])
def test_flat_rows__are_what_idec_makes_of_them(blobs, n_runs):
    X, _ = blobs
    autoencoder = convolutional(max_epochs=20)
    dcec = small(autoencoder=autoencoder, n_runs=n_runs).fit(X)
    assert [type(part) for part in parts_of(dcec)] == [MLP, MLP]
    plain = clone(autoencoder).set_params(network=None)
    # Runs of plain autoencoders train as one, which rounds otherwise.
    idec = small(IDECClustering, autoencoder=plain, n_runs=n_runs).fit(X)
    np.testing.assert_array_equal(dcec.labels_, idec.labels_)
    np.testing.assert_allclose(dcec.transform(X), idec.transform(X), atol=1e-3)


def test_images__are_not_what_idec_makes_of_them(images):
    plain = convolutional(network=None)
    idec = small(IDECClustering, autoencoder=plain).fit(images)
    dcec = small().fit(images)
    assert not np.allclose(dcec.transform(images), idec.transform(images), atol=1e-2)
    # It is all that differs.
    idec = small(IDECClustering).fit(images)
    np.testing.assert_array_equal(dcec.transform(images), idec.transform(images))


# -- images and flat rows ----------------------------------------------------------


def test_image_shape__of_flat_rows_gives_what_images_give(images):
    flat = images.reshape(60, 64)
    expected = small().fit(images)
    autoencoder = convolutional(image_shape=(1, 8, 8))
    dcec = small(autoencoder=autoencoder).fit(flat)
    np.testing.assert_array_equal(dcec.labels_, expected.labels_)
    np.testing.assert_array_equal(dcec.transform(flat), expected.transform(images))
    assert expected.image_shape_ == (8, 8)
    assert dcec.image_shape_ is None


def test_channels__first_and_last_are_the_same_images():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(40, 2, 6, 5)).cumsum(axis=3)
    last = np.ascontiguousarray(first.transpose(0, 2, 3, 1))
    settings = {"linear_path": False, "max_epochs": 2}
    results = []
    for X, channels in ((first, "auto"), (last, "auto"), (last, "last")):
        autoencoder = convolutional(channels=channels, **settings)
        dcec = small(autoencoder=autoencoder, max_epochs=2).fit(X)
        results.append(dcec.transform(X))
    # Sums of convolutions are in another order: equal but for rounding.
    np.testing.assert_allclose(results[1], results[0], atol=1e-3)
    np.testing.assert_array_equal(results[2], results[1])


@pytest.mark.parametrize(
    ("shape", "changes", "message"),
    [
        ((20, 3, 8, 4), {}, "'channels' parameter"),
        ((20, 8, 9, 10), {}, "'channels' parameter"),
        ((20, 2, 2, 8, 8), {}, "Images must have the axes"),
        ((20, 64), {"image_shape": (1, 8, 9)}, "'image_shape' parameter"),
        ((20, 8, 8), {"image_shape": (8, 8)}, "'image_shape' parameter"),
        ((20, 8, 8), {"image_shape": (1, 4, 16)}, "'image_shape' parameter"),
        ((20, 8, 8), {"network": "resnet18"}, "'network' parameter"),
    ],
)
def test_images_that_cannot_be_read__raise_before_training(
    monkeypatch, shape, changes, message
):
    def forbidden(*_):
        raise AssertionError("trained before the parameters were looked at")

    monkeypatch.setattr(Autoencoder, "_train", forbidden)
    X = np.random.default_rng(0).normal(size=shape)
    for estimator in (
        convolutional(**changes),
        small(autoencoder=convolutional(**changes)),
    ):
        with pytest.raises(ValueError, match=message):
            estimator.fit(X)


def test_images__of_another_shape_raise(images):
    dcec = small(max_epochs=0).fit(images)
    with pytest.raises(ValueError, match=r"rows of shape \(4, 16\)"):
        dcec.predict(images.reshape(60, 4, 16))


# -- what is rebuilt ---------------------------------------------------------------


def test_inverse_transform__gives_flat_rows_in_their_units(images):
    X = 1000 + 50 * images
    dcec = small(
        autoencoder=convolutional(max_epochs=60, learning_rate=5e-3), max_epochs=10
    ).fit(X)
    X_hat = dcec.inverse_transform(dcec.transform(X))
    assert X_hat.shape == (60, 64)
    assert np.square(X_hat - X.reshape(60, 64)).mean() < 0.6 * X.var(axis=0).mean()
    assert dcec.inverse_transform(dcec.cluster_centers_).shape == (3, 64)


@pytest.mark.parametrize("linear_path", [True, False])
@pytest.mark.parametrize(
    ("shape", "channels"),
    [((7, 5, 2), "last"), ((7, 5, 2), "auto"), ((3, 9, 11), "first"), ((5, 7), "auto")],
)
def test_autoencoder__of_images_of_odd_sizes(shape, channels, linear_path):
    rng = np.random.default_rng(0)
    flat = rng.normal(size=(80, 2)) @ rng.normal(size=(2, int(np.prod(shape))))
    X = 100 + 5 * flat.reshape(80, *shape)
    autoencoder = convolutional(
        n_components=2,
        channels=channels,
        linear_path=linear_path,
        learning_rate=5e-3,
        max_epochs=15,
    ).fit(X)
    Z = autoencoder.transform(X)
    assert Z.shape == (80, 2)
    X_hat = autoencoder.inverse_transform(Z)
    assert X_hat.shape == flat.shape
    # A plane of images: the order of the pixels is kept.
    assert autoencoder.score(X) > -0.2 * X.var(axis=0).mean()


def test_corruption__of_images(images):
    clean, denoising = (
        convolutional(corruption=share).fit(images) for share in (0.0, 0.3)
    )
    assert denoising.history_[0]["loss"] > clean.history_[0]["loss"]


# -- the last k-means --------------------------------------------------------------


def spread_of(dcec, X):
    """How far each centre is from the mean of the embedded rows of its cluster."""
    Z = dcec.transform(X)
    means = [Z[dcec.labels_ == label].mean(axis=0) for label in range(dcec.n_clusters_)]
    return np.abs(dcec.cluster_centers_ - means).max() / Z.std()


def test_recluster__makes_each_centre_the_mean_of_its_rows(images):
    # Few steps that are long: the trained centres are none of k-means.
    settings = {"max_epochs": 3, "learning_rate": 0.05, "clustering_weight": 1.0}
    trained = small(**settings).fit(images)
    dcec = small(recluster=True, **settings).fit(images)
    assert spread_of(trained, images) > 0.02
    assert spread_of(dcec, images) < 1e-3
    # The embedding is the same.
    np.testing.assert_array_equal(dcec.transform(images), trained.transform(images))
    distances = dcec.center_distances(images)
    np.testing.assert_array_equal(distances.argmin(axis=1), dcec.labels_)
    assert dcec.inertia_ <= trained.inertia_
    np.testing.assert_array_equal(dcec.init_labels_, trained.init_labels_)


# -- other clusterers --------------------------------------------------------------


@pytest.mark.parametrize(
    "cls", [VaDEClustering, DCNClustering, DECClustering, IDECClustering]
)
def test_other_clusterers__take_a_convolutional_autoencoder(digits, cls):
    images, _ = digits
    clusterer = small(cls).fit(images)
    np.testing.assert_array_equal(clusterer.predict(images), clusterer.labels_)
    assert clusterer.transform(images).shape == (60, 3)
    weights = clusterer.model_.state_dict()
    assert any(value.ndim == 4 for value in weights.values())
    start = clusterer.autoencoder_.transform(images)
    assert not np.allclose(clusterer.transform(images), start, atol=1e-4)
    assert all(np.isfinite(r["loss"]) for r in clustering_history(clusterer))
    if hasattr(clusterer, "inverse_transform"):
        assert clusterer.inverse_transform(start).shape == (60, 64)


@pytest.mark.parametrize(
    "cls", [DCECClustering, VaDEClustering, DCNClustering, IDECClustering]
)
def test_no_epochs__are_the_embedding_of_the_autoencoder(images, cls):
    clusterer = small(cls, max_epochs=0).fit(images)
    np.testing.assert_allclose(
        clusterer.transform(images),
        clusterer.autoencoder_.transform(images),
        atol=1e-5,
    )


def test_frozen_autoencoder__stays_as_it_is(images):
    autoencoder = convolutional().fit(images)
    before = {n: w.clone() for n, w in autoencoder.model_.state_dict().items()}
    dcec = small(autoencoder=FrozenEstimator(autoencoder)).fit(images)
    after = autoencoder.model_.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    moved = parts_of(dcec)[0].convolutions[0].weight
    assert not torch.equal(moved, parts_of(autoencoder)[0].convolutions[0].weight)


def test_n_runs__of_convolutional_networks(images):
    dcec = small(n_runs=2, autoencoder=convolutional(random_state=None)).fit(images)
    kept = [r["kept"] for r in dcec.history_ if r["stage"] == "runs"]
    assert sorted(kept) == [False, True]


# -- digits ------------------------------------------------------------------------


def test_digits__three_kinds_are_found(digits):
    images, y = digits
    dcec = small(autoencoder=convolutional(max_epochs=20), max_epochs=10)
    assert adjusted_rand_score(y, dcec.fit_predict(images)) > 0.8
