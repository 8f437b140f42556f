"""What clusterers share that label the rows they are given, and no others."""

import numpy as np

from skdeepcluster.cluster._shared._base import BaseClusterer


class TransductiveClusterer(BaseClusterer):
    """Base of those that compare all rows with each other, so that they have a limit.

    `_most_rows` is that limit, and `_for_more_rows` the name of a clusterer without.
    """

    _most_rows: int
    _for_more_rows: str

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        if X.shape[0] > self._most_rows:
            raise ValueError(
                f"{type(self).__name__} compares all rows with each other and takes at "
                f"most {self._most_rows:,} of them. Got n_samples={X.shape[0]}: fit a "
                "sample, and label the others by a KNeighborsClassifier on its "
                f"embedding; or use {self._for_more_rows}."
            )

    def _label_training_rows(self, X, labels: np.ndarray, start) -> None:
        """Take (n_samples,) labels; after a warm start clusters keep their numbers."""
        means = None if start is None else self.cluster_means_
        self._set_labels(X, labels, self.n_clusters)
        if means is not None:
            self._take_numbers_of(means)
