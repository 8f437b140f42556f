"""A training step that is recorded once and then played, on CUDA devices."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from skdeepcluster.engine._rows import Batch

STEPS_BEFORE = (
    3  # as usual, so that libraries and the optimiser have set up their state
)


def can_record(device: torch.device) -> bool:
    """Whether the device can play what has been recorded."""
    return device.type == "cuda"


class RecordedStep:
    """Steps on batches of one shape as a CUDA graph.

    A step of a small network is a hundred kernels of a few microseconds each, more than
    Python can launch in the time that they take; a graph launches them as one. It reads
    and writes the memory that was there when it was recorded: weights, state of the
    optimiser and what is kept per row must stay where they are.

    Parameters
    ----------
    step : callable
        Makes the step with a batch and returns the loss terms.
    batch : Batch
        For its shape.
    generators : iterable of torch.Generator
        Those on the device that the step draws from.
    """

    def __init__(
        self,
        step: Callable[[Batch], dict[str, Tensor]],
        batch: Batch,
        generators: Iterable[torch.Generator],
    ):
        self.batch = Batch(batch.x.clone(), batch.index.clone())
        self.play = record(lambda: step(self.batch), generators)

    def __call__(self, batch: Batch) -> dict[str, Tensor]:
        """Make the step with this batch."""
        self.batch.x.copy_(batch.x)
        self.batch.index.copy_(batch.index)
        return {name: term.clone() for name, term in self.play().items()}


def record(
    step: Callable[[], dict[str, Tensor]], generators: Iterable[torch.Generator]
) -> Callable[[], dict[str, Tensor]]:
    """What plays the step and returns where its results lie; nothing is run yet."""
    graph = torch.cuda.CUDAGraph()
    for generator in generators:
        graph.register_generator_state(generator)
    with torch.cuda.graph(graph):
        terms = step()

    def play():
        graph.replay()
        return terms

    return play
