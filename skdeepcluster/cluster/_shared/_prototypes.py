"""Prototypes: what rows are compared with in the place of other rows."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from skdeepcluster.engine import Passes
from skdeepcluster.initialization import kmeans_centers
from skdeepcluster.losses import prototype_contrast

_NARROWEST = 0.1  # temperature of a prototype, in parts of the mean of all


class Prototypes(nn.Module):
    """Several numbers of centroids, and to which of them each row belongs."""

    def __init__(self, sizes, n_rows, width, temperature):
        super().__init__()
        self.sizes, self.temperature = list(sizes), temperature
        n_all = sum(self.sizes)
        self.register_buffer("vectors", torch.zeros(n_all, width))
        self.register_buffer("temperatures", torch.full((n_all,), temperature))
        labels = torch.zeros(len(self.sizes), n_rows, dtype=torch.int64)
        self.register_buffer("labels", labels)

    def forward(self, z: Tensor, index: Tensor) -> Tensor:
        """Contrast of rows with these numbers, mean over the numbers of centroids."""
        each = zip(
            self.vectors.split(self.sizes),
            self.temperatures.split(self.sizes),
            self.labels,
            strict=True,
        )
        losses = [
            prototype_contrast(z, vectors, temperatures, labels[index])
            for vectors, temperatures, labels in each
        ]
        return torch.stack(losses).mean()

    @torch.no_grad()
    def renew(self, z: Passes, generator: torch.Generator) -> None:
        """K-means of all rows, for each number of centroids from a new start."""
        vectors = self.vectors.split(self.sizes)
        temperatures = self.temperatures.split(self.sizes)
        device = generator.device
        for number, size in enumerate(self.sizes):
            seed = torch.randint(2**31 - 1, (), generator=generator, device=device)
            centers, labels = kmeans_centers(z, size, 1, int(seed))
            # Of each the sum of the distances of its rows, and their number.
            sums = torch.zeros(size, 2, dtype=torch.float64).to(labels.device)
            for here, part in z:
                distance = (part - centers[labels[here]]).norm(dim=1)
                counted = torch.stack([distance, torch.ones_like(distance)], dim=1)
                sums.index_add_(0, labels[here], counted.double())
            distances, sizes = z.group.sum(sums).unbind(dim=1)
            self.labels[number] = labels
            vectors[number].copy_(F.normalize(centers, dim=1))
            temperatures[number].copy_(
                concentrations(distances, sizes, self.temperature)
            )


def concentrations(distances: Tensor, sizes: Tensor, temperature: float) -> Tensor:
    """Temperature of each cluster: low where many rows lie close to the centroid.

    Sums of the distances to it, and numbers of rows: (k,) and (k,) -> (k,), around a
    mean of `temperature`.
    """
    wide = distances / sizes.clamp_min(1) / torch.log(sizes + 10)
    wide = torch.where(sizes > 1, wide, wide.max())  # a row alone has no distance
    lowest, highest = wide.quantile(torch.tensor([0.1, 0.9]).to(wide))
    wide = wide.clamp(lowest, highest)
    parts = (wide / wide.mean()).nan_to_num(1.0)  # all rows may lie on centroids
    return temperature * parts.clamp_min(_NARROWEST)
