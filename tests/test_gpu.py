"""What only an accelerator can show: results beside those of the CPU.

On a machine without one the CPU stands in where that says something, so that these
tests can be tried: ``pytest -m gpu``.
"""

import pickle

import numpy as np
import pytest
import torch
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import (
    Autoencoder,
    DCECClustering,
    DCNClustering,
    DECClustering,
    DeepCluster,
    DKMClustering,
    IDECClustering,
    InfoGANClustering,
    SCEDAEClustering,
    UNSEENClustering,
)
from skdeepcluster.engine import Rows, _stage, _trainer
from tests._discovery import CLUSTERERS, ESTIMATORS, outputs, parameter_names, tiny
from tests.cluster._small import small

pytestmark = pytest.mark.gpu
needs_cuda = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="needs a CUDA device"
)

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
# Those whose steps draw no numbers: the streams of a GPU are others than the CPU's.
DRAWING_NOTHING = (
    Autoencoder,
    DCECClustering,
    DCNClustering,
    DECClustering,
    DKMClustering,
    IDECClustering,
    SCEDAEClustering,
    UNSEENClustering,
)
# Those that need more than milliseconds to find the blobs.
LEARNING_LONG = (DeepCluster, InfoGANClustering)


def made(cls, **changes):
    """A new estimator that trains in milliseconds; of `changes` it takes those it has.

    Clusterers can find the blobs.
    """
    known = parameter_names(cls)
    if cls not in CLUSTERERS:
        return tiny(cls, max_epochs=20, batch_size=20, **changes)
    changes = {name: value for name, value in changes.items() if name in known}
    return small(cls, **changes)


@pytest.fixture
def eager(monkeypatch):
    """A switch that turns recording off."""

    def switch():
        for module in (_stage, _trainer):
            monkeypatch.setattr(module, "can_record", lambda device: False)

    return switch


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_fit__is_that_of_the_cpu_within_rounding(cls, blobs):
    X, y = blobs
    X = X.astype(np.float32)
    there = made(cls, device=DEVICE, precision="float32").fit(X)
    here = made(cls, device="cpu", precision="float32").fit(X)
    assert there.device_.startswith(DEVICE)
    if cls in DRAWING_NOTHING:
        first, expected = there.history_[0], here.history_[0]
        assert first["loss"] == pytest.approx(expected["loss"], rel=1e-3)
    if cls in CLUSTERERS and cls not in LEARNING_LONG:
        assert adjusted_rand_score(y, there.labels_) > 0.9
        assert adjusted_rand_score(there.labels_, here.labels_) > 0.9


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_outputs__after_a_pickle_are_the_same(cls, blobs):
    X, _ = blobs
    there = made(cls, device=DEVICE).fit(X)
    loaded = pickle.loads(pickle.dumps(there))
    for name, values in outputs(there, X).items():
        np.testing.assert_array_equal(values, outputs(loaded, X)[name], err_msg=name)


@pytest.mark.parametrize(
    ("cls", "n_runs"),
    [(cls, 1) for cls in CLUSTERERS]
    + [(cls, 4) for cls in CLUSTERERS if "n_runs" in parameter_names(cls)],
)
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_recorded_steps__train_as_others_do(cls, precision, n_runs, blobs, eager):
    X, _ = blobs
    settings = {"device": DEVICE, "precision": precision, "n_runs": n_runs}
    recorded = made(cls, **settings).fit(X)
    eager()
    made_one_by_one = made(cls, **settings).fit(X)
    assert len(recorded.history_) == len(made_one_by_one.history_)
    for one, other in zip(recorded.history_, made_one_by_one.history_, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=5e-2)
    labels = recorded.labels_, made_one_by_one.labels_
    assert adjusted_rand_score(*labels) > 0.9


@needs_cuda
@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("records", [True, False])
def test_steps__do_not_wait_for_the_device(cls, records, blobs, eager, monkeypatch):
    X, _ = blobs
    if not records:
        eager()
    make_step, steps = _stage.Stage._make_step, []

    def watched(stage, batch):
        torch.cuda.set_sync_debug_mode("error")
        try:
            steps.append(stage.stage)
            return make_step(stage, batch)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(_stage.Stage, "_make_step", watched)
    made(cls, device="cuda").fit(X)
    assert steps


@needs_cuda
def test_bytes__stay_bytes_on_the_device():
    X = np.random.default_rng(0).integers(0, 256, (10_000, 784), dtype=np.uint8)
    rows = Rows(X, np.full(784, 127.0), 70.0, torch.device(DEVICE))
    before = torch.cuda.memory_allocated()
    rows.keep_on_device()
    assert torch.cuda.memory_allocated() - before < 1.1 * X.nbytes
    cpu = Rows(X, np.full(784, 127.0), 70.0, torch.device("cpu"))
    np.testing.assert_allclose(rows.between(5, 90).cpu(), cpu.between(5, 90), rtol=1e-6)


def test_interrupted_fit__goes_on_on_the_device(blobs, tmp_path, monkeypatch):
    X, _ = blobs
    monkeypatch.setattr("skdeepcluster.engine._checkpoint.SECONDS_BETWEEN", 0.0)
    unbroken = small(DECClustering, device=DEVICE).fit(X)
    step, left = _stage.Stage._step, [50]

    def fatal(stage, batch):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        step(stage, batch)

    monkeypatch.setattr(_stage.Stage, "_step", fatal)
    broken = small(DECClustering, device=DEVICE, checkpoint=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        broken.fit(X)
    resumed = broken.fit(X)
    np.testing.assert_allclose(
        resumed.transform(X), unbroken.transform(X), rtol=1e-3, atol=1e-3
    )
