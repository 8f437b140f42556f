"""Recorded steps: with a stand-in for the device, which plays by making the step."""

import copy

import numpy as np
import pytest
import torch

from skdeepcluster import (
    ClusterGANClustering,
    DCNClustering,
    DECClustering,
    InfoGANClustering,
    VaDEClustering,
)
from skdeepcluster.engine import Trainer, _recording, _stage
from tests._discovery import assert_same_outputs, outputs
from tests.cluster._small import small
from tests.engine._rows import make_rows
from tests.engine.test_runs import Compress, settings


@pytest.fixture
def recorded(monkeypatch):
    """Shapes that were recorded, and how often each recording was played."""
    shapes, plays = [], []

    def record(step, generators):
        plays.append(0)
        number = len(plays) - 1

        def play():
            plays[number] += 1
            return step()

        return play

    class Noted(_recording.RecordedStep):
        def __init__(self, step, batch, generators):
            super().__init__(step, batch, generators)
            shapes.append(tuple(batch.x.shape))

    monkeypatch.setattr(_recording, "record", record)
    monkeypatch.setattr(_stage, "RecordedStep", Noted)
    monkeypatch.setattr(_stage, "can_record", lambda device: True)
    return shapes, plays


def trained(X, objectives, seeds, max_epochs=4):
    trainer = Trainer(make_rows(X), batch_size=15, seed=0)
    return trainer.train_runs(objectives, seeds, **settings(max_epochs))


def test_recorded_steps__train_as_others_do(X, recorded, monkeypatch):
    shapes, plays = recorded
    objective = Compress(0)
    trained(X, [objective], [0])
    assert shapes == [(15, 4)]
    # Four batches in each epoch, of which the last is smaller; the first three are not
    # recorded.
    assert plays == [4 * 3 - 3]
    monkeypatch.undo()
    expected = Compress(0)
    trained(X, [expected], [0])
    for name, weights in objective.state_dict().items():
        assert torch.equal(weights, expected.state_dict()[name]), name


def test_runs_that_go_on_without_others__are_recorded_again(X, recorded, monkeypatch):
    shapes, plays = recorded
    objectives = [Compress(seed, looks) for seed, looks in ((0, 1), (1, 9), (2, 9))]
    expected = copy.deepcopy(objectives)
    trained(X, objectives, [0, 1, 2], max_epochs=8)
    assert shapes == [(3, 15, 4)] * 2  # orders of all three are drawn to the end
    assert min(plays) > 3
    monkeypatch.undo()
    trained(X, expected, [0, 1, 2], max_epochs=8)
    for one, other in zip(objectives, expected, strict=True):
        for name, weights in one.state_dict().items():
            assert torch.equal(weights, other.state_dict()[name]), name


@pytest.mark.parametrize("cls", [DECClustering, DCNClustering, VaDEClustering])
@pytest.mark.parametrize("n_runs", [1, 4])
def test_clusterers__with_recorded_steps(cls, n_runs, blobs, recorded, monkeypatch):
    X, _ = blobs
    one = small(cls, n_runs=n_runs).fit(X)
    assert recorded[0]
    monkeypatch.undo()
    assert_same_outputs(outputs(one, X), outputs(small(cls, n_runs=n_runs).fit(X), X))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("cls", [ClusterGANClustering, InfoGANClustering])
def test_two_players__with_recorded_steps(cls, blobs, recorded, monkeypatch):
    X, _ = blobs
    settings = {"hidden_layer_sizes": (8,), "max_epochs": 2}
    one = small(cls, **settings).fit(X)
    assert recorded[1] == [3]  # the other three of six came before
    monkeypatch.undo()
    assert_same_outputs(outputs(one, X), outputs(small(cls, **settings).fit(X), X))


def test_what_is_played__is_not_overwritten(X):
    batch = next(make_rows(X).batches([(0, 50)], torch.Generator()))
    step = object.__new__(_recording.RecordedStep)
    step.batch = copy.deepcopy(batch)
    step.play = lambda: {"sum": total.copy_(step.batch.x.sum())}
    total = torch.zeros(())
    first = step(batch)["sum"]
    second = step(batch._replace(x=2 * batch.x))["sum"]
    np.testing.assert_allclose(second, 2 * first, rtol=1e-6)
