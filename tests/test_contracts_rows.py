"""What rows mean to every public estimator, in whatever form they come."""

import copy

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse

from skdeepcluster import CMSCDCCAClustering
from skdeepcluster.engine import Group, Trainer
from skdeepcluster.engine._batches import batch_bounds, shared_bounds
from skdeepcluster.utils import row_blocks
from tests._discovery import (
    CLUSTERERS,
    ESTIMATORS,
    assert_same_outputs,
    outputs,
    parameter_names,
    tiny,
)

# Stages of which a step is of all rows by nature; `batch_size` is of those before.
OF_ALL_ROWS = {(CMSCDCCAClustering, "clustering")}

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_clusterer = pytest.mark.parametrize("cls", CLUSTERERS)


@each_clusterer
def test_labels__equal_predict_and_fit_predict(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls, n_clusters=3)
    labels = estimator.fit_predict(X)
    np.testing.assert_array_equal(labels, estimator.labels_)
    if hasattr(estimator, "predict"):  # else of the training rows alone
        np.testing.assert_array_equal(labels, estimator.predict(X))
    if hasattr(estimator, "predict_proba"):
        by_proba = estimator.predict_proba(X).argmax(axis=1)
        np.testing.assert_array_equal(labels, by_proba)
    assert labels.dtype == np.int64
    assert sorted(set(labels)) == list(range(estimator.n_clusters_))


@each_estimator
def test_fit_transform__equals_transform(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls)
    Z = estimator.fit_transform(X)
    np.testing.assert_array_equal(Z, estimator.transform(X))
    assert Z.dtype == np.float32
    assert Z.shape == (60, estimator.n_components_)


@each_estimator
def test_predictions__do_not_depend_on_the_other_rows(cls, blobs):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    Z, order = estimator.transform(X), np.random.default_rng(0).permutation(60)
    np.testing.assert_allclose(estimator.transform(X[order]), Z[order], atol=1e-5)
    np.testing.assert_allclose(estimator.transform(X[:1]), Z[:1], atol=1e-5)


FORMS = {
    "uint8": lambda X: X.astype(np.uint8),
    "int16": lambda X: X.astype(np.int16),
    "int64": lambda X: X.astype(np.int64),
    "uint64": lambda X: X.astype(np.uint64),
    "float16": lambda X: X.astype(np.float16),
    "float32": lambda X: X.astype(np.float32),
    "big-endian": lambda X: X.astype(">f8"),
    "object": lambda X: X.astype(object),
    "Fortran": lambda X: np.asfortranarray(X, dtype=np.float64),
    "every other column": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "negative strides": lambda X: X[::-1, ::-1].copy()[::-1, ::-1],
    "read-only": lambda X: np.frombuffer(X.astype("f8").tobytes()).reshape(X.shape),
    "list": lambda X: X.tolist(),
    "CSR matrix": lambda X: sparse.csr_matrix(X),
    "CSR array of uint8": lambda X: sparse.csr_array(X.astype(np.uint8)),
    "CSC array": lambda X: sparse.csc_array(X.astype(np.float32)),
    "tensor": lambda X: torch.tensor(X, dtype=torch.float32),
    "tensor of uint8": lambda X: torch.tensor(X, dtype=torch.uint8),
    "tensor of bfloat16": lambda X: torch.tensor(X, dtype=torch.bfloat16),
    "tensor with gradient": lambda X: torch.tensor(X, dtype=torch.float64).mul(
        torch.ones((), dtype=torch.float64, requires_grad=True)
    ),
    "pandas": lambda X: pd.DataFrame(X),
    "pandas with dtypes": lambda X: pd.DataFrame(X.astype(np.int16), dtype="Int16"),
    "polars": lambda X: pl.DataFrame(X),
}


@pytest.fixture(scope="module")
def known():
    """What tests found out for those after them."""
    return {}


@each_estimator
@pytest.mark.filterwarnings("ignore:X (has|does not have).*feature names:UserWarning")
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_form_of_X__changes_nothing(cls, form, whole_numbers, known):
    X = whole_numbers.astype(np.float64)
    if cls not in known:
        expected = tiny(cls).fit(X)
        known[cls] = expected, outputs(expected, X)
    expected, results = known[cls]
    # At prediction, then at fit.
    assert_same_outputs(outputs(expected, form(whole_numbers)), results)
    fitted = tiny(cls).fit(form(whole_numbers))
    assert_same_outputs(outputs(fitted, X), results)


@each_estimator
def test_sparse_rows__equal_dense_ones(cls):
    rng = np.random.default_rng(0)
    X = np.where(rng.random((60, 30)) < 0.1, rng.normal(size=(60, 30)), 0.0)
    dense, csr = tiny(cls).fit(X), tiny(cls).fit(sparse.csr_array(X))
    assert_same_outputs(outputs(dense, X), outputs(csr, sparse.csr_array(X)))


@each_estimator
@pytest.mark.parametrize("resident", [True, False])
def test_memory_map__equals_array(cls, resident, blobs, tmp_path, monkeypatch):
    X, _ = blobs
    if not resident:
        read_in_windows(monkeypatch)
    expected = outputs(tiny(cls).fit(X), X)
    X.tofile(tmp_path / "rows")
    mapped = np.memmap(tmp_path / "rows", dtype=X.dtype, mode="r", shape=X.shape)
    assert_same_outputs(outputs(tiny(cls).fit(mapped), mapped), expected)


@each_estimator
def test_sparse_rows_that_are_not_resident__equal_dense_ones(cls, blobs, monkeypatch):
    X, _ = blobs
    read_in_windows(monkeypatch)
    expected = outputs(tiny(cls).fit(X), X)
    assert_same_outputs(outputs(tiny(cls).fit(sparse.csr_array(X)), X), expected)


class Lazy:
    """No more than what is asked of arrays that stay where they are."""

    def __init__(self, X):
        self.X, self.shape, self.dtype = X, X.shape, X.dtype
        self.longest = 0

    def __getitem__(self, rows):
        assert isinstance(rows, slice)
        block = self.X[rows]
        self.longest = max(self.longest, len(block))
        return block.tolist()


@each_estimator
@pytest.mark.parametrize("shape", [(60, 6), (60, 3, 2)])
def test_row_source__equals_array(cls, shape, blobs, monkeypatch):
    X = blobs[0].reshape(shape)
    read_in_windows(monkeypatch)
    array = tiny(cls).fit(X)
    source = Lazy(X)
    lazy = tiny(cls).fit(source)
    assert_same_outputs(outputs(lazy, Lazy(X)), outputs(array, X))
    assert lazy.n_features_in_ == 6
    assert lazy.image_shape_ == array.image_shape_
    assert source.longest < 60  # never all rows at once


@each_estimator
def test_row_source__bad_values_are_refused(cls, blobs, monkeypatch):
    read_in_windows(monkeypatch)
    X = blobs[0].copy()
    X[41, 2] = np.nan
    with pytest.raises(ValueError, match="contains NaN"):
        tiny(cls).fit(Lazy(X))
    with pytest.raises(ValueError, match="real numbers. Got dtype complex128"):
        tiny(cls).fit(Lazy(X.astype(complex)))
    fitted = tiny(cls).fit(Lazy(blobs[0]))
    with pytest.raises(ValueError, match="expecting 6 features"):
        fitted.transform(Lazy(blobs[0][:, :5]))


def read_in_windows(monkeypatch):
    """As if the rows were too many to be kept, in blocks of four of them."""
    monkeypatch.setattr("skdeepcluster.engine._rows.RESIDENT_BYTES", 0)
    monkeypatch.setattr("skdeepcluster.engine._rows.BLOCK_BYTES", 4 * 6 * 4)
    monkeypatch.setattr("skdeepcluster.engine._rows.WINDOW_BYTES", 4 * 6 * 16)
    for room in (
        "base._input",
        "base._fingerprint",
        "utils._validation",
        "cluster._shared._base",
        "representation._belief",
        "representation._views",
    ):
        monkeypatch.setattr(f"skdeepcluster.{room}.row_blocks", small_blocks)
    monkeypatch.setattr("skdeepcluster.engine._batches.INFERENCE_VALUES", 1)
    monkeypatch.setattr("skdeepcluster.engine._batches.SMALLEST_BLOCK", 16)


def small_blocks(X):
    return row_blocks(X, block_bytes=8 * 6 * 10)


@each_estimator
@pytest.mark.parametrize(
    "method", ["transform", "predict", "predict_proba", "center_distances"]
)
def test_out__is_filled_and_returned(cls, method, blobs, tmp_path):
    X, _ = blobs
    estimator = tiny(cls).fit(X)
    if not hasattr(estimator, method):
        pytest.skip(f"{cls.__name__} has no {method}")
    expected = getattr(estimator, method)(X)
    out = np.memmap(
        tmp_path / "out", dtype=expected.dtype, mode="w+", shape=expected.shape
    )
    assert getattr(estimator, method)(X, out=out) is out
    np.testing.assert_array_equal(out, expected)
    for bad in (out[:-1], out.astype(bool), [0] * 60):
        with pytest.raises(ValueError, match="out must be a writeable array"):
            getattr(estimator, method)(X, out=bad)


@each_estimator
def test_images__equal_their_flat_rows(cls, whole_numbers):
    images = np.repeat(whole_numbers, 12, axis=1).reshape(60, 3, 4, 5)
    flat = tiny(cls, image_shape=(3, 4, 5)).fit(images.reshape(60, 60))
    estimator = tiny(cls).fit(images)
    assert estimator.n_features_in_ == 60
    assert estimator.image_shape_ == (3, 4, 5)
    expected = outputs(flat, images.reshape(60, 60))
    assert_same_outputs(outputs(estimator, images), expected)
    assert_same_outputs(outputs(estimator, images.tolist()), expected)
    assert_same_outputs(outputs(estimator, torch.tensor(images)), expected)
    assert_same_outputs(outputs(estimator, images.reshape(60, 60)), expected)


TARGETS = {
    "classes": lambda y: y,
    "shuffled": lambda y: np.random.default_rng(0).permutation(y),
    "text": lambda y: np.array(["a", "b", "c"])[y],
    "float": lambda y: y + 0.5,
    "NaN": lambda y: np.full(len(y), np.nan),
    "too short": lambda y: y[:3],
    "object": lambda y: object(),
}


@each_estimator
@pytest.mark.parametrize("target", TARGETS.values(), ids=TARGETS.keys())
def test_y__is_ignored_and_left_alone(cls, target, blobs):
    X, y = blobs
    y = target(y)
    before = copy.deepcopy(y)
    expected = outputs(tiny(cls).fit(X), X)
    assert_same_outputs(outputs(tiny(cls).fit(X, y), X), expected)
    if isinstance(y, np.ndarray):
        np.testing.assert_array_equal(y, before)
    if "score" in expected:
        assert tiny(cls).fit(X).score(X, y) == expected["score"]


@each_estimator
@pytest.mark.parametrize("convert", [np.array, pd.DataFrame, sparse.csr_array])
def test_X__is_left_alone(cls, convert, blobs):
    X = convert(blobs[0])
    before = X.copy()
    outputs(tiny(cls).fit(X), X)
    assert abs(X - before).max(axis=None) == 0


@each_estimator
@pytest.mark.parametrize(
    ("n_samples", "sizes"),
    [
        (60, [16, 16, 16, 12]),  # a short last batch
        (49, [16, 16, 17]),  # a last row that no batch norm could stand alone
        (48, [16, 16, 16]),
        (10, [10]),
    ],
)
def test_every_epoch__visits_every_row_once(cls, n_samples, sizes, blobs, monkeypatch):
    rows, bounds, n_epochs_of_all_rows = [], [], []
    train = Trainer.train

    def watched(trainer, objective, **settings):
        losses = objective.losses
        bounds.append(trainer.bounds)
        if (cls, settings["stage"]) in OF_ALL_ROWS:
            n_epochs_of_all_rows.append(settings["max_epochs"])

        def counted(batch):
            rows.append(batch.index)
            return losses(batch)

        objective.losses = counted
        objective.row_order = lambda _: None  # one of its own may repeat rows
        return train(trainer, objective, **settings)

    monkeypatch.setattr(Trainer, "train", watched)
    estimator = tiny(cls, batch_size=16, max_epochs=2, n_autoencoders=2)
    if "autoencoder" in parameter_names(cls):
        estimator.set_params(autoencoder__batch_size=16)
    estimator.fit(blobs[0][:n_samples])
    expected = batch_bounds(n_samples, 16)
    if estimator._even_batches:
        expected, _ = shared_bounds(n_samples, 16, Group(), even=True)
        sizes = [stop - start for start, stop in expected]
    for n_epochs in n_epochs_of_all_rows:  # the last stage
        assert bounds.pop() == [(0, n_samples)]
        for _ in range(n_epochs):
            assert torch.equal(rows.pop().sort().values, torch.arange(n_samples))
    assert bounds == [expected] * len(bounds)
    for _ in range(2 * len(bounds)):  # epochs
        epoch, rows = rows[: len(sizes)], rows[len(sizes) :]
        assert [len(index) for index in epoch] == sizes
        assert torch.equal(torch.cat(epoch).sort().values, torch.arange(n_samples))
    assert not rows
