"""The parameter `size_prior`: the shares of rows that clusters are expected to have."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from skdeepcluster.losses import zipf_prior
from skdeepcluster.utils import ArrayLikes, check_array_like

SIZE_PRIORS = ["uniform", "zipf", ArrayLikes()]
_EXPONENTS = {"uniform": 0.0, "zipf": 1.0}


def prior_shares(size_prior: str | ArrayLike, n_clusters: int) -> Tensor:
    """The shares that the parameter stands for: (k,) float32, which sum to one.

    Raises ValueError where it is neither a known name nor one size per cluster.
    """
    if isinstance(size_prior, str) and size_prior in _EXPONENTS:
        return zipf_prior(n_clusters, _EXPONENTS[size_prior])
    try:
        sizes = np.asarray(check_array_like(size_prior), dtype=np.float64)
    except (TypeError, ValueError):
        sizes = np.empty(0)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        shares = (sizes / sizes.sum()).astype(np.float32)
    # Of infinite sizes the shares are not finite; of the smallest they may be zero.
    positive = sizes.shape == (n_clusters,) and (sizes > 0).all() and (shares > 0).all()
    if not positive:
        raise ValueError(
            "size_prior must be 'uniform', 'zipf' or a positive, finite size for each "
            f"of the n_clusters={n_clusters} clusters. Got {size_prior!r}."
        )
    return torch.from_numpy(shares)
