"""One file per stage, whole or not there."""

import contextlib
import pickle

import numpy as np
import pytest
import torch

from skdeepcluster import Autoencoder
from skdeepcluster.engine import Checkpoint, _checkpoint

STATE = {"weights": torch.arange(3.0), "progress": {"epoch": 2, "sums": {"a": 0.5}}}


def assert_same_state(state):
    assert torch.equal(state["weights"], STATE["weights"])
    assert state["progress"] == STATE["progress"]


def test_what_is_saved_is_loaded(tmp_path):
    Checkpoint(tmp_path / "a" / "b").save("stage", STATE)
    assert_same_state(Checkpoint(str(tmp_path / "a" / "b")).load("stage"))


def test_load__is_none_where_there_is_nothing(tmp_path):
    assert Checkpoint(tmp_path / "nowhere").load("stage") is None
    assert list(tmp_path.iterdir()) == []


def test_stages_and_fits_within_are_apart(tmp_path):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save("one", {"value": 1})
    checkpoint.save("two", {"value": 2})
    checkpoint.within("part").save("one", {"value": 3})
    assert checkpoint.load("one") == {"value": 1}
    assert checkpoint.load("two") == {"value": 2}
    assert checkpoint.within("part").load("one") == {"value": 3}
    assert Checkpoint().within("part").folder is None


def test_interrupted_save__keeps_the_file_before(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save("stage", STATE)

    def half(state, file):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save("stage", {"other": 1})
    assert [file.name for file in tmp_path.iterdir()] == ["stage.pt"]
    assert_same_state(checkpoint.load("stage"))


@pytest.fixture
def no_room():
    """A context in which no file can grow beyond 10 kB, as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    @contextlib.contextmanager
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, before[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limited


@pytest.mark.parametrize("keep_before", [False, True])
def test_full_disk__names_the_folder_and_keeps_the_file_before(
    tmp_path, no_room, keep_before
):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save("stage", STATE)
    message = f"{tmp_path.name} cannot be written: .* before, .* is intact. Make room"
    with no_room(), pytest.raises(OSError, match=message):
        checkpoint.save("stage", {"large": torch.zeros(10_000)}, keep_before)
    assert not list(tmp_path.glob("*.part"))
    assert_same_state(checkpoint.load("stage"))


def test_full_disk__a_fit_goes_on_when_there_is_room_again(
    tmp_path, no_room, monkeypatch, blobs
):
    X, _ = blobs

    def fit(checkpoint):
        autoencoder = Autoencoder(
            hidden_layer_sizes=(64,),
            max_epochs=6,
            checkpoint=checkpoint,
            random_state=0,
        )
        return autoencoder.fit(X)

    expected = fit(None)
    monkeypatch.setattr(_checkpoint, "SECONDS_BETWEEN", 0.0)
    with no_room(), pytest.raises(OSError, match="cannot be written"):
        fit(tmp_path)
    np.testing.assert_array_equal(fit(tmp_path).transform(X), expected.transform(X))


def test_killed_before_the_new_file_takes_its_place(tmp_path, monkeypatch):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save("stage", STATE)

    def killed(source, destination):
        raise KeyboardInterrupt

    monkeypatch.setattr(_checkpoint.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save("stage", {"other": 1})
    assert_same_state(checkpoint.load("stage"))


@pytest.mark.parametrize("keep", [0, 1, 50, -1])
def test_damaged_file__raises_and_names_the_file(tmp_path, keep):
    checkpoint = Checkpoint(tmp_path)
    checkpoint.save("stage", STATE)
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:keep])
    with pytest.raises(RuntimeError, match=r"stage\.pt cannot be read\. Delete it"):
        checkpoint.load("stage")


class _Dangerous:
    def __reduce__(self):
        return pytest.fail, ("The file ran code.",)


def test_load__runs_no_code(tmp_path):
    (tmp_path / "stage.pt").write_bytes(pickle.dumps(_Dangerous(), protocol=2))
    with pytest.raises(RuntimeError, match="cannot be read"):
        Checkpoint(tmp_path).load("stage")


def test_remove(tmp_path):
    checkpoint = Checkpoint(tmp_path / "fit")
    checkpoint.within("part").save("stage", STATE)
    checkpoint.remove()
    checkpoint.remove()
    assert list(tmp_path.iterdir()) == []


def test_due__counts_from_the_last_save(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(_checkpoint.time, "monotonic", lambda: now)
    checkpoint = Checkpoint(tmp_path)
    assert not checkpoint.due()
    now += _checkpoint.SECONDS_BETWEEN
    assert checkpoint.due()
    assert not Checkpoint().due()
    checkpoint.save("stage", STATE)
    assert not checkpoint.due()
