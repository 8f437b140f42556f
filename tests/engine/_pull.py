"""A toy to train: a point that is pulled to the mean of the rows."""

import numpy as np
import torch
from torch import nn

from skdeepcluster.engine import Objective, Rows, Trainer

CPU = torch.device("cpu")


class Pull(Objective):
    """Mean squared distance of the rows to a point, in two terms."""

    def __init__(self, refresh_interval=None, converges=False):
        super().__init__(nn.Linear(3, 1, bias=False), refresh_interval)
        with torch.no_grad():
            self.model.weight.fill_(5.0)
        self.converges = converges
        self.refreshed_after = []  # steps
        self.batches = []  # row numbers
        self.register_buffer("n_steps", torch.zeros((), dtype=torch.int64))

    def losses(self, batch):
        assert self.training
        self.batches.append(batch.index.tolist())
        distance = (batch.x - self.model.weight[0]).square()
        return {"first": distance[:, 0].mean(), "others": distance[:, 1:].sum(1).mean()}

    def refresh(self, trainer):
        self.refreshed_after.append(int(self.n_steps))
        return self.converges

    def after_step(self, batch):
        self.n_steps += 1

    def metrics(self):
        return {"steps": int(self.n_steps)}


def make_trainer(X, batch_size=10, **settings):
    rows = Rows(X, np.zeros(3), 1.0, CPU)
    return Trainer(rows, batch_size=batch_size, seed=0, **settings)


SETTINGS = {"stage": "pulling", "optimizer": "sgd", "learning_rate": 0.05}
