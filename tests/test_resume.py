"""An interrupted fit with a checkpoint goes on and ends as if nothing had happened."""

import numpy as np
import pytest
import torch

from skdeepcluster import Autoencoder
from skdeepcluster.engine import Checkpoint
from skdeepcluster.engine._stage import Stage
from tests._discovery import (
    ESTIMATORS,
    assert_same_outputs,
    outputs,
    parameter_names,
    set_training,
    tiny,
)

each_estimator = pytest.mark.parametrize("cls", ESTIMATORS)


class InterruptedFit(Exception):
    """Stands for a power cut."""


class _Steps(list):
    def __init__(self):
        super().__init__()
        self.fatal = set()


@pytest.fixture(autouse=True)
def checkpoints_at_every_opportunity(monkeypatch):
    monkeypatch.setattr("skdeepcluster.engine._checkpoint.SECONDS_BETWEEN", 0.0)


@pytest.fixture
def steps(monkeypatch):
    """Every training step that is made: stage and number.

    A step in `steps.fatal` raises `InterruptedFit` once, in place of the step.
    """
    done = _Steps()
    make_step = Stage._step

    def watched(run, batch):
        step = run.stage, run.progress.step
        if step in done.fatal:
            done.fatal.discard(step)
            raise InterruptedFit
        done.append(step)
        make_step(run, batch)

    monkeypatch.setattr(Stage, "_step", watched)
    return done


def longer(cls, folder, **changes):
    """Several epochs of several steps in every stage."""
    estimator = tiny(cls, max_epochs=5, checkpoint=folder, **changes)
    if "autoencoder" in parameter_names(cls):
        estimator.set_params(autoencoder__max_epochs=4)
    return estimator


@pytest.fixture(scope="module")
def known():
    """Fits without an interruption, of which one does for many tests."""
    return {}


@pytest.fixture
def unbroken(cls, blobs, steps, known):
    """The fit without an interruption; `steps` are the ones that it made."""
    if cls not in known:
        known[cls] = longer(cls, None).fit(blobs[0]), list(steps)
    estimator, steps[:] = known[cls]
    return estimator


def without_time(history):
    return [{**record, "seconds": None} for record in history]


def assert_same_fit(one, other, X):
    assert_same_outputs(outputs(one, X), outputs(other, X))
    assert without_time(one.history_) == without_time(other.history_)
    if hasattr(one, "labels_"):
        np.testing.assert_array_equal(one.labels_, other.labels_)
    for name in ("autoencoder_", "representation_"):
        if getattr(one, name, None) is not None:
            assert_same_fit(getattr(one, name), getattr(other, name), X)


def fit_in_pieces(estimator, X, steps, fatal):
    """Fit until it succeeds; the steps that were made again are returned."""
    steps.fatal = set(fatal)
    steps.clear()
    while steps.fatal:
        with pytest.raises(InterruptedFit):
            estimator.fit(X)
    estimator.fit(X)
    return len(steps) - len(set(steps))


@each_estimator
@pytest.mark.parametrize("share", [0.3, 0.55, 0.8])
def test_resumed_run__equals_unbroken_run(cls, share, blobs, tmp_path, unbroken, steps):
    X, _ = blobs
    stages = {stage: sum(s == stage for s, _ in steps) for stage, _ in steps}
    n_steps = len(steps)

    for stage, length in stages.items():
        resumed = longer(cls, tmp_path / stage)
        again = fit_in_pieces(resumed, X, steps, {(stage, int(share * length))})
        assert_same_fit(resumed, unbroken, X)
        assert len(set(steps)) == n_steps
        # Saved once an epoch of four steps or at each refresh: little is done twice.
        assert again < 4, stage


@each_estimator
def test_fit_interrupted_many_times__equals_unbroken_fit(
    cls, blobs, tmp_path, unbroken, steps
):
    resumed = longer(cls, tmp_path)
    fit_in_pieces(resumed, blobs[0], steps, steps[2::5])
    assert_same_fit(resumed, unbroken, blobs[0])


@pytest.mark.parametrize(
    "cls", [cls for cls in ESTIMATORS if "n_runs" in parameter_names(cls)]
)
@pytest.mark.parametrize("n_runs", [2, 4])
def test_several_runs__interrupted_many_times(cls, n_runs, blobs, tmp_path, steps):
    X, _ = blobs
    unbroken = longer(cls, None, n_runs=n_runs).fit(X)
    resumed = longer(cls, tmp_path, n_runs=n_runs)
    fit_in_pieces(resumed, X, steps, steps[2::5])
    assert_same_fit(resumed, unbroken, X)


def test_layers_trained_one_by_one__interrupted_many_times(blobs, tmp_path, steps):
    X, _ = blobs
    settings = {"layerwise": True, "linear_path": False}
    unbroken = longer(Autoencoder, None, **settings).fit(X)
    assert len({stage for stage, _ in steps}) == 3
    resumed = longer(Autoencoder, tmp_path, **settings)
    fit_in_pieces(resumed, X, steps, steps[2::5])
    assert_same_fit(resumed, unbroken, X)


@each_estimator
def test_folder__exists_while_interrupted_and_is_gone_afterwards(
    cls, blobs, tmp_path, unbroken, steps
):
    X, _ = blobs
    estimator = longer(cls, tmp_path)
    steps.fatal = {steps[-1]}
    with pytest.raises(InterruptedFit):
        estimator.fit(X)
    assert any(tmp_path.rglob("*.pt"))
    estimator.fit(X)
    assert list(tmp_path.iterdir()) == []


@each_estimator
@pytest.mark.parametrize(
    "change", [{"random_state": 1}, {"batch_size": 20}, {"max_epochs": 6}]
)
def test_checkpoint_of_another_fit__is_not_used(
    cls, change, blobs, tmp_path, unbroken, steps
):
    X, _ = blobs
    steps.fatal = {steps[-1]}
    with pytest.raises(InterruptedFit):
        longer(cls, tmp_path).fit(X)
    steps.clear()
    expected = set_training(longer(cls, None), **change).fit(X)
    n_steps = len(steps)
    other = set_training(longer(cls, tmp_path), **change).fit(X)
    assert steps[n_steps:] == steps[:n_steps]
    assert_same_fit(other, expected, X)


@each_estimator
def test_checkpoint_of_other_rows__is_not_used(cls, blobs, tmp_path, unbroken, steps):
    X, _ = blobs
    steps.fatal = {steps[-1]}
    with pytest.raises(InterruptedFit):
        longer(cls, tmp_path).fit(X)
    moved = X.copy()
    moved[7, 3] += 1.0
    assert_same_fit(longer(cls, tmp_path).fit(moved), longer(cls, None).fit(moved), X)


@each_estimator
def test_verbosity__does_not_make_another_fit(cls, blobs, tmp_path, unbroken, steps):
    X, _ = blobs
    n_steps, steps.fatal = len(steps), {steps[-1]}
    steps.clear()
    with pytest.raises(InterruptedFit):
        longer(cls, tmp_path).fit(X)
    longer(cls, tmp_path, verbose=1).fit(X)
    assert len(steps) < n_steps + 4


@each_estimator
@pytest.mark.parametrize("random_state", [None, np.random.RandomState(0)])
def test_no_integer_seed__raises_before_training(
    cls, random_state, blobs, tmp_path, steps
):
    X, _ = blobs
    with pytest.raises(ValueError, match="integer random_state"):
        tiny(cls, checkpoint=tmp_path, random_state=random_state).fit(X)
    assert not steps


@each_estimator
def test_damaged_checkpoint__says_which_file(cls, blobs, tmp_path, unbroken, steps):
    X, _ = blobs
    steps.fatal = {steps[-1]}
    with pytest.raises(InterruptedFit):
        longer(cls, tmp_path).fit(X)
    for file in tmp_path.rglob("*.pt"):
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(RuntimeError, match=r"\.pt cannot be read. Delete it"):
        longer(cls, tmp_path).fit(X)


@each_estimator
def test_folder_that_cannot_be_made__raises(cls, blobs, tmp_path):
    X, _ = blobs
    (tmp_path / "a file").touch()
    with pytest.raises(OSError, match="a file"):
        longer(cls, tmp_path / "a file").fit(X)


@each_estimator
def test_killed_while_saving__the_last_checkpoint_stays_whole(
    cls, blobs, tmp_path, unbroken, monkeypatch
):
    X, _ = blobs
    save, n_saved = torch.save, 0

    def killed_halfway(state, file):
        nonlocal n_saved
        n_saved += 1
        if n_saved == 3:
            file.write(b"half of a checkpoint")
            raise InterruptedFit
        save(state, file)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", killed_halfway)
        with pytest.raises(InterruptedFit):
            longer(cls, tmp_path).fit(X)
    assert not list(tmp_path.rglob("*.part"))
    assert_same_fit(longer(cls, tmp_path).fit(X), unbroken, X)


class _Dropout(torch.nn.Module):
    """A network that draws from torch's global generator and keeps running means."""

    def __init__(self):
        super().__init__()
        self.encoder = torch.nn.Sequential(
            torch.nn.Linear(6, 8),
            torch.nn.BatchNorm1d(8),
            torch.nn.Dropout(0.3),
            torch.nn.Linear(8, 2),
        )
        self.decoder = torch.nn.Linear(2, 6)


def test_network_with_dropout_and_batch_norm(blobs, tmp_path, steps):
    X, _ = blobs
    torch.manual_seed(0)
    network = _Dropout()
    unbroken = longer(Autoencoder, None, network=network).fit(X)
    resumed = longer(Autoencoder, tmp_path, network=network)
    fit_in_pieces(resumed, X, steps, {("pretraining", 9)})
    assert_same_fit(resumed, unbroken, X)


def test_adam_and_corruption(blobs, tmp_path, steps):
    X, _ = blobs
    settings = {"optimizer": "adam", "learning_rate": 1e-3, "corruption": 0.3}
    unbroken = longer(Autoencoder, None, **settings).fit(X)
    resumed = longer(Autoencoder, tmp_path, **settings)
    fit_in_pieces(resumed, X, steps, {("pretraining", 9)})
    assert_same_fit(resumed, unbroken, X)


def test_without_a_folder__nothing_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    checkpoint = Checkpoint()
    checkpoint.save("stage", {"a": 1})
    assert not checkpoint.due()
    assert checkpoint.load("stage") is None
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []
