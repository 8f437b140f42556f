"""Several runs of one objective, trained as one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap

from skdeepcluster.engine._objective import Objective
from skdeepcluster.engine._rows import Batch


class Runs(Objective):
    """Objectives that differ in their numbers only: one step trains all of them.

    The state of all runs lies in common tensors with the run as first dimension, of
    which that of each objective is a view, so that a step of all runs is one batched
    computation while what is done now and then can be done run by run. Runs that have
    converged leave: what they are then stays in their objective.

    Parameters
    ----------
    objectives : sequence of Objective
        Of equal form, on one device, without modules that keep count of their calls.
    """

    def __init__(self, objectives: Sequence[Objective]):
        nn.Module.__init__(self)
        self._parts = list(objectives)  # a list, since their state is counted once
        self.refresh_interval = self._parts[0].refresh_interval
        self.running = list(range(len(self._parts)))
        self._common: dict[str, Tensor] = {}
        self._lay_together()

    @property
    def parts(self):
        return self._parts

    @property
    def model(self) -> nn.Module:
        """One of the models, for its form."""
        return self._parts[self.running[0]].model

    def bind(self, generator, group):
        for part in self._parts:
            part.bind(generator, group)

    def losses(self, batch):
        return self._of_all("losses", batch)

    def after_step(self, batch):
        if type(self._parts[0]).after_step is not Objective.after_step:
            self._of_all("after_step", batch)

    def refresh(self, trainer):
        return [self._parts[run].refresh(trainer) for run in self.running]

    def keep(self, going_on: Tensor) -> None:
        """Let all runs leave but these: positions among those that run."""
        going_on = going_on.tolist()
        for position, run in enumerate(self.running):
            if position not in going_on:
                for tensor in _state(self._parts[run]).values():
                    tensor.data = tensor.data.clone()
        self.running = [self.running[position] for position in going_on]
        self._lay_together()

    def _of_all(self, method, batch):
        """What a method of the objectives returns, with the run as first dimension."""
        if len(self.running) < len(self._parts):
            batch = Batch(*(each.index_select(0, self._places) for each in batch))
        form = self._parts[self.running[0]]

        def of_one(state, batch):
            result = functional_call(form, state, (batch, method))
            return {} if result is None else result

        return vmap(of_one, randomness="different")(self._common, batch)

    def _lay_together(self):
        device = next(self._parts[0].parameters()).device
        self._places = torch.tensor(self.running, device=device)
        states = [_state(self._parts[run]) for run in self.running]
        for name, first in states[0].items():
            together = torch.stack([state[name].detach() for state in states])
            if name in self._common:  # the optimiser knows it
                self._common[name].data = together
            elif isinstance(first, nn.Parameter):
                self._common[name] = nn.Parameter(together, first.requires_grad)
            else:
                self._common[name] = together
            for state, own in zip(states, together, strict=True):
                state[name].data = own

    # -- as a module ---------------------------------------------------------------

    def parameters(self, recurse: bool = True):
        return (p for p in self._common.values() if isinstance(p, nn.Parameter))

    def train(self, mode: bool = True):
        for part in self._parts:
            part.train(mode)
        return super().train(mode)

    def state_dict(self):
        return {
            "running": self.running,
            "runs": [part.state_dict() for part in self._parts],
        }

    def load_state_dict(self, state):
        for part, own in zip(self._parts, state["runs"], strict=True):
            part.load_state_dict(own)
        self.keep(torch.tensor([self.running.index(run) for run in state["running"]]))


def _state(objective: Objective) -> dict[str, Tensor]:
    return {**dict(objective.named_parameters()), **dict(objective.named_buffers())}
