"""Fits in real processes that the system kills go on as if nothing had happened."""

import contextlib
import os
import shutil
import signal
import time
from functools import partial

import numpy as np
import pytest
import torch

from skdeepcluster.engine import _checkpoint
from tests._discovery import FROM_AUTOENCODER, tiny

pytestmark = pytest.mark.skipif(
    not hasattr(signal, "SIGKILL"), reason="only POSIX systems have SIGKILL"
)
INTERRUPTED = 130  # the exit status of what Ctrl-C ends
first, *others = FROM_AUTOENCODER
each_clusterer = pytest.mark.parametrize(
    "cls", [first, *(pytest.param(cls, marks=pytest.mark.slow) for cls in others)]
)


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def clusterer(cls, folder=None):
    """Long enough to be killed many times."""
    estimator = tiny(cls, n_clusters=3, max_epochs=60, checkpoint=folder)
    return estimator.set_params(autoencoder__max_epochs=40)


def fit(cls, folder, X, result, sabotage=None):
    """In a process of its own: fit, saving at every opportunity, and keep the labels.

    `sabotage` is called first, and may arrange for the process to die.
    """
    torch.set_num_threads(1)
    _checkpoint.SECONDS_BETWEEN = 0.0
    if sabotage is not None:
        sabotage()
    try:
        labels = clusterer(cls, folder).fit(X).labels_
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    np.save(result, labels)


def die_in_the_middle_of_save(number):
    """The `number`-th checkpoint is written by half."""
    replacing, left = _checkpoint.replacing, [number]

    @contextlib.contextmanager
    def half(path):
        left[0] -= 1
        with replacing(path) as file:
            yield file
            if not left[0]:
                file.truncate(file.tell() // 2)
                file.flush()
                die()

    _checkpoint.replacing = half


def die_around_replace(number, before):
    """The process ends right before or after the file gets its name."""
    replace, left = os.replace, [number]

    def fatal(source, target):
        left[0] -= 1
        if left[0]:
            return replace(source, target)
        if not before:
            replace(source, target)
        die()

    os.replace = fatal


def die_while_removing():
    """The fit has ended and one of its files is gone."""

    def fatal(folder, **_):
        next(folder.rglob("*.pt")).unlink()
        die()

    shutil.rmtree = fatal


@pytest.fixture
def start(processes, blobs, tmp_path):
    def start(cls, sabotage=None):
        arguments = cls, tmp_path / "checkpoint", blobs[0], tmp_path / "labels.npy"
        process = processes.Process(target=fit, args=(*arguments, sabotage))
        process.start()
        return process

    return start


def assert_ends_as_unbroken(cls, start, X, tmp_path):
    process = start(cls)
    process.join(120)
    assert process.exitcode == 0
    expected = clusterer(cls).fit(X).labels_
    np.testing.assert_array_equal(np.load(tmp_path / "labels.npy"), expected)
    assert list((tmp_path / "checkpoint").iterdir()) == []


@each_clusterer
def test_killed_at_random_moments(cls, start, blobs, tmp_path):
    rng = np.random.default_rng(0)
    killed = 0
    for _ in range(4):
        process = start(cls)
        time.sleep(rng.uniform(0.05, 0.8))
        process.kill()
        process.join()
        killed += process.exitcode == -signal.SIGKILL
    assert killed
    assert_ends_as_unbroken(cls, start, blobs[0], tmp_path)


@each_clusterer
def test_interrupted_with_control_c(cls, start, blobs, tmp_path):
    process = start(cls)
    while not any((tmp_path / "checkpoint").rglob("*.pt")):
        assert process.is_alive()
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGINT)
    process.join(120)
    assert process.exitcode == INTERRUPTED
    assert not any((tmp_path / "checkpoint").rglob("*.part"))
    assert_ends_as_unbroken(cls, start, blobs[0], tmp_path)


# What is done to the process, by the moment at which it dies.
SABOTAGES = {
    "first save": partial(die_in_the_middle_of_save, 1),
    "later save": partial(die_in_the_middle_of_save, 7),
    "save of the clustering stage": partial(die_in_the_middle_of_save, 45),
    "before the name": partial(die_around_replace, 5, True),
    "after the name": partial(die_around_replace, 5, False),
    "removal": die_while_removing,
}


@pytest.mark.parametrize("moment", SABOTAGES)
def test_killed_while_the_checkpoint_is_written(moment, start, blobs, tmp_path):
    process = start(first, SABOTAGES[moment])
    process.join(120)
    assert process.exitcode == -signal.SIGKILL
    assert any((tmp_path / "checkpoint").rglob("*"))
    assert_ends_as_unbroken(first, start, blobs[0], tmp_path)
