"""What the comparisons of speed share: networks, rows, estimators, a clock, pairs."""

import time
import warnings
from contextlib import contextmanager
from typing import NamedTuple
from unittest import mock

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from torch import nn

import skdeepcluster
from skdeepcluster import Autoencoder
from skdeepcluster.engine import Callback, Trainer, hardware, resolve_device

BATCH_SIZE = 256
NEVER = 10**9  # steps
N_CLUSTERS = 10
DEVICE = resolve_device("auto")
METHODS = (
    "Autoencoder",
    "DECClustering",
    "IDECClustering",
    "DCNClustering",
    "VaDEClustering",
)


class Setting(NamedTuple):
    """A network, rows, and how many epochs give a time that is worth reading."""

    sizes: tuple
    n_rows: int
    epochs: int

    @property
    def network(self):
        return "-".join(map(str, self.sizes))

    def rows(self):
        """Noisy copies of ten random pictures; uint8 where they are wide."""
        X = image_rows(self.n_rows, self.sizes[0])
        return X if self.sizes[0] > 64 else X.astype(np.float32)


SMALL = Setting(sizes=(64, 128, 64, 10), n_rows=1_797, epochs=40)
WIDE = Setting(sizes=(784, 500, 500, 2000, 10), n_rows=10_000, epochs=5)
LONG = WIDE._replace(n_rows=70_000, epochs=2)


def clock():
    """Seconds: the processor's for one thread on a CPU, so that other work counts less.

    Else those of the day.
    """
    if DEVICE.type == "cpu" and torch.get_num_threads() == 1:
        return time.process_time()
    return time.perf_counter()


def precisions():
    """Those that the device computes in natively."""
    return ("float32", "bfloat16") if hardware(DEVICE)[1] else ("float32",)


def image_rows(n_rows, n_pixels):
    """Noisy copies of ten random pictures: (n_rows, n_pixels) uint8."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, size=(N_CLUSTERS, n_pixels))
    rows = pictures[rng.integers(N_CLUSTERS, size=n_rows)].astype(np.float32)
    rows += rng.normal(0, 64, rows.shape).astype(np.float32)
    return np.clip(rows, 0, 255, out=rows).astype(np.uint8)


def perceptron(sizes):
    """Linear layers with ReLU between them."""
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1]).to(DEVICE)


def fitted(estimator, X):
    """Fit it; clusters may stay empty where training is too short to fill them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X)


def ours(name, setting, pretraining_epochs, **more):
    """An estimator of this package, given those parameters that it has."""
    batch_size = more.pop("batch_size", BATCH_SIZE)
    autoencoder = Autoencoder(
        setting.sizes[-1],
        hidden_layer_sizes=setting.sizes[1:-1],
        linear_path=more.pop("linear_path", False),
        max_epochs=pretraining_epochs,
        batch_size=batch_size,
        precision=more.get("precision", "float32"),
        random_state=0,
    )
    if name == "Autoencoder":
        return autoencoder
    estimator = getattr(skdeepcluster, name)(N_CLUSTERS, autoencoder=autoencoder)
    wanted = {
        "batch_size": batch_size,
        "init": "kmeans",  # ClustPy's start
        "learning_rate": 1e-4,  # ClustPy's in this stage
        "n_init": 1,
        "optimizer": "adam",
        "random_state": 0,
        "tol": 0,  # all epochs are run
        **more,
    }
    known = estimator.get_params(deep=False)
    return estimator.set_params(**{n: v for n, v in wanted.items() if n in known})


class EpochClock(Callback):
    """Seconds of every epoch, by stage; the others have a turn after each of them.

    Parameters
    ----------
    *others : callable

    Attributes
    ----------
    stages : dict of list
        For each epoch a list of its seconds and those of the others after it.
    """

    def __init__(self, *others):
        self.others, self.stages = others, {}

    def on_stage_begin(self, stage, max_epochs):
        self.epochs = self.stages.setdefault(stage, [])
        self.begin = clock()

    def on_epoch_end(self, record):
        seconds = [clock() - self.begin]
        for other in self.others:
            begin = clock()
            other()
            seconds.append(clock() - begin)
        self.epochs.append(seconds)
        self.begin = clock()


def without_looks(objective):
    """Keep it from looking at all rows, but before the first step."""
    if objective.refresh_interval is not None:
        objective.refresh_interval = NEVER


@contextmanager
def watching(callback, before=lambda objective: None):
    """Stages within it are told to the callback, their objectives first to `before`."""
    train = Trainer.train

    def watched(trainer, objective, **options):
        trainer.callbacks = [*trainer.callbacks, callback]
        before(objective)
        return train(trainer, objective, **options)

    with mock.patch.object(Trainer, "train", watched):
        yield


def in_turns(sides, repeats):
    """Call all in every repetition, each first in turn: (sides, repeats, ...)."""
    results = [[] for _ in sides]
    for turn in range(repeats):
        for number in range(len(sides)):
            side = (turn + number) % len(sides)
            results[side].append(sides[side]())
    return np.array(results)


def compared(ours, other, **fields):
    """One line of a table: medians of both sides, and the ratios of the pairs."""
    return {
        **fields,
        "ours": np.median(ours),
        "other": np.median(other),
        **spread(ours / other),
    }


def spread(values):
    """What the table says of repeated measurements."""
    return {
        "repetitions": len(values),
        "median": np.median(values),
        "min": np.min(values),
        "max": np.max(values),
    }
