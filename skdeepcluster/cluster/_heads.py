"""What clusterers share whose model has heads that assign to clusters."""

from skdeepcluster.base import auto_batch_size
from skdeepcluster.cluster._assignments import LogOddsMixin, SoftAssignmentMixin
from skdeepcluster.cluster._base import DeepClusterer

_ROWS_PER_CLUSTER = 10  # in a batch, for its mean assignment to say something


class HeadClusterer(LogOddsMixin, SoftAssignmentMixin, DeepClusterer):
    """Base of clusterers with a head that gives each cluster its probability."""

    _even_batches = True

    def _auto_batch_size(self, n_samples: int) -> int:
        wanted = max(auto_batch_size(n_samples), _ROWS_PER_CLUSTER * self.n_clusters)
        return min(wanted, max(n_samples, 1))
