"""Steps of several updates, each with losses and weights of its own."""

from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from skdeepcluster.engine import Checkpoint, Objective, Update
from skdeepcluster.engine import _checkpoint as checkpoint_module
from tests.engine._pull import make_trainer

SETTINGS = {"stage": "game", "learning_rate": 0.01}
BETAS, FACTOR, N_STEPS = (0.5, 0.9), 0.3, 2


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(40, 3))


class Game(Objective):
    """A line that tells rows from a point, several times in a step; then the point."""

    def __init__(self):
        super().__init__(nn.ParameterDict())
        self.model["line"] = nn.Parameter(torch.tensor([0.5, -0.3, 0.2]))
        self.model["point"] = nn.Parameter(torch.tensor([2.0, 1.0, 0.0]))
        self.seen = []  # rows of each batch
        self.register_buffer("n_steps", torch.zeros((), dtype=torch.int64))

    def updates(self, batch):
        self.seen.append(batch.x)
        line, point = [self.model["line"]], [self.model["point"]]
        parts = batch.x.chunk(N_STEPS)
        return [
            *(Update(partial(self.line_losses, x), line) for x in parts),
            Update(partial(self.losses, batch), point),
        ]

    def parameter_groups(self):
        return [
            {"params": [self.model["line"]], "betas": BETAS, "factor": FACTOR},
            {"params": [self.model["point"]]},
        ]

    def line_losses(self, x):
        assert self.model["point"].grad is None
        line = self.model["line"]
        between = (x - self.model["point"]) @ line
        return {"line": between.mean(), "length": line.square().sum()}

    def losses(self, batch):
        return {"point": (self.model["point"] * self.model["line"]).sum().square()}

    def after_step(self, batch):
        assert all(weights.grad is None for weights in self.parameters())
        self.n_steps += 1


def by_hand(batches):
    """Both players with an optimiser each; the weights and all terms of all steps."""
    toy = Game()
    line, point = toy.model["line"], toy.model["point"]
    of_line = torch.optim.Adam([line], lr=FACTOR * 0.01, betas=BETAS)
    of_point = torch.optim.Adam([point], lr=0.01)
    records = []
    for x in batches:
        record = {}
        for part in x.chunk(N_STEPS):
            terms = toy.line_losses(part)
            (line.grad,) = torch.autograd.grad(sum(terms.values()), line)
            of_line.step()
            record |= terms
        terms = toy.losses(None)
        (point.grad,) = torch.autograd.grad(sum(terms.values()), point)
        of_point.step()
        point.grad = None
        records.append({k: float(v.detach()) for k, v in (record | terms).items()})
    return line, point, records


def test_updates__are_those_of_two_optimisers(X):
    objective = Game()
    history = make_trainer(X).train(objective, max_epochs=3, **SETTINGS)
    line, point, expected = by_hand(objective.seen)
    assert len(expected) == 12
    torch.testing.assert_close(objective.model["line"], line, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(objective.model["point"], point, rtol=1e-6, atol=1e-7)
    for number, record in enumerate(history):
        here = expected[4 * number : 4 * number + 4]
        for name in ("line", "length", "point"):
            mean = np.mean([terms[name] for terms in here])
            assert record[name] == pytest.approx(mean, rel=1e-5)
        assert record["loss"] == pytest.approx(
            record["line"] + record["length"] + record["point"]
        )
        assert record["learning_rate"] == 0.01


def test_weights_of_another_update__stay(X):
    class OfLine(Game):
        def updates(self, batch):
            return super().updates(batch)[:-1]

    objective = OfLine()
    before = objective.model["point"].clone()
    make_trainer(X).train(objective, max_epochs=1, **SETTINGS)
    assert torch.equal(objective.model["point"], before)
    assert not torch.equal(objective.model["line"], Game().model["line"])


def test_interrupted_game__goes_on(X, tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "SECONDS_BETWEEN", 0.0)
    expected = Game()
    make_trainer(X).train(expected, max_epochs=4, **SETTINGS)

    class Interrupted(Game):
        def losses(self, batch):
            if self.n_steps == 9:
                raise KeyboardInterrupt
            return super().losses(batch)

    checkpoint = Checkpoint(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        make_trainer(X, checkpoint=checkpoint).train(
            Interrupted(), max_epochs=4, **SETTINGS
        )
    objective = Game()
    make_trainer(X, checkpoint=checkpoint).train(objective, max_epochs=4, **SETTINGS)
    assert len(objective.seen) == 8
    for name, weights in expected.state_dict().items():
        assert torch.equal(objective.state_dict()[name], weights), name
