"""Several runs of one objective that train as one."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from skdeepcluster.engine import Callback, Checkpoint, Objective, Trainer
from skdeepcluster.engine import _checkpoint as checkpoint_module
from tests.engine._rows import make_rows

SEEDS = [3, 5, 8]


class Compress(Objective):
    """Rebuild rows from one number; counts how often it has seen each row."""

    def __init__(self, seed, looks=None):
        model = nn.Sequential(nn.Linear(4, 1), nn.Linear(1, 4))
        source = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weights in model.parameters():
                weights.normal_(generator=source)
        super().__init__(model, refresh_interval=None if looks is None else 10)
        self.looks = looks  # after which training has converged
        self.register_buffer("seen", torch.zeros(50, dtype=torch.int64))
        self.register_buffer("n_looks", torch.zeros((), dtype=torch.int64))

    def losses(self, batch):
        errors = (self.model(batch.x) - batch.x).square()
        return {"first": errors[:, 0].mean(), "others": errors[:, 1:].mean()}

    def after_step(self, batch):
        self.seen[batch.index] += 1

    def refresh(self, trainer):
        self.n_looks += 1
        return self.looks is not None and int(self.n_looks) > self.looks

    def metrics(self):
        return {"looks": int(self.n_looks)}


def make_trainer(X, **settings):
    return Trainer(make_rows(X), batch_size=10, seed=0, **settings)


def settings(max_epochs, optimizer="adam"):
    return {
        "stage": "compressing",
        "max_epochs": max_epochs,
        "optimizer": optimizer,
        "learning_rate": 0.002,
    }


def assert_same_run(one, other):
    for name, weights in one.state_dict().items():
        expected = other.state_dict()[name]
        torch.testing.assert_close(weights, expected, rtol=1e-3, atol=1e-5)


def assert_same_history(one, other):
    assert len(one) == len(other)
    for record, expected in zip(one, other, strict=True):
        assert record.keys() - expected.keys() == {"run"}
        for name in ("stage", "epoch", "looks"):
            assert record[name] == expected[name]
        for name in ("loss", "first", "others", "learning_rate"):
            assert record[name] == pytest.approx(expected[name], rel=1e-4)


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("looks", [[None, None, None], [2, 5, 4], [1, 1, 1], [9, 9, 1]])
def test_runs__end_as_each_would_alone(X, optimizer, looks):
    objectives = list(map(Compress, SEEDS, looks))
    alone = copy.deepcopy(objectives)
    histories = make_trainer(X).train_runs(objectives, SEEDS, **settings(7, optimizer))
    for objective, history, expected, seed in zip(
        objectives, histories, alone, SEEDS, strict=True
    ):
        records = make_trainer(X).train(
            expected, seeds=[seed], **settings(7, optimizer)
        )
        assert_same_run(objective, expected)
        assert_same_history(history, records)
    numbers = [record["run"] for history in histories for record in history]
    assert sorted(set(numbers)) == [0, 1, 2]


def test_runs__have_orders_of_their_own(X):
    class Noted(Compress):
        def refresh(self, trainer):
            seen.append(self.seen.tolist())
            return False

    seen = []
    objectives = [Noted(0), Noted(0)]
    for objective in objectives:
        objective.refresh_interval = 1
    make_trainer(X).train_runs(objectives, [0, 1], **settings(1))
    assert seen[2] != seen[3]  # after one step
    assert set(objectives[0].seen.tolist()) == set(objectives[1].seen.tolist()) == {1}


def test_runs__noise_differs_between_runs(X):
    class Noisy(Compress):
        def losses(self, batch):
            noise = torch.empty_like(batch.x).normal_(generator=self.generator)
            other = torch.rand(batch.x.shape, generator=self.generator)
            drawn.append(noise[0, 0] + other[0, 0])
            return {"error": self.model(batch.x + noise).mean() + drawn[-1]}

    drawn = []
    objectives = [Noisy(0), Noisy(0)]
    (one,), (other,) = make_trainer(X[:10]).train_runs(
        objectives, [0, 0], **settings(1)
    )
    assert one["loss"] != other["loss"]


def test_runs__that_went_on_without_others_come_back_after_a_crash(
    X, tmp_path, monkeypatch
):
    monkeypatch.setattr(checkpoint_module, "SECONDS_BETWEEN", 0.0)

    class Crash(Callback):
        def on_epoch_end(self, record):
            if record["epoch"] == 4:
                raise KeyboardInterrupt

    looks = [9, 1, 9]
    broken = list(map(Compress, SEEDS, looks))
    trainer = make_trainer(X, checkpoint=Checkpoint(tmp_path), callbacks=[Crash()])
    with pytest.raises(KeyboardInterrupt):
        trainer.train_runs(broken, SEEDS, **settings(7))

    again = list(map(Compress, SEEDS, looks))
    trainer = make_trainer(X, checkpoint=Checkpoint(tmp_path))
    histories = trainer.train_runs(again, SEEDS, **settings(7))
    straight = list(map(Compress, SEEDS, looks))
    expected = make_trainer(X).train_runs(straight, SEEDS, **settings(7))
    for one, other in zip(again, straight, strict=True):
        for name, weights in one.state_dict().items():
            assert torch.equal(weights, other.state_dict()[name])
    assert without_time(histories) == without_time(expected)
    assert [len(history) for history in histories] == [7, 4, 7]


def without_time(histories):
    return [[{**r, "seconds": 0} for r in history] for history in histories]


def test_callbacks__are_told_means(X):
    class Told(Callback):
        def on_epoch_end(self, record):
            told.append(record)

    told = []
    trainer = make_trainer(X, callbacks=[Told()])
    histories = trainer.train_runs(list(map(Compress, SEEDS)), SEEDS, **settings(2))
    for epoch, record in enumerate(told):
        assert record["epoch"] == epoch
        assert record["run"] == [0, 1, 2]
        losses = [history[epoch]["loss"] for history in histories]
        assert record["loss"] == pytest.approx(np.mean(losses))


def test_a_loss_that_is_not_finite_in_one_run_raises(X):
    objectives = list(map(Compress, SEEDS))
    with torch.no_grad():
        objectives[1].model[0].weight.fill_(float("nan"))
    with pytest.raises(ValueError, match="The loss is nan in stage 'compressing'"):
        make_trainer(X).train_runs(objectives, SEEDS, **settings(2))
