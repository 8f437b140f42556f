"""What clusterers share that train several heads on views and keep the best."""

from abc import abstractmethod

import torch
from torch import Tensor

from skdeepcluster.cluster._shared._from_views import OverclusteringClusterer
from skdeepcluster.cluster._shared._heads import best_head, n_used
from skdeepcluster.engine import generator
from skdeepcluster.networks import ClusterHeads
from skdeepcluster.representation import ViewObjective
from skdeepcluster.utils import Integers, Reals


class HeadsObjective(ViewObjective):
    """Each head has a loss of its own, and so has each of the finer ones.

    Parameters
    ----------
    model : HeadModel
    overclusters : ClusterHeads or None
        Those with more clusters.
    views : Views
    entropy_weight : float
    steps_per_epoch : int
    """

    def __init__(self, model, overclusters, views, entropy_weight, steps_per_epoch):
        super().__init__(model, views)
        self.overclusters = overclusters
        self.entropy_weight, self.steps_per_epoch = entropy_weight, steps_per_epoch
        # Of each head, the running mean over as many steps as an epoch has.
        self.register_buffer("head_losses", torch.zeros(model.heads.n_heads))
        self.register_buffer("n_steps", torch.tensor(0))

    @abstractmethod
    def of_heads(self, p_a: Tensor, p_b: Tensor) -> Tensor:
        """The loss of each head, from the assignments of two views of each row:
        (n_heads, batch, n_clusters) twice -> (n_heads,).
        """

    def losses(self, batch):
        """The mean over the heads, and that over the finer ones."""
        h = self.model.encoder(self.two_views(batch))
        of_heads = self._of(self.model.heads, h)
        self._remember(of_heads)
        terms = {"clusters": of_heads.mean()}
        if self.overclusters is not None:
            terms["overclusters"] = self._of(self.overclusters, h).mean()
        return terms

    def _of(self, heads, h):
        """The loss of each head: (2 batch, n_inputs) -> (n_heads,)."""
        return self.of_heads(*heads(h).softmax(dim=2).chunk(2, dim=1))

    @torch.no_grad()
    def _remember(self, losses):
        self.n_steps += 1
        self.head_losses.lerp_(losses, 1 / self.n_steps.clamp_max(self.steps_per_epoch))


class SeveralHeadsClusterer(OverclusteringClusterer):
    """Base of those that keep, of several heads, the best by its own loss."""

    n_heads: int

    _parameter_rules = {
        **OverclusteringClusterer._parameter_rules,
        "n_heads": [Integers(1)],
        "entropy_weight": [Reals(0)],
    }

    def _make_heads(self, n_clusters, seed, name):
        size = self.n_components_
        weights = generator(seed, name)
        return ClusterHeads(size, n_clusters, self.n_heads, size, weights)

    def _finish(self, trainer, objective):
        every = trainer.apply(self.model_.assign_all)
        used = torch.stack([n_used(p) for p in every.unbind(dim=1)])
        self.head_losses_ = objective.head_losses.cpu().numpy()
        self.best_head_ = best_head(objective.head_losses, used)
        self.model_.choose(self.best_head_)
