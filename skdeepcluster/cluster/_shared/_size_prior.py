"""The parameter `size_prior`: the shares of rows that clusters are expected to have."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from skdeepcluster.losses import zipf_prior
from skdeepcluster.utils import ArrayLikes

SIZE_PRIORS = ["uniform", "zipf", ArrayLikes()]
_EXPONENTS = {"uniform": 0.0, "zipf": 1.0}


def prior_shares(size_prior: str | ArrayLike, n_clusters: int) -> Tensor:
    """The shares that the parameter stands for: (k,) float32, which sum to one.

    Raises ValueError where it is neither a known name nor one size per cluster.
    """
    if isinstance(size_prior, str) and size_prior in _EXPONENTS:
        return zipf_prior(n_clusters, _EXPONENTS[size_prior])
    try:
        sizes = np.asarray(size_prior, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            shares = (sizes / sizes.sum()).astype(np.float32)
    except (TypeError, ValueError):
        shares = np.empty(0)
    # Of infinite sizes and of sizes that sum to zero the shares are not finite.
    if shares.shape != (n_clusters,) or not (shares > 0).all():
        raise ValueError(
            "size_prior must be 'uniform', 'zipf' or a positive, finite size for each "
            f"of the n_clusters={n_clusters} clusters. Got {size_prior!r}."
        )
    return torch.from_numpy(shares)
