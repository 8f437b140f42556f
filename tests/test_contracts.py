"""What every public estimator promises, found by discovery."""

import copy
import pickle
import random
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from tests._discovery import (
    ESTIMATORS,
    FROM_AUTOENCODER,
    METHODS,
    TRAINED,
    assert_same_outputs,
    outputs,
    set_training,
    tiny,
)

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_trained = pytest.mark.parametrize("cls", TRAINED)
each_from_autoencoder = pytest.mark.parametrize("cls", FROM_AUTOENCODER)

# -- randomness --------------------------------------------------------------------


def global_states():
    return (
        random.getstate(),
        np.random.get_state(),  # noqa: NPY002
        torch.get_rng_state().numpy(),
    )


@each_estimator
def test_same_seed__same_result(cls, blobs):
    X, _ = blobs
    first, second = tiny(cls).fit(X), tiny(cls).fit(X)
    assert_same_outputs(outputs(first, X), outputs(second, X))


@each_estimator
def test_fit_again__same_result(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    first = outputs(estimator, X)
    assert_same_outputs(first, outputs(estimator.fit(X), X))


@each_estimator
def test_other_seed__other_result(cls, blobs):
    X, _ = blobs
    first, second = tiny(cls).fit(X), tiny(cls, random_state=1).fit(X)
    assert not np.array_equal(first.transform(X), second.transform(X))


@each_estimator
@pytest.mark.parametrize("make", [lambda: None, lambda: np.random.RandomState(0)])
def test_no_integer_seed__two_fits_differ(cls, make, blobs):
    X, _ = blobs
    estimator = tiny(cls, random_state=make())
    first = estimator.fit(X).transform(X)
    assert not np.array_equal(first, estimator.fit(X).transform(X))


@each_estimator
def test_random_state_instance__is_reproducible(cls, blobs):
    X, _ = blobs
    first = tiny(cls, random_state=np.random.RandomState(3)).fit(X)
    second = tiny(cls, random_state=np.random.RandomState(3)).fit(X)
    assert_same_outputs(outputs(first, X), outputs(second, X))


@each_estimator
@pytest.mark.parametrize("random_state", [None, 0])
def test_global_random_state__is_left_alone(cls, random_state, blobs):
    X, _ = blobs
    before = global_states()
    outputs(tiny(cls, random_state=random_state).fit(X), X)
    for state, state_before in zip(global_states(), before, strict=True):
        np.testing.assert_equal(state, state_before)


@each_estimator
def test_global_random_state__is_not_read(cls, blobs):
    X, _ = blobs
    first = outputs(tiny(cls).fit(X), X)
    before = global_states()
    try:
        random.seed(7)
        np.random.seed(7)  # noqa: NPY002
        torch.manual_seed(7)
        second = outputs(tiny(cls).fit(X), X)
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002
        torch.set_rng_state(torch.from_numpy(before[2]))
    assert_same_outputs(first, second)


# -- threads -----------------------------------------------------------------------


@each_estimator
def test_two_fits_in_two_threads__equal_two_in_sequence(cls, blobs):
    X, _ = blobs
    seeds = [0, 1]

    def fit(seed):
        return tiny(cls, random_state=seed, max_epochs=10).fit(X)

    in_sequence = [fit(seed) for seed in seeds]
    with ThreadPoolExecutor(2) as pool:
        in_threads = list(pool.map(fit, seeds))
    for one, other in zip(in_sequence, in_threads, strict=True):
        assert_same_outputs(outputs(one, X), outputs(other, X))


@each_estimator
def test_eight_threads_predict_with_one_estimator(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    expected = outputs(estimator, X)
    with ThreadPoolExecutor(8) as pool:
        for result in pool.map(lambda _: outputs(estimator, X), range(16)):
            assert_same_outputs(result, expected)


# -- parameters and state ----------------------------------------------------------


@each_trained
def test_set_params_after_construction__is_honoured(cls, blobs):
    X, _ = blobs
    constructed = tiny(cls, max_epochs=3, random_state=4).fit(X)
    changed = tiny(cls, max_epochs=1, random_state=0)
    changed.set_params(max_epochs=3, random_state=4).fit(X)
    assert_same_outputs(outputs(constructed, X), outputs(changed, X))


@each_from_autoencoder
def test_set_params_of_the_sub_estimator__is_honoured(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls).set_params(autoencoder__n_components=2).fit(X)
    assert estimator.transform(X).shape == (60, 2)


@each_estimator
def test_fit__changes_no_parameter(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls)
    before = estimator.get_params()
    values = {name: repr(value) for name, value in before.items()}
    estimator.fit(X)
    after = estimator.get_params()
    assert all(after[name] is before[name] for name in before)
    assert {name: repr(value) for name, value in after.items()} == values
    if "autoencoder" in before:
        assert not hasattr(estimator.autoencoder, "model_")


@each_estimator
def test_methods_after_fit__change_no_state(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    names, before = set(vars(estimator)), joblib.hash(estimator)
    outputs(estimator, X)
    assert set(vars(estimator)) == names
    assert joblib.hash(estimator) == before


@each_estimator
def test_fitted_again_on_other_columns__forgets_the_first_fit(cls, blobs):
    X, _ = blobs
    fresh = tiny(cls).fit(X[:, :3])
    used = tiny(cls).fit(pd.DataFrame(X).rename(columns=str)).fit(X[:, :3])
    assert_same_outputs(outputs(fresh, X[:, :3]), outputs(used, X[:, :3]))
    assert not hasattr(used, "feature_names_in_")


@pytest.mark.parametrize(
    ("cls", "method"),
    [
        (cls, method)
        for cls in ESTIMATORS
        for method in (*METHODS, "inverse_transform")
        if hasattr(cls, method)
    ],
)
def test_unfitted__raises_not_fitted_error(cls, method, blobs):
    X, _ = blobs
    with pytest.raises(NotFittedError):
        getattr(tiny(cls), method)(X)


# -- pickling ----------------------------------------------------------------------


def _pickled(estimator, path):
    return pickle.loads(pickle.dumps(estimator))


def _joblib(estimator, path):
    joblib.dump(estimator, path)
    return joblib.load(path)


def _joblib_memory_mapped(estimator, path):
    joblib.dump(estimator, path)
    return joblib.load(path, mmap_mode="r")


@each_estimator
@pytest.mark.parametrize(
    "round_trip", [_pickled, _joblib, _joblib_memory_mapped, lambda e, _: copy.copy(e)]
)
def test_round_trip(cls, round_trip, blobs, tmp_path):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    loaded = round_trip(estimator, tmp_path / "estimator.joblib")
    assert loaded.device_ == estimator.device_ == "cpu"
    assert loaded.history_ == estimator.history_
    assert_same_outputs(outputs(loaded, X), outputs(estimator, X))
    # What was loaded can be fitted anew.
    assert_same_outputs(outputs(clone(loaded).fit(X), X), outputs(estimator, X))


@each_estimator
def test_unfitted__round_trip(cls):
    estimator = tiny(cls)
    loaded = pickle.loads(pickle.dumps(estimator))
    assert repr(loaded.get_params()) == repr(estimator.get_params())


@each_estimator
def test_pickle__holds_no_tensor(cls, blobs):
    X, _ = blobs
    state = tiny(cls).fit(X).__getstate__()
    assert all(type(w) is np.ndarray for w in state["model_"]["weights"].values())
    for name, value in state.items():
        assert not isinstance(value, (torch.Tensor, torch.nn.Module)), name


@each_estimator
def test_pickle_from_a_missing_device__loads_on_the_cpu_with_a_warning(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    state = estimator.__getstate__()
    state["device_"] = "cuda:99"
    loaded = cls()
    with pytest.warns(UserWarning, match="'cuda:99', which is not available"):
        loaded.__setstate__(state)
    assert loaded.device_ == "cpu"
    assert_same_outputs(outputs(loaded, X), outputs(estimator, X))


@each_estimator
def test_fit_that_fails__leaves_nothing_fitted(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    set_training(estimator, optimizer="sgd", learning_rate=1e300)
    with pytest.raises(ValueError, match="learning_rate"):
        estimator.fit(1000 * X)
    with pytest.raises(NotFittedError):
        estimator.transform(X)
