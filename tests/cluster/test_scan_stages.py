"""SCANClustering: where it starts, and what follows the training of the heads."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._scan as scan_module
import skdeepcluster.cluster._shared._neighbors as neighbors_module
from skdeepcluster import Autoencoder, SCANClustering, SimCLR
from skdeepcluster.representation import _views
from tests.cluster._scan import (
    REPRESENTATIONS,
    autoencoder,
    each_representation,
    simclr,
    small,
)
from tests.references import mutual_information as reference


@pytest.fixture(scope="module")
def images():
    return load_digits().images[:100]


# -- representation ----------------------------------------------------------------


@each_representation
@pytest.mark.parametrize("update_encoder", [True, False])
def test_representation__of_any_kind(blobs, name, update_encoder):
    X, y = blobs
    scan = small(
        representation=REPRESENTATIONS[name](X),
        update_encoder=update_encoder,
        max_epochs=30,
        learning_rate=1e-2,
    ).fit(X)
    np.testing.assert_array_equal(scan.predict(X), scan.labels_)
    np.testing.assert_array_equal(scan.predict_proba(X).argmax(axis=1), scan.labels_)
    assert scan.transform(X).shape == (60, scan.n_components_)
    assert scan.init_labels_.shape == (60,)
    assert adjusted_rand_score(y, scan.labels_) > 0.9
    has_encoder = name != "None" and update_encoder
    sizes = {"Autoencoder": 3, "SimCLR": 8, "BYOL": 8}
    if has_encoder:
        assert scan.n_components_ == sizes[name.split()[-1]]
    stages = {record["stage"] for record in scan.history_}
    assert stages == {"clustering"} | ({"pretraining"} if name != "None" else set())


@pytest.mark.parametrize("update_encoder", [True, False])
@pytest.mark.parametrize("make", [autoencoder, simclr])
def test_images__any_representation(images, make, update_encoder):
    learner = make().set_params(network="convolutional", max_epochs=1)
    scan = small(representation=learner, update_encoder=update_encoder).fit(images)
    np.testing.assert_array_equal(scan.predict(images), scan.labels_)
    stages = [record["stage"] for record in scan.history_]
    assert ("self-labelling" in stages) == update_encoder


def weights_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def assert_same(first, second):
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("update_encoder", [True, False])
@pytest.mark.parametrize("make", [autoencoder, simclr])
def test_frozen_estimator__stays_as_it_is(images, make, update_encoder):
    # With batch statistics, which no gradient moves.
    learner = make().set_params(network="convolutional", max_epochs=1).fit(images)
    before, Z = weights_of(learner.model_), learner.transform(images)
    scan = small(
        representation=FrozenEstimator(learner),
        update_encoder=update_encoder,
        learning_rate=1e-2,
    ).fit(images)
    assert_same(weights_of(learner.model_), before)
    np.testing.assert_array_equal(learner.transform(images), Z)
    np.testing.assert_array_equal(scan.representation_.transform(images), Z)
    # The heads stand on a copy.
    known = weights_of(learner.model_.encoder)
    if update_encoder:
        used = weights_of(scan.model_.encoder)
        changed = [name for name in known if not torch.equal(used[name], known[name])]
        assert set(changed) >= {name for name in known if name.endswith("weight")}
    else:
        assert_same(weights_of(scan.model_.encoder.encoder), known)


def test_representation__is_cloned_and_fitted_once_for_all_numbers_of_clusters(
    blobs, tmp_path, monkeypatch
):
    fits = []
    fit = SimCLR._fit

    def noted(learner, *arguments):
        fits.append(learner)
        return fit(learner, *arguments)

    monkeypatch.setattr(SimCLR, "_fit", noted)
    learner = simclr()
    for n_clusters in (2, 3):
        scan = small(n_clusters, representation=learner, memory=str(tmp_path))
        scan.fit(blobs[0])
        np.testing.assert_array_equal(scan.predict(blobs[0]), scan.labels_)
    assert len(fits) == 1
    assert not hasattr(learner, "model_")


def test_representation__that_is_none_raises(blobs):
    X, _ = blobs
    for wrong in (PCA(), "simclr"):
        with pytest.raises(ValueError, match="'representation' parameter"):
            small(representation=wrong).fit(X)
    with pytest.raises(ValueError, match="'representation' parameter"):
        small(representation=FrozenEstimator(PCA().fit(X))).fit(X)
    with pytest.raises(ValueError, match=r"SCANClustering\(representation=SimCLR\(\)"):
        SCANClustering().set_params(representation__max_epochs=3)


@pytest.mark.parametrize("name", ["None", "SimCLR", "frozen Autoencoder"])
def test_views_of_images__for_other_rows_raise_before_training(
    blobs, monkeypatch, name
):
    X, _ = blobs
    representation = REPRESENTATIONS[name](X)

    def forbidden(*_):
        raise AssertionError("trained before the parameters were looked at")

    monkeypatch.setattr(SCANClustering, "_fit", forbidden)
    with pytest.raises(ValueError, match="augmentation='strong' changes images"):
        small(representation=representation, augmentation="strong").fit(X)


@pytest.mark.parametrize(
    ("network", "augmentation", "sees_images"),
    [
        ("convolutional", "auto", True),
        ("convolutional", None, False),
        ("convolutional", "strong", True),
        (None, "auto", False),
        (None, "strong", True),
    ],
)
def test_images__through_an_autoencoder_are_changed_as_images(
    images, monkeypatch, network, augmentation, sees_images
):
    shapes = []
    strong = _views._OF_IMAGES["strong"]

    def noted(x, generator):
        shapes.append(x.shape[1:])
        return strong(x, generator)

    monkeypatch.setitem(_views._OF_IMAGES, "strong", noted)
    learner = autoencoder().set_params(network=network, max_epochs=1)
    small(
        representation=learner,
        update_encoder=True,
        augmentation=augmentation,
        max_epochs=1,
    ).fit(images)
    assert set(shapes) == ({(1, 8, 8)} if sees_images else set())


def test_views__of_what_a_frozen_encoder_gives(images):
    shapes = []

    def change(x):
        shapes.append(x.shape[1])
        return x

    learner = FrozenEstimator(simclr().fit(images))
    for settings in ({"update_encoder": False}, {"representation": None}):
        small(
            **{"representation": learner, "augmentation": change, **settings},
            max_epochs=1,
        ).fit(images)
    assert set(shapes[: len(shapes) // 2]) == {128}
    assert set(shapes[len(shapes) // 2 :]) == {64}
    with pytest.raises(ValueError, match="augmentation='strong' changes images"):
        small(representation=learner, augmentation="strong", update_encoder=False).fit(
            images
        )


def test_one_row__is_one_cluster(blobs):
    X = blobs[0][:1]
    scan = small(1).fit(X)
    assert scan.labels_.tolist() == scan.predict(X).tolist() == [0]


def test_batch_size__auto_has_ten_rows_of_each_cluster():
    assert SCANClustering(10)._auto_batch_size(300) == 100
    assert SCANClustering(10)._auto_batch_size(30) == 30
    assert SCANClustering(3)._auto_batch_size(100_000) == 256
    assert SCANClustering(1000)._auto_batch_size(100_000) == 10_000


# -- self-labelling ----------------------------------------------------------------


def stages_of(scan):
    return [record["stage"] for record in scan.history_]


def test_self_label__auto_is_where_views_are_trained_on(blobs):
    X, _ = blobs
    learner = FrozenEstimator(autoencoder().fit(X))
    for changes, expected in [
        ({"augmentation": None}, False),
        ({"augmentation": "auto"}, False),
        ({"augmentation": "noise"}, True),
        ({"augmentation": "noise", "update_encoder": False}, True),
        ({"augmentation": "noise", "self_label": False}, False),
        ({"augmentation": None, "self_label": True}, True),
        ({"representation": None}, False),
        ({"representation": None, "self_label": True}, True),
    ]:
        scan = small(**{"representation": learner, "max_epochs": 1, **changes}).fit(X)
        assert ("self-labelling" in stages_of(scan)) == expected, changes
        assert expected or not scan.self_labelled_


@pytest.mark.parametrize("threshold", [0.0, 0.42])
def test_self_label__loss_against_the_reference(blobs, threshold):
    X, _ = blobs

    def change(x):
        return 0.7 * x + 0.1

    # One step of all rows, too short to change anything.
    scan = small(
        representation=autoencoder(),
        update_encoder=True,
        augmentation=change,
        threshold=threshold,
        batch_size=60,
        max_epochs=1,
        learning_rate=1e-20,
    ).fit(X)
    x = torch.from_numpy((X - scan.center_) / scan.scale_).float()
    with torch.no_grad():
        teacher = scan.model_.assign(x).double().numpy()
        student = scan.model_.log_assign(change(x)).double().numpy()
    loss, share = reference.confident_cross_entropy(student, teacher, threshold)
    record = scan.history_[-1]
    assert record["stage"] == "self-labelling"
    assert record["loss"] == record["self_label"] == pytest.approx(loss, rel=1e-4)
    assert record["confident"] == pytest.approx(share)
    assert share == 1 if threshold == 0 else 0.1 < share < 0.9


SURE = {"max_epochs": 20, "learning_rate": 1e-2, "threshold": 0.5}


@pytest.mark.parametrize("name", ["None", "Autoencoder", "SimCLR"])
def test_self_label__that_makes_things_worse_is_undone(blobs, monkeypatch, name):
    X, _ = blobs
    settings = {**SURE, "representation": REPRESENTATIONS[name](X)}
    expected = small(self_label=False, **settings).fit(X)

    def all_in_one(student, teacher, threshold):
        return -10 * student[:, 0].mean(), torch.ones(())

    monkeypatch.setattr(neighbors_module, "confident_cross_entropy", all_in_one)
    scan = small(self_label=True, **settings).fit(X)
    assert scan.self_labelled_ is False
    assert stages_of(scan).count("self-labelling") == 20
    np.testing.assert_array_equal(scan.predict_proba(X), expected.predict_proba(X))
    np.testing.assert_array_equal(scan.labels_, expected.labels_)


@pytest.mark.parametrize(
    ("losses", "used", "expected"),
    [
        ((1.0, 0.9), (3, 3), True),
        ((1.0, 1.0), (3, 3), True),
        ((1.0, 1.1), (3, 3), False),
        ((1.0, 0.5), (3, 2), False),
        ((1.0, 0.5), (2, 3), True),
    ],
)
def test_self_label__is_taken_where_no_cluster_is_lost_and_the_loss_is_not_worse(
    blobs, monkeypatch, losses, used, expected
):
    X, _ = blobs
    settings = {**SURE, "max_epochs": 5, "representation": autoencoder()}
    plain = small(self_label=False, **settings).fit(X)
    pairs = zip(losses, used, strict=True)
    told = [  # of all heads, then of the one that is left
        (torch.full((n_heads,), one), torch.full((n_heads,), n))
        for n_heads, (one, n) in zip((3, 1), pairs, strict=True)
    ]
    monkeypatch.setattr(scan_module, "head_losses", lambda *_: told.pop(0))
    monkeypatch.setattr(scan_module, "best_head", lambda *_: plain.best_head_)
    scan = small(self_label=True, **settings).fit(X)
    assert scan.self_labelled_ is expected
    same = np.array_equal(scan.predict_proba(X), plain.predict_proba(X))
    assert same is not expected


# -- clusters without rows ---------------------------------------------------------


def test_clusters_that_end_without_rows__are_dropped_everywhere(blobs):
    X = np.repeat(blobs[0][[0, 30]], 20, axis=0)
    scan = small(5, max_epochs=10)
    with pytest.warns(ConvergenceWarning, match="instead of n_clusters=5") as caught:
        scan.fit(X)
    assert caught[0].filename == __file__
    n_left = scan.n_clusters_
    assert n_left <= 2
    assert scan.model_.n_clusters == n_left
    assert set(scan.labels_) == set(range(n_left))
    assert scan.predict_proba(X).shape == (40, n_left)
    np.testing.assert_allclose(scan.predict_proba(X).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_array_equal(scan.predict(X), scan.labels_)
    assert scan.cluster_means_.shape == (n_left, 6)


# -- digits ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "representation", [None, Autoencoder(max_epochs=20)], ids=["None", "Autoencoder"]
)
def test_digits__beat_kmeans_in_the_same_representation(representation):
    X, y = (part[:600] for part in load_digits(return_X_y=True))
    scores = []
    for seed in range(3):
        scan = SCANClustering(
            10,
            representation=representation,
            update_encoder=False,
            max_epochs=30,
            random_state=seed,
        ).fit(X)
        both = scan.labels_, scan.init_labels_
        scores.append([adjusted_rand_score(y, labels) for labels in both])
    score, score_of_kmeans = np.mean(scores, axis=0)
    assert score > score_of_kmeans + 0.03
