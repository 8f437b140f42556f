"""How clusterers use the autoencoder that they are given: frozen, cached, searched."""

import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from torch import nn

from skdeepcluster import Autoencoder
from skdeepcluster.engine import Trainer
from tests._discovery import (
    FROM_AUTOENCODER,
    TINY,
    assert_same_outputs,
    outputs,
    tiny,
)

each_clusterer = pytest.mark.parametrize("cls", FROM_AUTOENCODER)


class Pair(nn.Module):
    """A network of a user."""

    def __init__(self, bias):
        super().__init__()
        self.encoder, self.decoder = nn.Linear(6, 2), nn.Linear(2, 6)
        nn.init.constant_(self.encoder.weight, 0.1)
        nn.init.constant_(self.encoder.bias, bias)


@pytest.fixture
def stages(monkeypatch):
    """Every stage that is trained, in order."""
    trained = []
    train = Trainer.train

    def watched(trainer, objective, *, stage, **settings):
        trained.append(stage)
        return train(trainer, objective, stage=stage, **settings)

    monkeypatch.setattr(Trainer, "train", watched)
    return trained


def fitted_autoencoder(X, **changes):
    return clone(TINY["autoencoder"]).set_params(random_state=5, **changes).fit(X)


# -- given unfitted ----------------------------------------------------------------


@each_clusterer
def test_default__is_an_autoencoder_with_its_defaults(cls, blobs):
    short = blobs[0][::4]
    given = tiny(cls, n_clusters=3, autoencoder=Autoencoder()).fit(short)
    default = tiny(cls, n_clusters=3, autoencoder=None).fit(short)
    assert default.autoencoder is None
    assert_same_outputs(outputs(default, short), outputs(given, short))


@each_clusterer
def test_seed_of_the_autoencoder__is_its_own_or_derived(cls, blobs):
    X, _ = blobs
    own = [
        tiny(cls, random_state=seed).set_params(autoencoder__random_state=5).fit(X)
        for seed in (0, 1)
    ]
    first, second = (cluster.autoencoder_.transform(X) for cluster in own)
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, fitted_autoencoder(X).transform(X))

    derived = [tiny(cls, random_state=seed).fit(X) for seed in (0, 1, 1)]
    first, second, third = (cluster.autoencoder_.transform(X) for cluster in derived)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(second, third)


@each_clusterer
def test_device__is_that_of_the_clusterer(cls, blobs):
    estimator = tiny(cls, device="cpu").set_params(autoencoder__device="cuda:99")
    assert estimator.fit(blobs[0]).autoencoder_.device_ == "cpu"


@each_clusterer
def test_nested_parameter_without_an_autoencoder__says_what_to_do(cls):
    estimator = tiny(cls, autoencoder=None)
    with pytest.raises(ValueError, match=r"autoencoder__n_components cannot be set.*"):
        estimator.set_params(autoencoder__n_components=3)
    message = rf"Construct {cls.__name__}\(autoencoder=Autoencoder\(.*\)\) first"
    with pytest.raises(ValueError, match=message):
        estimator.set_params(autoencoder__n_components=3)
    estimator.set_params(autoencoder=Autoencoder(), autoencoder__n_components=3)
    assert estimator.autoencoder.n_components == 3


@each_clusterer
def test_network_of_a_user__in_a_clusterer(cls, blobs):
    X, _ = blobs

    def network(n_features, n_components):
        encoder = nn.Sequential(
            nn.Linear(n_features, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3)
        )
        return encoder, nn.Linear(3, n_features)

    before = torch.get_rng_state()
    estimator = tiny(cls, n_clusters=3).set_params(autoencoder__network=network)
    first = outputs(estimator.fit(X), X)
    assert_same_outputs(outputs(estimator.fit(X), X), first)
    assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(estimator.labels_, estimator.predict(X))


# -- given frozen ------------------------------------------------------------------


@each_clusterer
def test_frozen__is_not_fitted_again_and_not_changed(cls, blobs, stages):
    X, _ = blobs
    autoencoder = fitted_autoencoder(X)
    before, Z = joblib.hash(autoencoder), autoencoder.transform(X)
    stages.clear()
    estimator = tiny(cls, autoencoder=FrozenEstimator(autoencoder)).fit(X)
    assert "pretraining" not in stages
    assert joblib.hash(autoencoder) == before
    np.testing.assert_array_equal(estimator.autoencoder_.transform(X), Z)
    assert_same_outputs(
        outputs(pickle.loads(pickle.dumps(estimator)), X), outputs(estimator, X)
    )


@each_clusterer
def test_frozen__gives_what_fitting_it_inside_gives(cls, blobs):
    X, _ = blobs
    inside = tiny(cls).set_params(autoencoder__random_state=5).fit(X)
    frozen = tiny(cls, autoencoder=FrozenEstimator(fitted_autoencoder(X))).fit(X)
    assert_same_outputs(outputs(frozen, X), outputs(inside, X))


@each_clusterer
def test_frozen__scales_other_rows_as_it_was_fitted(cls, blobs):
    X, _ = blobs
    autoencoder = fitted_autoencoder(100 + 10 * X)
    estimator = tiny(cls, autoencoder=FrozenEstimator(autoencoder), max_epochs=0)
    Z = estimator.fit(X).transform(X)
    np.testing.assert_allclose(Z, autoencoder.transform(X), atol=1e-6)


@each_clusterer
@pytest.mark.parametrize("folder", [None, "checkpoints"])
def test_frozen__bad_ones_raise_before_training(cls, folder, blobs, stages, tmp_path):
    X, _ = blobs
    narrow = fitted_autoencoder(X[:, :4])
    kmeans = KMeans(2, n_init=1).fit(X)
    stages.clear()

    def fit(autoencoder):
        checkpoint = folder and tmp_path / folder
        frozen = FrozenEstimator(autoencoder)
        return tiny(cls, autoencoder=frozen, checkpoint=checkpoint).fit(X)

    with pytest.raises(ValueError, match="6 features, but the frozen .* fitted on 4"):
        fit(narrow)
    with pytest.raises(NotFittedError):
        fit(Autoencoder())
    with pytest.raises(ValueError, match="'autoencoder' parameter .*KMeans"):
        fit(kmeans)
    assert stages == []


@each_clusterer
def test_frozen__on_shuffled_columns_raises(cls, blobs, stages):
    X = pd.DataFrame(blobs[0], columns=[*"abcdef"])
    frozen = FrozenEstimator(fitted_autoencoder(X))
    stages.clear()
    with pytest.raises(ValueError, match="order|names"):
        tiny(cls, autoencoder=frozen).fit(X[[*"fedcba"]])
    assert stages == []


@each_clusterer
def test_frozen__on_images_of_another_shape_raises(cls, blobs, stages):
    images = blobs[0].reshape(60, 2, 3)
    frozen = FrozenEstimator(fitted_autoencoder(images))
    stages.clear()
    with pytest.raises(ValueError, match="shape"):
        tiny(cls, autoencoder=frozen).fit(images.reshape(60, 3, 2))
    assert stages == []


# -- memory ------------------------------------------------------------------------


@pytest.fixture
def cached(tmp_path):
    """A tiny clusterer with a cache."""

    def make(cls, **changes):
        return tiny(cls, memory=str(tmp_path), **changes)

    return make


@each_clusterer
def test_memory__pretrains_once_for_all_that_comes_after(cls, blobs, stages, cached):
    X, _ = blobs
    for changes in ({"n_clusters": 2}, {"n_clusters": 3}, {"max_epochs": 3}):
        fitted = cached(cls, **changes).fit(X)
        assert_same_outputs(outputs(fitted, X), outputs(tiny(cls, **changes).fit(X), X))
    # Once with the cache and once for each of the three without.
    assert stages.count("pretraining") == 1 + 3


@each_clusterer
def test_memory__may_be_a_joblib_memory(cls, blobs, stages, tmp_path):
    memory = joblib.Memory(tmp_path, verbose=0)
    for n_clusters in (2, 3):
        tiny(cls, memory=memory, n_clusters=n_clusters).fit(blobs[0])
    assert stages.count("pretraining") == 1


@each_clusterer
@pytest.mark.parametrize(
    "change",
    [
        {"random_state": 1},
        {"autoencoder__random_state": 0},
        {"autoencoder__max_epochs": 1},
        {"autoencoder__n_components": 2},
        {"autoencoder__precision": "bfloat16"},
        {"autoencoder__network": Pair(0.0)},
    ],
    ids=str,
)
def test_memory__pretrains_anew_for_what_matters(cls, change, blobs, stages, cached):
    X, _ = blobs
    cached(cls).fit(X)
    cached(cls).set_params(**change).fit(X)
    assert stages.count("pretraining") == 2
    cached(cls).set_params(**change).fit(X)
    assert stages.count("pretraining") == 2


@each_clusterer
def test_memory__pretrains_anew_for_other_rows(cls, blobs, stages, cached):
    X, _ = blobs
    cached(cls).fit(X)
    changed = X.copy()
    changed[3, 2] += 1.0
    fitted = cached(cls).fit(changed)
    assert stages.count("pretraining") == 2
    assert_same_outputs(outputs(fitted, X), outputs(tiny(cls).fit(changed), X))


@each_clusterer
def test_memory__knows_sparse_rows_by_their_values(cls, blobs, stages, cached):
    X = sparse.csr_array(blobs[0])
    cached(cls).fit(X)
    same = X.copy()
    assert same.has_canonical_format  # SciPy remembers that it was asked
    cached(cls).fit(same)
    assert stages.count("pretraining") == 1


@each_clusterer
def test_memory__knows_a_network_by_its_weights(cls, blobs, stages, cached):
    networks = [Pair(0.0), Pair(1.0)]
    for network in networks * 2:
        cached(cls).set_params(autoencoder__network=network).fit(blobs[0])
    assert stages.count("pretraining") == 2


def fit_and_save(cls, folder, X, result):
    torch.set_num_threads(1)
    np.save(result, tiny(cls, memory=str(folder)).fit(X).transform(X))


def test_memory__is_safe_under_processes_at_once(blobs, tmp_path, processes):
    X, _ = blobs
    cls = FROM_AUTOENCODER[0]
    results = [tmp_path / f"{number}.npy" for number in range(4)]
    started = [
        processes.Process(
            target=fit_and_save, args=(cls, tmp_path / "cache", X, result)
        )
        for result in results
    ]
    for process in started:
        process.start()
    for process in started:
        process.join(120)
        assert process.exitcode == 0
    expected = tiny(cls).fit(X).transform(X)
    for result in results:
        np.testing.assert_array_equal(np.load(result), expected)


def test_memory__is_safe_under_threads_at_once(blobs, tmp_path):
    X, _ = blobs
    cls = FROM_AUTOENCODER[0]
    with ThreadPoolExecutor(4) as pool:
        fits = [
            pool.submit(tiny(cls, memory=str(tmp_path)).fit_transform, X)
            for _ in range(4)
        ]
    expected = tiny(cls).fit_transform(X)
    for fit in fits:
        np.testing.assert_array_equal(fit.result(), expected)


@each_clusterer
def test_memory__of_names_and_shapes_belongs_to_the_fit(cls, blobs, cached):
    X, _ = blobs
    cached(cls).fit(X.reshape(60, 2, 3))
    frame = pd.DataFrame(X, columns=[*"abcdef"])
    second = cached(cls).fit(frame)
    assert second.autoencoder_.image_shape_ is None
    np.testing.assert_array_equal(second.autoencoder_.feature_names_in_, [*"abcdef"])
    third = cached(cls).fit(X)
    assert not hasattr(third.autoencoder_, "feature_names_in_")


@each_clusterer
def test_memory_without_an_integer_seed__warns_and_trains(cls, blobs, stages, cached):
    X, _ = blobs
    for random_state in (None, np.random.RandomState(0)):
        with pytest.warns(UserWarning, match="integer random_state") as caught:
            cached(cls, random_state=random_state).fit(X)
        assert caught[0].filename == __file__
    assert stages.count("pretraining") == 2

    estimator = cached(cls, random_state=None, n_clusters=3)
    estimator.set_params(autoencoder__random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        estimator.fit(X)
        estimator.fit(X)
    assert stages.count("pretraining") == 3


@each_clusterer
def test_memory__of_a_network_that_cannot_be_pickled_raises(cls, blobs, stages, cached):
    network = lambda d, k: (nn.Linear(d, k), nn.Linear(k, d))  # noqa: E731
    with pytest.raises(ValueError, match="top of a module"):
        cached(cls).set_params(autoencoder__network=network).fit(blobs[0])
    assert stages == []
