"""Views of rows of a table: floats of shape (n, d)."""

import torch
from torch import Generator, Tensor


def corrupt(
    rows: Tensor,
    donors: Tensor,
    generator: Generator | None = None,
    *,
    rate: float = 0.3,
) -> Tensor:
    """Values of other rows in some features: (n, d) and donors (m, d) -> (n, d).

    In every row a share `rate` of the features, rounded down but no less than one of
    several, each with the value of another random donor (Bahri, Jiang, Tay, Metzler,
    ICLR 2022).
    """
    n, d = rows.shape
    n_features = int(rate * d + 1e-9)  # 0.29 * 100 falls short of 29
    if rate > 0 and d > 1:
        n_features = max(n_features, 1)
    # The largest of independent draws are a random subset.
    draws = torch.rand(n, d, generator=generator, device=rows.device)
    features = draws.topk(n_features, dim=1, sorted=False).indices
    chosen = torch.randint(
        len(donors), (n, n_features), generator=generator, device=rows.device
    )
    return rows.scatter(1, features, donors[chosen, features].to(rows.dtype))


def add_noise(
    rows: Tensor, generator: Generator | None = None, *, deviation: float | Tensor = 0.1
) -> Tensor:
    """Rows with Gaussian noise: (n, d) -> (n, d).

    Its standard deviation is one for all features or one for each, (d,).
    """
    noise = torch.randn(
        rows.shape, generator=generator, dtype=rows.dtype, device=rows.device
    )
    return rows + deviation * noise


def mix(
    rows: Tensor,
    others: Tensor,
    generator: Generator | None = None,
    *,
    most: float = 0.5,
) -> Tensor:
    """Points between rows and others, such as neighbours: (n, d), (n, d) -> (n, d).

    The share of the other is uniform in [0, `most`], one for each row.
    """
    share = torch.rand(
        len(rows), 1, generator=generator, dtype=rows.dtype, device=rows.device
    )
    return rows.lerp(others, most * share)
