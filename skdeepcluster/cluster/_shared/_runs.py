"""Several runs of one clusterer, of which one is kept."""

import itertools
from typing import NamedTuple

import numpy as np
import torch
from sklearn.metrics import adjusted_rand_score
from torch import nn

from skdeepcluster.engine import are_kept, derive_seed
from skdeepcluster.representation import Autoencoder

# Measured with autoencoders of 35,000 to 580,000 weights and 2 to 10 runs.
_FEWEST_RUNS = 4
_MOST_WEIGHTS = 2**17


class Run(NamedTuple):
    """What one run leaves behind."""

    autoencoder: Autoencoder | None
    model: nn.Module
    init_labels: np.ndarray  # (n_samples,)
    history: list[dict]  # of the clustering stage


def run_seeds(seed: int, n_runs: int) -> list[int]:
    """A seed for each run; the first run is the fit that has no others beside it."""
    others = (derive_seed(seed, "run", str(number)) for number in range(1, n_runs))
    return [seed, *others]


def pays_as_one(n_runs: int, widths: list[int], device: torch.device) -> bool:
    """Whether runs of an autoencoder of these widths are faster as one.

    On a CPU only many runs of a network that leaves its caches room.
    """
    n_weights = 2 * sum(a * b for a, b in itertools.pairwise(widths))
    return device.type != "cpu" or (
        n_runs >= _FEWEST_RUNS and n_weights <= _MOST_WEIGHTS
    )


def learn_as_one(
    learner: Autoencoder, shape: tuple[int, int], n_runs: int, device: torch.device
) -> bool:
    """Whether autoencoders that differ in their seed are faster trained as one."""
    if not learner._has_standard_runs or not are_kept(shape):
        return False
    return pays_as_one(n_runs, learner._layer_widths(*shape), device)


def most_agreed(runs: list[Run], labels: list[np.ndarray]) -> tuple[int, list[dict]]:
    """The run whose labels agree most with those of the others, and a record of each.

    Agreement is the mean adjusted Rand index; where it is equal the loss decides.
    """
    agreement = np.zeros(len(runs))
    for one, other in itertools.combinations(range(len(runs)), 2):
        index = adjusted_rand_score(labels[one], labels[other])
        agreement[[one, other]] += index / (len(runs) - 1)
    losses = np.array([run.history[-1]["loss"] if run.history else 0 for run in runs])
    kept = int(np.lexsort((losses, -agreement.round(12)))[0])
    records = [
        {
            "stage": "runs",
            "run": number,
            "epoch": len(run.history),
            "loss": float(loss),
            "agreement": float(agree),
            "kept": number == kept,
            "lowest_loss": number == int(losses.argmin()),
        }
        for number, (run, loss, agree) in enumerate(
            zip(runs, losses, agreement, strict=True)
        )
    ]
    return kept, records
