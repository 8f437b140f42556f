"""Export to ONNX: what another runtime makes of the same rows."""

import sys
import warnings

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from torch import nn

from skdeepcluster import Autoencoder, DECClustering, InfoGANClustering, VaDEClustering
from skdeepcluster.persistence import to_onnx
from tests._discovery import CLUSTERERS, ESTIMATORS, METHODS, tiny

needs_onnx = pytest.mark.usefixtures("exporter")
each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
each_clusterer = pytest.mark.parametrize("cls", CLUSTERERS)


@pytest.fixture
def exporter():
    for library in ("onnx", "onnxscript", "onnxruntime"):
        pytest.importorskip(library)


@pytest.fixture
def session(tmp_path, exporter):
    """Export an estimator and open the file in onnxruntime."""
    import onnxruntime

    def exported(estimator, **options):
        path = tmp_path / "estimator.onnx"
        to_onnx(estimator, path, **options)
        assert list(tmp_path.iterdir()) == [path]
        return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])

    return exported


def methods_of(cls):
    return [name for name in METHODS if hasattr(cls, name) and name != "score"]


def assert_agrees(session, estimator, X):
    """Every output is what the method of that name gives, to float32 rounding."""
    names = [output.name for output in session.get_outputs()]
    for name, result in zip(names, session.run(None, {"X": X}), strict=True):
        expected = getattr(estimator, name)(X)
        assert result.dtype == expected.dtype
        # What is small beside the rest comes from sums that cancel.
        atol = max(5e-6, 1e-7 * np.abs(expected).max())
        # InfoGAN has large logits, whose rounding a softmax magnifies.
        if name == "predict_proba" and isinstance(estimator, InfoGANClustering):
            atol = 5e-5
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=atol, err_msg=name)


@each_estimator
def test_all_methods__agree_for_any_number_of_rows(cls, blobs, session):
    X = blobs[0].astype(np.float32)
    estimator = tiny(cls).fit(X)
    opened = session(estimator, output=methods_of(cls))
    [given] = opened.get_inputs()
    assert (given.name, given.type, given.shape[1]) == ("X", "tensor(float)", 6)
    assert [output.name for output in opened.get_outputs()] == methods_of(cls)
    for rows in (X, X[:1], np.tile(X, (70, 1)), 1000 * X):
        assert_agrees(opened, estimator, rows)


@pytest.mark.slow
@each_estimator
@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_rows_far_from_the_origin(cls, offset, blobs, session):
    X = blobs[0] + offset
    estimator = tiny(cls, n_clusters=3).fit(X)
    output = methods_of(cls)
    assert_agrees(
        session(estimator, output=output, input_dtype="float64"), estimator, X
    )
    # With float32 rows it agrees with what this package makes of these, ...
    opened, rounded = session(estimator, output=output), X.astype(np.float32)
    assert_agrees(opened, estimator, rounded)
    # ... and the embedding is off by as much as the rows were rounded.
    [Z] = opened.run(["transform"], {"X": rounded})
    error = np.abs(Z - estimator.transform(X)).max()
    rounding = np.abs(X - rounded).max() / estimator.scale_
    assert 0.01 * rounding < error < 10 * rounding


@needs_onnx
def test_output__is_the_embedding_by_default(blobs, session):
    estimator = tiny(DECClustering).fit(blobs[0])
    [output] = session(estimator).get_outputs()
    assert (output.name, output.shape[1]) == ("transform", 4)
    [output] = session(estimator, output="predict").get_outputs()
    assert (output.name, output.type) == ("predict", "tensor(int64)")


def test_images__are_flat_rows(blobs, session):
    images = blobs[0].reshape(60, 2, 3)
    estimator = tiny(Autoencoder).fit(images)
    flat = blobs[0].astype(np.float32)
    [Z] = session(estimator).run(None, {"X": flat})
    expected = estimator.transform(flat.reshape(images.shape))
    np.testing.assert_allclose(Z, expected, atol=5e-6)


def test_clusters_that_were_dropped__are_not_exported(session):
    X = np.repeat(np.eye(3), 10, axis=0).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = tiny(DECClustering, n_clusters=8).fit(X)
    opened = session(estimator, output=["predict", "predict_proba"])
    assert opened.get_outputs()[1].shape[1] == estimator.n_clusters_ < 8
    assert_agrees(opened, estimator, X)


def _network(n_features, n_components):
    encoder = nn.Sequential(
        nn.Linear(n_features, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 3)
    )
    return encoder, nn.Linear(3, n_features)


@pytest.mark.parametrize("cls", [Autoencoder, VaDEClustering])
def test_network_of_a_user(cls, blobs, session):
    X = blobs[0].astype(np.float32)
    autoencoder = tiny(Autoencoder, network=_network)
    estimator = tiny(cls, network=_network, autoencoder=autoencoder).fit(X)
    assert_agrees(session(estimator, output=methods_of(cls)), estimator, X)


@needs_onnx
def test_export__leaves_the_estimator_and_global_states_alone(blobs, session):
    X, _ = blobs
    estimator = tiny(DECClustering).fit(X)
    before, state = estimator.predict_proba(X), torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session(estimator, output="predict_proba")
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(estimator.predict_proba(X), before)


# -- what is refused ---------------------------------------------------------------


@needs_onnx
@pytest.mark.parametrize("output", ["predict", "embed", "", [], ["transform", "fit"]])
def test_output_that_there_is_not__is_refused(output, blobs, tmp_path):
    with pytest.raises(ValueError, match=r"'output' parameter .*\['transform'\]"):
        to_onnx(tiny(Autoencoder).fit(blobs[0]), tmp_path / "a", output=output)
    assert list(tmp_path.iterdir()) == []


@needs_onnx
def test_input_dtype_of_another_kind__is_refused(blobs, tmp_path):
    estimator = tiny(Autoencoder).fit(blobs[0])
    with pytest.raises(ValueError, match="'input_dtype' parameter .* Got 'float16'"):
        to_onnx(estimator, tmp_path / "a", input_dtype="float16")


@needs_onnx
def test_other_estimators__are_refused(blobs, tmp_path):
    with pytest.raises(TypeError, match="Got KMeans"):
        to_onnx(KMeans(2, n_init=1).fit(blobs[0]), tmp_path / "a")
    with pytest.raises(NotFittedError):
        to_onnx(tiny(Autoencoder), tmp_path / "a")


@pytest.mark.parametrize("library", ["onnx", "onnxscript"])
def test_without_onnx__the_error_names_the_extra(library, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ImportError, match="extra 'onnx'"):
        to_onnx(tiny(Autoencoder), tmp_path / "a")
