"""Where the targets of self-training come from, between two looks at all rows."""

import copy

import torch
from torch import Tensor, nn

from skdeepcluster.engine import Batch, Passes
from skdeepcluster.losses import target_distribution

STORED_TARGETS = 2**26  # rows times clusters, up to which targets are kept


class StoredTargets(nn.Module):
    """The targets of all rows, kept."""

    def __init__(self, model: nn.Module, n_samples: int, balance: float):
        super().__init__()
        self.balance = balance
        self.register_buffer("p", torch.zeros(n_samples, model.n_clusters))

    def renew(self, model: nn.Module, z: Passes) -> None:
        """Targets of the soft assignments as they are now."""
        frequencies = torch.zeros(model.n_clusters, dtype=torch.float64).to(z.device)
        for rows, part in z:
            q = model.log_q(part).exp()
            self.p[rows] = q
            frequencies += q.sum(dim=0)
        frequencies = z.group.sum(frequencies).to(self.p)
        for rows, _ in z:
            self.p[rows] = target_distribution(self.p[rows], self.balance, frequencies)

    def of(self, batch: Batch) -> Tensor:
        """(batch, n_clusters)."""
        return self.p.index_select(0, batch.index)


class TeacherTargets(nn.Module):
    """The same from a copy of the model, for more rows and clusters than memory has.

    Every step costs one more forward pass.
    """

    def __init__(self, model: nn.Module, balance: float):
        super().__init__()
        self.balance = balance
        self.teacher = copy.deepcopy(model).requires_grad_(False)
        self.register_buffer("frequencies", torch.zeros(model.n_clusters))

    def renew(self, model: nn.Module, z: Passes) -> None:
        """Targets of the soft assignments as they are now."""
        frequencies = torch.zeros(model.n_clusters, dtype=torch.float64).to(z.device)
        for _, part in z:
            frequencies += model.log_q(part).exp().sum(dim=0)
        self.frequencies.copy_(z.group.sum(frequencies))
        self.teacher.load_state_dict(model.state_dict())

    @torch.no_grad()
    def of(self, batch: Batch) -> Tensor:
        """(batch, n_clusters)."""
        self.teacher.eval()  # no dropout in it, whatever mode the student is in
        q = self.teacher.assign(batch.x)
        return target_distribution(q, self.balance, self.frequencies)


def make_targets(model: nn.Module, n_samples: int, balance: float) -> nn.Module:
    """Targets of a model with centroids, kept where they are few enough."""
    if n_samples * model.n_clusters <= STORED_TARGETS:
        return StoredTargets(model, n_samples, balance)
    return TeacherTargets(model, balance)
