"""pickle, joblib and skops: whole estimators, with the tools of others."""

import pickle

import joblib
import pytest
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import Autoencoder
from tests._discovery import (
    ESTIMATORS,
    FROM_AUTOENCODER,
    assert_same_outputs,
    outputs,
    tiny,
)

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_from_autoencoder = pytest.mark.parametrize("cls", FROM_AUTOENCODER)


@each_estimator
def test_memory_mapped__can_be_fitted_and_saved_again(cls, blobs, tmp_path):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    joblib.dump(estimator, tmp_path / "first")
    loaded = joblib.load(tmp_path / "first", mmap_mode="r")
    joblib.dump(loaded, tmp_path / "second")
    again = joblib.load(tmp_path / "second", mmap_mode="r")
    assert_same_outputs(outputs(again, X), outputs(estimator, X))
    assert_same_outputs(outputs(again.fit(X), X), outputs(estimator, X))


@each_from_autoencoder
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pipeline_with_a_frozen_part__every_protocol(cls, protocol, blobs):
    X, _ = blobs
    scaler = StandardScaler().fit(X)
    frozen = FrozenEstimator(tiny(Autoencoder).fit(scaler.transform(X)))
    pipeline = make_pipeline(scaler, tiny(cls, autoencoder=frozen)).fit(X)
    loaded = pickle.loads(pickle.dumps(pipeline, protocol=protocol))
    assert_same_outputs(outputs(loaded, X), outputs(pipeline, X))


# -- skops -------------------------------------------------------------------------


def trusted_names(estimator):
    """The class of the estimator and that of its part: nothing else of this package."""
    classes = {type(estimator), type(getattr(estimator, "autoencoder_", estimator))}
    classes |= {type(part) for part in getattr(estimator, "autoencoders_", ())}
    return sorted(f"{cls.__module__}.{cls.__qualname__}" for cls in classes)


@each_estimator
def test_skops__asks_to_trust_our_classes_only(cls, blobs, tmp_path):
    sio = pytest.importorskip("skops.io")
    X, _ = blobs
    path = tmp_path / "estimator.skops"
    estimator = tiny(cls).fit(X)
    sio.dump(estimator, path)
    assert sio.get_untrusted_types(file=path) == trusted_names(estimator)
    loaded = sio.load(path, trusted=trusted_names(estimator))
    assert loaded.history_ == estimator.history_
    assert_same_outputs(outputs(loaded, X), outputs(estimator, X))
    assert_same_outputs(outputs(loaded.fit(X), X), outputs(estimator, X))
    with pytest.raises(sio.exceptions.UntrustedTypesFoundException):
        sio.load(path)


@each_from_autoencoder
def test_skops__of_a_pipeline_with_a_frozen_part(cls, blobs):
    sio = pytest.importorskip("skops.io")
    X, _ = blobs
    frozen = FrozenEstimator(tiny(Autoencoder).fit(X))
    pipeline = make_pipeline(StandardScaler(), tiny(cls, autoencoder=frozen)).fit(X)
    data, trusted = sio.dumps(pipeline), trusted_names(pipeline[-1])
    assert sio.get_untrusted_types(data=data) == trusted
    loaded = sio.loads(data, trusted=trusted)
    assert_same_outputs(outputs(loaded, X), outputs(pipeline, X))
