"""Bad input and bad parameters are noticed before any training."""

import math

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse
from sklearn.preprocessing import StandardScaler

from skdeepcluster.engine import Trainer
from skdeepcluster.utils import Integers, InvalidParameterError, Reals, TupleOf
from tests._discovery import (
    CLUSTERERS,
    ESTIMATORS,
    FROM_AUTOENCODER,
    METHODS,
    TOLD_HOW_MANY,
    outputs,
    parameter_names,
    tiny,
)

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_clusterer = pytest.mark.parametrize("cls", CLUSTERERS)
each_told_how_many = pytest.mark.parametrize("cls", TOLD_HOW_MANY)
each_from_autoencoder = pytest.mark.parametrize("cls", FROM_AUTOENCODER)


@pytest.fixture
def no_training(monkeypatch):
    def train(*args, **kwargs):
        pytest.fail("Training began.")

    monkeypatch.setattr(Trainer, "train", train)


# -- rows at fit -------------------------------------------------------------------


def changed(value):
    """Rows of which one entry has this value."""

    def make():
        X = np.arange(60.0).reshape(20, 3)
        X[7, 1] = value
        return X

    return make


class _NeitherArrayNorList:
    pass


BAD_ROWS = {
    "NaN": (changed(np.nan), "contains NaN"),
    "infinity": (changed(np.inf), "contains infinity"),
    "NaN in a CSR matrix": (lambda: sparse.csr_array(changed(np.nan)()), "NaN"),
    "NaN in a tensor": (lambda: torch.from_numpy(changed(np.nan)()), "NaN"),
    "NaN in pandas": (lambda: pd.DataFrame(changed(np.nan)()), "NaN"),
    "null in polars": (lambda: pl.DataFrame({"a": [1.0, None], "b": [1, 2]}), "NaN"),
    "NaN in images": (
        lambda: np.full((9, 2, 2), np.nan),
        "contains NaN",
    ),
    "None": (lambda: None, "Expected 2D array|NoneType"),
    "text": (lambda: np.full((20, 2), "abc"), "could not convert string|numeric"),
    "text in pandas": (
        lambda: pd.DataFrame({"a": ["x", "y"] * 5, "b": range(10)}),
        "could not convert string",
    ),
    "objects": (
        lambda: np.array([[_NeitherArrayNorList()] * 2] * 9),
        "must be a string or a real number|float\\(\\) argument",
    ),
    "no array at all": (_NeitherArrayNorList, "Expected 2D array|float\\(\\) argument"),
    "complex": (lambda: np.ones((20, 2), complex), "Complex data not supported"),
    "complex tensor": (
        lambda: torch.ones(20, 2, dtype=torch.complex64),
        "Complex data not supported",
    ),
    "ragged lists": (lambda: [[1.0, 2.0], [3.0]] * 5, "inhomogeneous|sequence"),
    "one dimension": (lambda: np.arange(20.0), "Expected 2D array, got 1D array"),
    "one dimension, tensor": (lambda: torch.arange(20.0), "Expected 2D array"),
    "a number": (lambda: 3.0, "Expected 2D array, got scalar array"),
    "no rows": (lambda: np.ones((0, 3)), r"Found array with 0 sample"),
    "no columns": (lambda: np.ones((20, 0)), r"Found array with 0 feature"),
    "empty list": (lambda: [], "Expected 2D array|Found array with 0 sample"),
    "no images": (lambda: np.ones((0, 4, 4)), r"Found array with 0 sample"),
    "images without pixels": (lambda: np.ones((9, 4, 0)), r"0 feature"),
}


@each_estimator
@pytest.mark.parametrize(
    ("make", "message"), BAD_ROWS.values(), ids=list(BAD_ROWS.keys())
)
def test_bad_rows__raise_before_training(cls, make, message, no_training):
    with pytest.raises((ValueError, TypeError), match=message):
        tiny(cls).fit(make())


@each_estimator
@pytest.mark.parametrize(
    "make",
    [changed(np.nan), lambda: pd.DataFrame({"a": ["x"] * 20})],
    ids=["NaN", "text"],
)
def test_what_preprocessing_cures__names_the_cure(cls, make):
    with pytest.raises(ValueError) as caught:
        tiny(cls).fit(make())
    assert any("SimpleImputer" in note for note in caught.value.__notes__)


@each_estimator
def test_columns_with_mixed_names__raise(cls, no_training):
    X = pd.DataFrame(np.ones((20, 2)), columns=["a", 1])
    with pytest.raises(TypeError, match="strings"):
        tiny(cls).fit(X)


@each_told_how_many
def test_one_row__raises_before_training(cls, no_training):
    with pytest.raises(ValueError, match="n_samples=1 should be >= n_clusters=2"):
        tiny(cls, n_clusters=2).fit(np.ones((1, 3)))


@each_told_how_many
def test_more_clusters_than_rows__raise_before_training(cls, no_training):
    with pytest.raises(ValueError, match="n_samples=60 should be >= n_clusters=61"):
        tiny(cls, n_clusters=61).fit(np.ones((60, 3)))


# -- rows after fit ----------------------------------------------------------------


each_method = pytest.mark.parametrize(
    ("cls", "method"),
    [(cls, name) for cls in ESTIMATORS for name in METHODS if hasattr(cls, name)],
)


@each_method
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[:, :5], "X has 5 features, but .* is expecting 6 features"),
        (lambda X: np.hstack([X, X]), "X has 12 features"),
        (lambda X: X[:, :5].tolist(), "X has 5 features"),
        (lambda X: sparse.csr_array(X[:, :5]), "X has 5 features"),
        (lambda X: X[0], "Expected 2D array, got 1D array"),
        (lambda X: X * np.nan, "NaN"),
        (lambda X: X * 1j, "Complex data not supported"),
        (lambda X: X[:0], "0 sample"),
        (lambda X: X.reshape(60, 2, 3), r"rows of shape \(2, 3\)"),
    ],
)
def test_bad_rows_after_fit__raise(cls, method, change, message, blobs):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    with pytest.raises(ValueError, match=message):
        getattr(estimator, method)(change(X))


@each_method
def test_images_of_another_shape__raise(cls, method, blobs):
    images = blobs[0].reshape(60, 2, 3)
    estimator = tiny(cls).fit(images)
    with pytest.raises(ValueError, match=r"rows of shape \(3, 2\).*fitted on \(2, 3\)"):
        getattr(estimator, method)(images.reshape(60, 3, 2))
    with pytest.raises(ValueError, match=r"rows of shape \(1, 2, 3\)"):
        getattr(estimator, method)(images[:, None])


@each_method
@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_shuffled_columns__raise(cls, method, frame, blobs):
    names = [*"abcdef"]
    X = frame(dict(zip(names, blobs[0].T, strict=True)))
    if not hasattr(StandardScaler().fit(X), "feature_names_in_"):
        pytest.skip("this scikit-learn does not know the names of such a frame")
    estimator = tiny(cls).fit(X)
    getattr(estimator, method)(X)
    with pytest.raises(ValueError, match="must be in the same order"):
        getattr(estimator, method)(X[names[::-1]])
    renamed = frame(dict(zip("abcdeg", blobs[0].T, strict=True)))
    with pytest.raises(ValueError, match="Feature names unseen at fit time"):
        getattr(estimator, method)(renamed)


@each_estimator
def test_rows_in_reverse__give_the_results_in_reverse(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    forward, backward = outputs(estimator, X), outputs(estimator, X[::-1])
    for name in forward.keys() - {"score"}:
        np.testing.assert_allclose(
            backward[name], forward[name][::-1], rtol=1e-4, atol=1e-5
        )


@each_estimator
def test_integers_after_fit_on_floats__mean_the_same(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    rows = np.arange(12).reshape(2, 6) + 100
    expected = outputs(estimator, rows.astype(float))
    for dtype in (np.uint8, np.int8, np.int64, np.float32):
        for name, value in outputs(estimator, rows.astype(dtype)).items():
            np.testing.assert_array_equal(value, expected[name])


@each_estimator
def test_booleans__are_zeros_and_ones(cls):
    X = np.random.default_rng(0).random((60, 5)) < 0.4
    one, other = tiny(cls).fit(X), tiny(cls).fit(X.astype(int))
    for name, value in outputs(one, X).items():
        np.testing.assert_array_equal(value, outputs(other, X * 1)[name])


# -- parameters --------------------------------------------------------------------


def wrong_values(rules):
    """Values of wrong type, and values just outside of each declared range."""
    accepts_text = str in rules
    yield object()
    if not accepts_text:
        yield from ("no such option", "8", b"auto")
    for rule in rules:
        if isinstance(rule, TupleOf):
            yield from ((value,) for value in wrong_numbers(rule.entries))
        elif isinstance(rule, (Integers, Reals)):
            yield from wrong_numbers(rule)


def wrong_numbers(rule):
    yield from (math.nan, math.inf, -math.inf, 1j, np.array([1, 2]), [])
    if isinstance(rule, Integers):
        yield 2.5
        outside = (rule.low - 1, rule.high + 1)
    else:
        below = rule.low - 1 if rule.closed in ("both", "left") else rule.low
        above = rule.high + 1 if rule.closed in ("both", "right") else rule.high
        outside = (below, above)
    yield from (value for value in outside if math.isfinite(value))


def all_wrong_values():
    for cls in ESTIMATORS:
        for name, rules in cls._parameter_rules.items():
            if object in rules:  # what counts here is what the value can do
                continue
            for value in wrong_values(rules):
                yield pytest.param(cls, name, value, id=f"{cls.__name__}-{name}")


@pytest.mark.parametrize(("cls", "name", "value"), list(all_wrong_values()))
def test_wrong_parameter__raises_before_training(cls, name, value, blobs, no_training):
    estimator = tiny(cls).set_params(**{name: value})
    with pytest.raises(InvalidParameterError, match=f"The '{name}' parameter of "):
        estimator.fit(blobs[0])


@pytest.mark.parametrize("value", [True, False])
@each_estimator
def test_booleans_are_not_numbers(cls, value, blobs, no_training):
    name = "batch_size" if "batch_size" in parameter_names(cls) else "n_init"
    with pytest.raises(InvalidParameterError, match=f"{name}.*Got (True|False)"):
        tiny(cls, **{name: value}).fit(blobs[0])


@each_estimator
def test_numpy_numbers__are_numbers(cls, blobs):
    X, _ = blobs
    plain = tiny(cls, batch_size=16, random_state=3).fit(X)
    of_numpy = tiny(cls, batch_size=np.int64(16), random_state=np.uint8(3)).fit(X)
    np.testing.assert_array_equal(plain.transform(X), of_numpy.transform(X))


@each_estimator
@pytest.mark.parametrize("device", ["no such device", "cuda:99", ""])
def test_unknown_device__raises_before_training(cls, device, blobs, no_training):
    with pytest.raises(ValueError, match="'device' parameter"):
        tiny(cls, device=device).fit(blobs[0])


@each_from_autoencoder
@pytest.mark.parametrize("memory", [3, object()])
def test_wrong_memory__raises_before_training(cls, memory, blobs, no_training):
    with pytest.raises((ValueError, TypeError), match="'memory'"):
        tiny(cls, memory=memory).fit(blobs[0])


@each_told_how_many
@pytest.mark.parametrize("n_clusters", [0, -1, 2.5, 8.0, "8", None, True, [3], 1e9])
def test_wrong_n_clusters__raises_before_training(cls, n_clusters, blobs, no_training):
    with pytest.raises(InvalidParameterError, match="The 'n_clusters' parameter"):
        tiny(cls, n_clusters=n_clusters).fit(blobs[0])


@each_from_autoencoder
def test_wrong_parameter_of_the_sub_estimator__raises_before_training(
    cls, blobs, no_training
):
    estimator = tiny(cls).set_params(autoencoder__n_components=0)
    with pytest.raises(InvalidParameterError, match="n_components"):
        estimator.fit(blobs[0])


@each_estimator
def test_unknown_parameter__raises(cls):
    with pytest.raises(ValueError, match="Invalid parameter 'epochs'"):
        tiny(cls).set_params(epochs=3)
    assert "epochs" not in parameter_names(cls)
