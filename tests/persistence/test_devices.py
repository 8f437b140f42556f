"""Estimators that were fitted on a device which is not here."""

import warnings

import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator

from skdeepcluster import DECClustering
from skdeepcluster.persistence import _container, load, save
from tests._discovery import ESTIMATORS, TINY, assert_same_outputs, outputs, tiny

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)


@pytest.fixture
def from_elsewhere(blobs, path):
    """A file of an estimator that was fitted on a device which is not here."""

    def make(cls):
        frozen = FrozenEstimator(clone(TINY["autoencoder"]).fit(blobs[0]))
        estimator = tiny(cls, autoencoder=frozen).fit(blobs[0])
        save(estimator, path)
        description, arrays = _container.read(path)
        attributes = description["estimator"]["attributes"]
        attributes["device_"] = "cuda:99"
        if "autoencoder_" in attributes:
            part = attributes["autoencoder_"]["estimator"]
            part["attributes"]["device_"] = "cuda:99"
        _container.write(path, description, arrays)
        return estimator

    return make


@each_estimator
def test_missing_device__opens_on_the_cpu_with_one_warning(
    cls, blobs, path, from_elsewhere
):
    estimator = from_elsewhere(cls)
    with pytest.warns(UserWarning, match="'cuda:99', which is not") as caught:
        loaded = load(path)
    assert [warning.filename for warning in caught] == [__file__]
    assert loaded.device_ == getattr(loaded, "autoencoder_", loaded).device_ == "cpu"
    assert_same_outputs(outputs(loaded, blobs[0]), outputs(estimator, blobs[0]))


def test_device__is_the_one_asked_for(path, from_elsewhere):
    from_elsewhere(DECClustering)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(path, device="cpu").device_ == "cpu"
        assert load(path, device=torch.device("cpu")).device_ == "cpu"
    with pytest.raises(ValueError, match="'device' parameter is 'cuda:98'"):
        load(path, device="cuda:98")
