"""What contrasts remember of steps before: rows, a queue, weights."""

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """A vector of length one for each row, the running mean of its embeddings.

    Parameters
    ----------
    n_rows, size : int
    momentum : float
        Share of what was remembered in what will be.
    generator : torch.Generator
        Source of the first vectors, before any row was seen.
    """

    vectors: Tensor

    def __init__(
        self, n_rows: int, size: int, momentum: float, generator: torch.Generator
    ):
        super().__init__()
        self.momentum = momentum
        first = torch.randn(n_rows, size, generator=generator, device=generator.device)
        self.register_buffer("vectors", F.normalize(first, dim=1))

    @torch.no_grad()
    def update(self, index: Tensor, z: Tensor) -> None:
        """Remember embeddings of rows: (n,) int64 and (n, size)."""
        moved = self.vectors[index].lerp(z.float(), 1 - self.momentum)
        self.vectors.index_copy_(0, index, F.normalize(moved, dim=1))


class Queue(nn.Module):
    """The last vectors that were put in, in the place of the first.

    Parameters
    ----------
    length, size : int
    generator : torch.Generator
        Source of the vectors that it holds until others come, of length one.
    """

    vectors: Tensor
    position: Tensor

    def __init__(self, length: int, size: int, generator: torch.Generator):
        super().__init__()
        first = torch.randn(length, size, generator=generator, device=generator.device)
        self.register_buffer("vectors", F.normalize(first, dim=1))
        self.register_buffer("position", torch.tensor(0))

    @torch.no_grad()
    def push(self, z: Tensor) -> None:
        """(n, size), of which the last stay where it holds no more."""
        length = len(self.vectors)
        z = z[-length:]
        places = (self.position + torch.arange(len(z), device=z.device)) % length
        self.vectors.index_copy_(0, places, z.to(self.vectors.dtype))
        self.position.add_(len(z)).remainder_(length)


class MovingAverage(nn.Module):
    """A copy of a network whose weights follow it, without gradients.

    Parameters
    ----------
    network : nn.Module
    momentum : float
        Share of the average before in the average after a step.
    n_steps : int
        Steps that there will be. The average looks back at no more than a twentieth of
        them, whatever the momentum: in a short fit it would stay near its start.
    """

    def __init__(self, network: nn.Module, momentum: float, n_steps: int):
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.momentum = max(0.0, min(momentum, 1 - 20 / max(n_steps, 1)))

    def forward(self, x: Tensor) -> Tensor:
        """What the averaged network makes of the rows."""
        return self.network(x)

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Take a step towards the weights of the network, and its other state."""
        mine, its = list(self.network.parameters()), list(network.parameters())
        torch._foreach_lerp_(mine, its, 1 - self.momentum)
        for own, other in zip(self.network.buffers(), network.buffers(), strict=True):
            own.copy_(other)
