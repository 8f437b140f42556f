"""One file for a fitted estimator: what comes back, and what is refused."""

import os
import pickle
import sys
import warnings
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from safetensors import safe_open
from sklearn.base import BaseEstimator, clone
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import Autoencoder, DECClustering, VaDEClustering
from skdeepcluster.persistence import load, save
from skdeepcluster.utils import InvalidParameterError
from tests._discovery import (
    CLUSTERERS,
    ESTIMATORS,
    FROM_AUTOENCODER,
    TINY,
    TOLD_HOW_MANY,
    assert_same_outputs,
    outputs,
    tiny,
)

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_clusterer = pytest.mark.parametrize("cls", CLUSTERERS)
each_told_how_many = pytest.mark.parametrize("cls", TOLD_HOW_MANY)
each_from_autoencoder = pytest.mark.parametrize("cls", FROM_AUTOENCODER)


@pytest.fixture
def round_trip(path):
    def save_and_load(estimator):
        save(estimator, path)
        return load(path)

    return save_and_load


def assert_same_state(first, second):
    """Attributes of the same names, types and values, down to those of parts."""
    assert type(first) is type(second)
    first, second = vars(first), vars(second)
    assert first.keys() == second.keys()
    for name, value in first.items():
        other = second[name]
        assert type(other) is type(value), name
        if isinstance(value, BaseEstimator):
            assert_same_state(value, other)
        elif name == "autoencoders_":
            for part, of_other in zip(value, other, strict=True):
                assert_same_state(part, of_other)
        elif isinstance(value, torch.nn.Module):
            assert other.config == value.config
            assert not other.training
        elif isinstance(value, np.ndarray):
            assert value.dtype == other.dtype, name
            np.testing.assert_array_equal(value, other)
        else:
            assert value == other, name


# -- what comes back ---------------------------------------------------------------


@each_estimator
def test_everything_comes_back(cls, blobs, round_trip):
    X = pd.DataFrame(blobs[0]).rename(columns=str)
    estimator = tiny(cls, n_clusters=3).fit(X)
    loaded = round_trip(estimator)
    assert_same_outputs(outputs(loaded, X), outputs(estimator, X))
    assert_same_state(loaded, estimator)
    assert repr(loaded.get_params()) == repr(estimator.get_params())


@each_estimator
def test_loaded__can_be_cloned_fitted_pickled_and_saved(cls, blobs, round_trip):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    expected = outputs(estimator, X)
    loaded = round_trip(estimator)
    assert_same_outputs(outputs(round_trip(loaded), X), expected)
    assert_same_outputs(outputs(pickle.loads(pickle.dumps(loaded)), X), expected)
    assert_same_outputs(outputs(clone(loaded).fit(X), X), expected)
    assert_same_outputs(outputs(loaded.fit(X), X), expected)


@each_estimator
def test_images__keep_their_shape(cls, blobs, round_trip):
    images = blobs[0].reshape(60, 2, 3)
    estimator = tiny(cls).fit(images)
    loaded = round_trip(estimator)
    assert loaded.image_shape_ == (2, 3)
    assert_same_outputs(outputs(loaded, images), outputs(estimator, images))


@pytest.mark.parametrize(
    "changes",
    [
        {"linear_path": False, "hidden_layer_sizes": [16, 8]},
        {"linear_path": False, "layerwise": True, "hidden_layer_sizes": (16,)},
        {"hidden_layer_sizes": (), "batch_size": np.int64(16)},
        {"n_components": 1, "corruption": np.float64(0.1)},
    ],
)
def test_parameters_and_architectures(changes, blobs, round_trip):
    estimator = tiny(Autoencoder).set_params(**changes).fit(blobs[0])
    loaded = round_trip(estimator)
    assert loaded.get_params() == estimator.get_params()
    assert type(loaded.hidden_layer_sizes) is type(estimator.hidden_layer_sizes)
    np.testing.assert_array_equal(
        loaded.inverse_transform(loaded.transform(blobs[0])),
        estimator.inverse_transform(estimator.transform(blobs[0])),
    )


@pytest.mark.parametrize("cls", [VaDEClustering, Autoencoder])
def test_bernoulli_likelihood__keeps_its_scale(cls, blobs, round_trip):
    X = np.abs(blobs[0])
    estimator = tiny(cls, likelihood="bernoulli").fit(X)
    loaded = round_trip(estimator)
    assert loaded.score(X) == estimator.score(X)
    Z = estimator.transform(X)
    np.testing.assert_array_equal(
        loaded.inverse_transform(Z), estimator.inverse_transform(Z)
    )


@each_estimator
def test_warm_start__goes_on_from_what_was_loaded(cls, blobs, round_trip):
    X, _ = blobs
    estimator = tiny(cls, n_clusters=3, warm_start=True).fit(X)
    loaded = round_trip(estimator)
    assert_same_outputs(outputs(loaded.fit(X), X), outputs(estimator.fit(X), X))


@each_told_how_many
def test_clusters_that_were_dropped__stay_away(cls, round_trip):
    X = np.repeat(np.eye(3), 10, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = tiny(cls, n_clusters=8).fit(X)
    loaded = round_trip(estimator)
    assert loaded.n_clusters_ == estimator.n_clusters_ < loaded.n_clusters == 8
    assert_same_outputs(outputs(loaded, X), outputs(estimator, X))


@each_from_autoencoder
def test_frozen_parameter(cls, blobs, round_trip):
    X, _ = blobs
    autoencoder = clone(TINY["autoencoder"]).fit(X)
    estimator = tiny(cls, autoencoder=FrozenEstimator(autoencoder)).fit(X)
    loaded = round_trip(estimator)
    assert isinstance(loaded.autoencoder, FrozenEstimator)
    frozen = loaded.autoencoder.estimator
    assert_same_outputs(outputs(frozen, X), outputs(autoencoder, X))
    # It is as frozen as it was: a new fit starts from it.
    assert_same_outputs(outputs(loaded.fit(X), X), outputs(estimator, X))


@each_from_autoencoder
def test_no_autoencoder_given(cls, blobs, round_trip):
    short = blobs[0][::4]
    estimator = tiny(cls, n_clusters=3, autoencoder=None).fit(short)
    loaded = round_trip(estimator)
    assert loaded.autoencoder is None
    assert_same_outputs(outputs(loaded, short), outputs(estimator, short))


@each_estimator
def test_output_container__comes_back(cls, blobs, round_trip):
    X, _ = blobs
    estimator = tiny(cls).fit(X).set_output(transform="pandas")
    loaded = round_trip(estimator)
    pd.testing.assert_frame_equal(loaded.transform(X), estimator.transform(X))


def test_device_as_parameter(blobs, round_trip):
    estimator = tiny(DECClustering, device=torch.device("cpu")).fit(blobs[0])
    assert round_trip(estimator).device == torch.device("cpu")


@each_estimator
def test_folders_of_this_machine__do_not_travel(cls, blobs, tmp_path, round_trip):
    known = {"checkpoint": tmp_path / "here", "memory": joblib.Memory(tmp_path / "m")}
    estimator = tiny(cls, **known).fit(blobs[0])
    loaded = round_trip(estimator)
    assert loaded.checkpoint is None
    assert getattr(loaded, "memory", None) is None
    assert estimator.checkpoint == tmp_path / "here"
    content = (tmp_path / "estimator.safetensors").read_bytes()
    assert str(tmp_path).encode() not in content


@each_estimator
def test_random_state_instance__becomes_none_with_one_warning(cls, blobs, path):
    estimator = tiny(cls, random_state=np.random.RandomState(0)).fit(blobs[0])
    with pytest.warns(UserWarning, match="RandomState") as caught:
        save(estimator, path)
    assert [warning.filename for warning in caught] == [__file__]
    assert load(path).random_state is None


@each_estimator
def test_load__leaves_global_states_alone(cls, blobs, round_trip):
    estimator = tiny(cls).fit(blobs[0])
    before = torch.get_rng_state(), np.random.get_state()  # noqa: NPY002
    round_trip(estimator)
    np.testing.assert_equal(np.random.get_state(), before[1])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[0])


# -- the file ----------------------------------------------------------------------


def test_file__can_be_read_without_this_package(blobs, path):
    estimator = tiny(DECClustering).fit(blobs[0])
    save(estimator, path)
    with safe_open(path, framework="numpy") as file:
        np.testing.assert_array_equal(file.get_tensor("labels_"), estimator.labels_)
        assert "autoencoder_.model_.encoder.linear.weight" in file.keys()  # noqa: SIM118
        assert '"versions": {"skdeepcluster":' in file.metadata()["skdeepcluster"]


@pytest.mark.parametrize("kind", [str, Path])
def test_path__of_any_kind(kind, blobs, path):
    save(tiny(Autoencoder).fit(blobs[0]), kind(path))
    assert load(kind(path)).n_components_ == 4


def test_killed_before_the_new_file_takes_its_place(blobs, path, monkeypatch):
    X, _ = blobs
    first = tiny(Autoencoder).fit(X)
    save(first, path)

    def killed(source, destination):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            save(tiny(Autoencoder, random_state=1).fit(X), path)
    assert list(path.parent.iterdir()) == [path]
    assert_same_outputs(outputs(load(path), X), outputs(first, X))


def test_refused_estimator__leaves_the_file_before(blobs, path):
    save(tiny(Autoencoder).fit(blobs[0]), path)
    before = path.read_bytes()
    with pytest.raises(NotFittedError):
        save(tiny(Autoencoder), path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("call", [lambda path: save(tiny(Autoencoder), path), load])
def test_without_safetensors__the_error_names_the_extra(call, path, monkeypatch, blobs):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    monkeypatch.setattr(Autoencoder, "__sklearn_is_fitted__", lambda self: True)
    with pytest.raises(ImportError, match="extra 'save'"):
        call(path)


# -- what is refused ---------------------------------------------------------------


def test_unfitted__raises(path):
    with pytest.raises(NotFittedError):
        save(tiny(Autoencoder), path)
    assert not path.exists()


class _OfUser(Autoencoder):
    pass


@pytest.mark.parametrize(
    "estimator",
    [
        KMeans(2, n_init=1),
        make_pipeline(StandardScaler(), TINY["autoencoder"]),
        _OfUser(max_epochs=0),
        FrozenEstimator(TINY["autoencoder"]),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_other_estimators__are_refused_by_name(estimator, blobs, path):
    estimator = clone(estimator)
    if not isinstance(estimator, FrozenEstimator):
        estimator.fit(blobs[0])
    with pytest.raises(TypeError, match=f"Got {type(estimator).__name__}: of a Pipe"):
        save(estimator, path)


def test_parameter_out_of_range__is_refused(blobs, path):
    estimator = tiny(Autoencoder).fit(blobs[0]).set_params(batch_size=-1)
    with pytest.raises(InvalidParameterError, match="'batch_size' parameter"):
        save(estimator, path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("history_", [{"loss": float("nan")}], r"history_\.0\.loss is nan"),
        ("scale_", float("inf"), "scale_ is inf"),
        ("center_", np.full(6, np.nan), "center_ holds numbers that are not finite"),
        ("center_", np.array([object()]), "center_ has the dtype object"),
        ("note_", {1, 2}, "note_ is a set, which save cannot keep"),
    ],
)
def test_attribute_that_no_file_can_hold__is_named(name, value, message, blobs, path):
    estimator = tiny(Autoencoder).fit(blobs[0])
    setattr(estimator, name, value)
    with pytest.raises((TypeError, ValueError), match=message):
        save(estimator, path)


def test_weights_that_are_not_finite__are_refused(blobs, path):
    estimator = tiny(Autoencoder).fit(blobs[0])
    with torch.no_grad():
        estimator.model_.encoder.linear.weight[0, 0] = torch.inf
    with pytest.raises(ValueError, match=r"model_\.encoder\.linear\.weight holds"):
        save(estimator, path)
