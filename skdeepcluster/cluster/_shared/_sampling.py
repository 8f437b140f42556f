"""The clusters of rows that are to be made."""

import numpy as np

from skdeepcluster.utils import Integers


def drawn_clusters(
    n_clusters: int,
    n_samples: int,
    cluster: int | None,
    rng: np.random.RandomState,
    shares: np.ndarray | None = None,
) -> np.ndarray:
    """One for each row: `cluster`, or drawn with probabilities: (n_samples,) int64.

    Without `shares` all are equally probable. Raises ValueError where `n_samples` or
    `cluster` is no such number.
    """
    if n_samples not in Integers(1):
        raise ValueError(f"n_samples must be {Integers(1)}. Got {n_samples!r} instead.")
    known = Integers(0, n_clusters - 1)
    if cluster is not None and cluster not in known:
        raise ValueError(f"cluster must be None or {known}. Got {cluster!r}.")
    labels = rng.choice(n_clusters, size=n_samples, p=shares)
    if cluster is not None:
        labels = np.full(n_samples, cluster)
    return labels.astype(np.int64)
