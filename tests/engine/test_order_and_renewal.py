"""Objectives that choose the rows of an epoch, or draw weights anew."""

import numpy as np
import pytest
import torch

from skdeepcluster.engine import Checkpoint
from skdeepcluster.engine import _checkpoint as checkpoint_module
from tests.engine._pull import SETTINGS, Pull, make_trainer


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(40, 3))


# -- an order of its own -----------------------------------------------------------


class PullInOrder(Pull):
    """Rows are drawn anew, with repetitions, after what the last refresh said."""

    def __init__(self):
        super().__init__(refresh_interval=4)
        self.register_buffer("first", torch.tensor(-1))

    def refresh(self, trainer):
        super().refresh(trainer)
        self.first.copy_(self.n_steps)
        return False

    def row_order(self, generator):
        assert self.first == self.n_steps  # the refresh came first
        return torch.randint(int(self.first), 40, (40,), generator=generator)


def test_row_order__is_that_of_the_objective(X):
    objective = PullInOrder()
    make_trainer(X).train(objective, max_epochs=3, **SETTINGS)
    assert objective.refreshed_after == [0, 4, 8]
    assert [len(batch) for batch in objective.batches] == 12 * [10]
    for epoch in range(3):
        seen = sum(objective.batches[4 * epoch : 4 * epoch + 4], [])
        assert min(seen) >= 4 * epoch
        assert len(set(seen)) < 40


def test_row_order__of_rows_that_are_not_kept(X, monkeypatch):
    expected, objective = PullInOrder(), PullInOrder()
    make_trainer(X).train(expected, max_epochs=2, **SETTINGS)
    monkeypatch.setattr("skdeepcluster.engine._rows.RESIDENT_BYTES", 1)
    make_trainer(X).train(objective, max_epochs=2, **SETTINGS)
    assert objective.batches == expected.batches
    assert torch.equal(objective.model.weight, expected.model.weight)


def test_row_order__goes_on_after_an_interruption(X, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SECONDS_BETWEEN", 0.0)
    expected = PullInOrder()
    make_trainer(X).train(expected, max_epochs=4, **SETTINGS)

    class Interrupted(PullInOrder):
        def losses(self, batch):
            if self.n_steps == 9:
                raise KeyboardInterrupt
            return super().losses(batch)

    checkpoint = Checkpoint(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        make_trainer(X, checkpoint=checkpoint).train(
            Interrupted(), max_epochs=4, **SETTINGS
        )
    objective = PullInOrder()
    make_trainer(X, checkpoint=checkpoint).train(objective, max_epochs=4, **SETTINGS)
    assert objective.batches == expected.batches[-len(objective.batches) :]
    assert 0 < len(objective.batches) < 16
    assert torch.equal(objective.model.weight, expected.model.weight)


# -- weights drawn anew ------------------------------------------------------------


class PullAnew(Pull):
    """The weights start where they did first with every refresh."""

    def refresh(self, trainer):
        super().refresh(trainer)
        with torch.no_grad():
            self.model.weight.fill_(5.0)
        self.renewed = [self.model.weight]
        return False


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_renewed_weights__are_to_the_optimiser_as_new(X, optimizer):
    settings = {"stage": "pulling", "optimizer": optimizer, "learning_rate": 0.05}
    X = np.tile(X[:10], (4, 1))
    objective, expected = PullAnew(refresh_interval=4), PullAnew(refresh_interval=4)
    trainer = make_trainer(X, batch_size=40)
    trainer.train(expected, max_epochs=3, **settings)
    once = expected.model.weight.clone()
    trainer.train(objective, max_epochs=7, **settings)
    assert objective.refreshed_after == [0, 4]
    torch.testing.assert_close(objective.model.weight.detach(), once.detach())


def test_renewed_weights__go_on_after_an_interruption(X, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SECONDS_BETWEEN", 0.0)
    settings = {**SETTINGS, "optimizer": "adam", "max_epochs": 3}
    expected = PullAnew(refresh_interval=4)
    make_trainer(X).train(expected, **settings)

    class Interrupted(PullAnew):
        def losses(self, batch):
            if self.n_steps == 9:
                raise KeyboardInterrupt
            return super().losses(batch)

    checkpoint = Checkpoint(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        make_trainer(X, checkpoint=checkpoint).train(
            Interrupted(refresh_interval=4), **settings
        )
    objective = PullAnew(refresh_interval=4)
    make_trainer(X, checkpoint=checkpoint).train(objective, **settings)
    assert objective.refreshed_after == []  # not again after the last checkpoint
    assert torch.equal(objective.model.weight, expected.model.weight)
