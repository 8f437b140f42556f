"""What SCAN minimises in its two stages, and which of its heads does best."""

import torch
from torch import Tensor

from skdeepcluster.cluster._shared._heads import n_used
from skdeepcluster.engine import Objective, Trainer
from skdeepcluster.initialization import drawn_neighbors
from skdeepcluster.losses import confident_cross_entropy, consistency, mean_entropy
from skdeepcluster.networks import HeadModel
from skdeepcluster.representation import ViewObjective


class NeighborConsistency(Objective):
    """A row and its neighbours have one cluster, and clusters are equally large.

    Each head has a loss of its own.
    """

    takes_rows = True

    def __init__(self, model, rows, neighbors, views, entropy_weight):
        super().__init__(model)
        self.rows, self.views = rows, views
        self.entropy_weight = entropy_weight
        self.register_buffer("neighbors", neighbors, persistent=False)

    def losses(self, batch):
        index = torch.cat([batch.index, self.draw(batch.index)])
        x = torch.cat([batch.x, self.rows.take(index[len(batch.x) :])])
        if self.views is not None:
            x = self.views(x, index, self.generator)
        p = self.model.logits(x).softmax(dim=2)  # (n_heads, 2 batch, n_clusters)
        own, other = p.chunk(2, dim=1)
        return {
            "consistency": consistency(own, other).mean(),
            "balance": -self.entropy_weight * mean_entropy(own).mean(),
        }

    def draw(self, index):
        """One of the neighbours of each row, or the row itself: (n,) -> (n,)."""
        return drawn_neighbors(self.neighbors, index, self.generator)


class SelfLabelling(ViewObjective):
    """Rows that the model is sure of teach it to label views of them likewise."""

    def __init__(self, model, views, threshold):
        super().__init__(model, views)
        self.threshold = threshold
        self.register_buffer("confident", torch.zeros(()))
        self.register_buffer("taught", torch.tensor(False))

    def losses(self, batch):
        with torch.no_grad():
            teacher = self.model.assign(batch.x)
        student = self.model.log_assign(self.one_view(batch))
        loss, share = confident_cross_entropy(student, teacher, self.threshold)
        self.confident.copy_(share)
        self.taught |= share > 0
        return {"self_label": loss}

    def metrics(self):
        """The share of sure rows in the last batch."""
        return {"confident": float(self.confident)}


def head_losses(
    trainer: Trainer, model: HeadModel, neighbors: Tensor
) -> tuple[Tensor, Tensor]:
    """How well the heads do without labels: (n_heads,) losses, and (n_heads,) numbers
    of clusters that have rows.

    The loss is SCAN's with an entropy weight of one, over all rows and neighbours.
    """
    # A row that is alone has itself.
    columns = list(neighbors.T) or [torch.arange(len(neighbors)).to(neighbors)]
    losses, used = [], []
    for p in trainer.apply(model.assign_all).unbind(dim=1):  # (n, n_clusters)
        parts = [consistency(p, p[column]) for column in columns]
        losses.append(torch.stack(parts).mean() - mean_entropy(p))
        used.append(n_used(p))
    return torch.stack(losses), torch.stack(used)
