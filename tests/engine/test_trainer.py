"""The training loop on a toy: a point that is pulled to the mean of the rows."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from skdeepcluster.engine import Callback, Checkpoint
from skdeepcluster.engine import _checkpoint as checkpoint_module
from tests.engine._pull import SETTINGS, Pull, make_trainer


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(40, 3))


# -- learning ----------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_loss_falls_to_its_least_value(X, optimizer):
    objective = Pull()
    trainer = make_trainer(X)
    records = trainer.train(
        objective,
        stage="pulling",
        optimizer=optimizer,
        learning_rate=0.05,
        schedule="cosine",
        max_epochs=200,
    )
    assert len(records) == len(trainer.history) == 200
    np.testing.assert_allclose(
        objective.model.weight.detach().numpy()[0], X.mean(axis=0), atol=0.02
    )
    assert trainer.history[-1]["loss"] == pytest.approx(X.var(axis=0).sum(), abs=0.05)
    assert not objective.training


def test_one_step_of_sgd__against_the_formula(X):
    objective = Pull()
    make_trainer(X, batch_size=40).train(objective, **SETTINGS, max_epochs=1)
    gradient = 2 * (5.0 - X.mean(axis=0))
    expected = 5.0 - 0.05 * (gradient + 0.9 * gradient)  # Nesterov's first step
    weight = objective.model.weight.detach().numpy()[0]
    np.testing.assert_allclose(weight, expected, rtol=1e-5)


def test_no_epochs__leave_everything_as_it_was(X):
    objective, trainer = Pull(refresh_interval=1), make_trainer(X)
    assert trainer.train(objective, **SETTINGS, max_epochs=0) == []
    assert trainer.history == []
    assert objective.refreshed_after == []
    assert torch.all(objective.model.weight == 5.0)
    assert not objective.training


def test_only_what_requires_a_gradient_is_trained(X):
    objective = Pull()
    objective.fixed = nn.Parameter(torch.ones(3), requires_grad=False)
    make_trainer(X).train(objective, **SETTINGS, max_epochs=3)
    assert torch.all(objective.fixed == 1.0)


def test_stages_have_orders_of_their_own(X):
    first, again, other = Pull(), Pull(), Pull()
    make_trainer(X).train(first, **SETTINGS, max_epochs=2)
    make_trainer(X).train(again, **SETTINGS, max_epochs=2)
    make_trainer(X).train(other, **{**SETTINGS, "stage": "other"}, max_epochs=2)
    assert first.batches == again.batches
    assert first.batches != other.batches
    assert first.batches[:4] != first.batches[4:]  # another order in every epoch


def test_batches__hold_the_rows_that_their_index_names(X):
    class Check(Pull):
        def losses(self, batch):
            np.testing.assert_array_equal(batch.x, X[batch.index].astype(np.float32))
            return super().losses(batch)

    objective = Check()
    make_trainer(X).train(objective, **SETTINGS, max_epochs=2)
    assert [len(index) for index in objective.batches] == [10] * 8


def test_schedule__reaches_the_optimizer(X):
    trainer = make_trainer(X)
    trainer.train(Pull(), stage="s", optimizer="sgd", schedule="cosine", max_epochs=2)
    rates = [record["learning_rate"] for record in trainer.history]
    expected = [0.5e-3 * (1 + math.cos(math.pi * step / 8)) for step in (3, 7)]
    assert rates == pytest.approx(expected)


def test_modules_that_draw_globally__draw_from_the_seed_and_the_stage(X):
    class Draw(Pull):
        draws_globally = True

        def losses(self, batch):
            self.drawn = torch.rand(3)
            return super().losses(batch)

    def drawn(seed, stage):
        objective, trainer = Draw(), make_trainer(X)
        trainer.seed = seed
        trainer.train(objective, **{**SETTINGS, "stage": stage}, max_epochs=1)
        return tuple(objective.drawn.tolist())

    assert drawn(0, "one") == drawn(0, "one")
    assert len({drawn(0, "one"), drawn(1, "one"), drawn(0, "other")}) == 3


def test_generator__is_that_of_the_seed_and_the_stage(X):
    class Draw(Pull):
        def losses(self, batch):
            self.drawn = torch.rand(3, generator=self.generator)
            return super().losses(batch)

    def drawn(seed, stage):
        objective, trainer = Draw(), make_trainer(X)
        trainer.seed = seed
        trainer.train(objective, **{**SETTINGS, "stage": stage}, max_epochs=1)
        return tuple(objective.drawn.tolist())

    assert drawn(0, "one") == drawn(0, "one")
    assert len({drawn(0, "one"), drawn(1, "one"), drawn(0, "other")}) == 3


# -- history -----------------------------------------------------------------------


def test_history__one_record_per_epoch(X):
    trainer = make_trainer(X)
    trainer.train(Pull(), **SETTINGS, max_epochs=2)
    trainer.train(Pull(), **{**SETTINGS, "stage": "again"}, max_epochs=1)
    assert [record["stage"] for record in trainer.history] == ["pulling"] * 2 + [
        "again"
    ]
    assert [record["epoch"] for record in trainer.history] == [0, 1, 0]
    for record in trainer.history:
        assert list(record) == [
            "stage",
            "epoch",
            "loss",
            "first",
            "others",
            "learning_rate",
            "steps",
            "seconds",
        ]
        assert record["loss"] == record["first"] + record["others"]
        assert all(type(v) in (str, int, float) for v in record.values())
        assert record["seconds"] >= 0


def test_history__losses_are_means_over_rows_not_over_batches():
    class Sizes(Pull):
        def losses(self, batch):
            value = self.model.weight.sum() * 0 + len(batch.index)
            return {"size": value}

    trainer = make_trainer(np.zeros((14, 3)), batch_size=10)
    trainer.train(Sizes(), **SETTINGS, max_epochs=1)
    assert trainer.history[0]["loss"] == pytest.approx((10 * 10 + 4 * 4) / 14)


# -- apply -------------------------------------------------------------------------


def test_apply__is_in_eval_mode_and_goes_back(X):
    module = nn.Sequential(nn.Dropout(0.9), nn.Linear(3, 2))
    trainer = make_trainer(X)
    assert torch.equal(trainer.apply(module), trainer.apply(module.forward))
    assert module.training
    module.eval()
    assert trainer.apply(module).shape == (40, 2)
    assert not module.training


def test_apply__goes_back_after_an_error(X):
    module = nn.Linear(4, 2)
    with pytest.raises(RuntimeError):
        make_trainer(X).apply(module)
    assert module.training


# -- refresh and stop --------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "expected"),
    [(1, list(range(12))), (3, [0, 3, 6, 9]), (4, [0, 4, 8]), (100, [0])],
)
def test_refresh__comes_before_the_first_step_and_then_at_intervals(
    X, interval, expected
):
    objective = Pull(refresh_interval=interval)
    make_trainer(X).train(objective, **SETTINGS, max_epochs=3)
    assert objective.refreshed_after == expected


def test_no_interval__no_refresh(X):
    objective = Pull(refresh_interval=None)
    make_trainer(X).train(objective, **SETTINGS, max_epochs=3)
    assert objective.refreshed_after == []


@pytest.mark.parametrize("interval", [1, 2, 3, 4, 5])
def test_convergence__stops_at_the_second_refresh_that_follows_a_step(X, interval):
    objective = Pull(refresh_interval=interval, converges=True)
    trainer = make_trainer(X)
    records = trainer.train(objective, **SETTINGS, max_epochs=50)
    assert objective.refreshed_after == [0, interval, 2 * interval]
    assert int(objective.n_steps) == 2 * interval
    assert records == trainer.history
    assert len(records) == math.ceil(2 * interval / 4)


def test_callback__stops_the_stage(X):
    class Stop(Callback):
        def on_epoch_end(self, record):
            return record["epoch"] == 2

    trainer = make_trainer(X, callbacks=[Stop(), Callback()])
    assert len(trainer.train(Pull(), **SETTINGS, max_epochs=50)) == 3


# -- errors ------------------------------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_loss_that_is_not_finite__names_stage_and_epoch(X, value):
    class Broken(Pull):
        def losses(self, batch):
            factor = value if self.n_steps >= 9 else 1.0
            return {"broken": self.model.weight.sum() * factor}

    trainer = make_trainer(X)
    message = r"loss is (nan|inf) in stage 'pulling', epoch 2\..*learning_rate"
    with pytest.raises(ValueError, match=message):
        trainer.train(Broken(), **SETTINGS, max_epochs=9)


def test_weights_that_are_not_finite_after_the_last_step__raise(X):
    # The loss was computed before the step that ruined the weights.
    objective = Pull()
    trainer = make_trainer(X, batch_size=40)
    settings = {**SETTINGS, "learning_rate": 1e300}
    with pytest.raises(ValueError, match="learning_rate"):
        trainer.train(objective, **settings, max_epochs=1)


@pytest.mark.parametrize("where", ["losses", "refresh"])
def test_out_of_memory__names_the_batch_size(X, where):
    objective = Pull(refresh_interval=2)

    def out_of_memory(_):
        raise torch.OutOfMemoryError

    setattr(objective, where, out_of_memory)
    message = r"'cpu' ran out of memory in stage 'pulling' with batch_size=10\."
    with pytest.raises(MemoryError, match=message):
        make_trainer(X).train(objective, **SETTINGS, max_epochs=3)


def test_other_errors__come_through(X):
    objective = Pull()
    objective.model = nn.Linear(7, 1)
    with pytest.raises(RuntimeError, match="must match"):
        make_trainer(X).train(objective, **SETTINGS, max_epochs=3)


# -- callbacks ---------------------------------------------------------------------


class Diary(Callback):
    def __init__(self):
        self.entries = []

    def on_stage_begin(self, stage, max_epochs):
        self.entries.append(f"{stage} of {max_epochs} epochs")

    def on_epoch_end(self, record):
        self.entries.append(record["epoch"])

    def on_stage_end(self, stage):
        self.entries.append(f"end of {stage}")


def test_callbacks__are_told_everything_in_order(X):
    diary = Diary()
    make_trainer(X, callbacks=[diary]).train(Pull(), **SETTINGS, max_epochs=2)
    assert diary.entries == ["pulling of 2 epochs", 0, 1, "end of pulling"]


def test_callbacks__are_told_the_end_after_an_error(X):
    diary, objective = Diary(), Pull()
    objective.losses = None
    with pytest.raises(TypeError):
        make_trainer(X, callbacks=[diary]).train(objective, **SETTINGS, max_epochs=2)
    assert diary.entries == ["pulling of 2 epochs", "end of pulling"]


# -- checkpoints -------------------------------------------------------------------


def test_refresh__is_not_called_again_after_a_checkpoint(X, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SECONDS_BETWEEN", 0.0)

    class Fails(Pull):
        def losses(self, batch):
            if self.n_steps == 5:
                raise ZeroDivisionError
            return super().losses(batch)

    with pytest.raises(ZeroDivisionError):
        trainer = make_trainer(X, checkpoint=Checkpoint(tmp_path))
        trainer.train(Fails(refresh_interval=3), **SETTINGS, max_epochs=3)

    resumed, unbroken = Pull(refresh_interval=3), Pull(refresh_interval=3)
    trainer = make_trainer(X, checkpoint=Checkpoint(tmp_path))
    trainer.train(resumed, **SETTINGS, max_epochs=3)
    expected = make_trainer(X)
    expected.train(unbroken, **SETTINGS, max_epochs=3)
    assert resumed.refreshed_after == [6, 9]
    assert resumed.batches == unbroken.batches[3:]
    assert torch.equal(resumed.model.weight, unbroken.model.weight)
    for record, record_unbroken in zip(trainer.history, expected.history, strict=True):
        assert record | {"seconds": 0} == record_unbroken | {"seconds": 0}


def test_finished_stage__is_loaded_and_not_trained_again(X, tmp_path):
    first, second = Pull(), Pull()
    for objective in (first, second):
        trainer = make_trainer(X, checkpoint=Checkpoint(tmp_path))
        assert len(trainer.train(objective, **SETTINGS, max_epochs=3)) == 3
        assert len(trainer.history) == 3
    assert second.batches == []
    assert torch.equal(first.model.weight, second.model.weight)


def test_due__is_a_matter_of_time(X, tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(Checkpoint, "save", lambda *_, **__: saved.append(1))
    trainer = make_trainer(X, checkpoint=Checkpoint(tmp_path))
    trainer.train(Pull(refresh_interval=1), **SETTINGS, max_epochs=3)
    assert len(saved) == 1  # at the end; twenty seconds had not gone by before
