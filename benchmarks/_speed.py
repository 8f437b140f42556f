"""What the comparisons of speed share: networks, rows, estimators, pairs of runs."""

import warnings
from typing import NamedTuple

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from torch import nn

import skdeepcluster
from skdeepcluster import Autoencoder
from skdeepcluster.engine import hardware, resolve_device

BATCH_SIZE = 256
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
    """A network and how many epochs give a time that is worth reading."""

    sizes: tuple
    epochs: int

    @property
    def network(self):
        return "-".join(map(str, self.sizes))


SMALL = Setting(sizes=(64, 128, 64, 10), epochs=20)
WIDE = Setting(sizes=(784, 500, 500, 2000, 10), epochs=4)


def can_bfloat16():
    """Whether the device multiplies it natively."""
    return hardware(DEVICE)[1]


def image_rows(n_rows, n_pixels):
    """Noisy copies of ten random pictures: (n_rows, n_pixels) uint8."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, size=(N_CLUSTERS, n_pixels))
    rows = pictures[rng.integers(N_CLUSTERS, size=n_rows)]
    return np.clip(rows + rng.normal(0, 64, rows.shape), 0, 255).astype(np.uint8)


def perceptron(sizes):
    """Linear layers with ReLU between them."""
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


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
        "learning_rate": 1e-4,  # ClustPy's in this stage
        "n_init": 1,
        "optimizer": "adam",
        "random_state": 0,
        "tol": 0,  # all epochs are run
        **more,
    }
    known = estimator.get_params(deep=False)
    return estimator.set_params(**{n: v for n, v in wanted.items() if n in known})


def in_pairs(ours, other, repeats):
    """Call both in every repetition: (2, repeats, ...) of what they return."""
    results = [], []
    for turn in range(repeats):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            results[side].append((ours, other)[side]())
    return np.array(results)


def row(part, setting, rows, precision, *, ours, other, **fields):
    """One line of the table: medians of both sides, and the ratios of the pairs."""
    ratios = ours / other
    return {
        "part": part,
        "network": setting.network,
        "rows": rows,
        "precision": precision,
        **fields,
        "ours": np.median(ours),
        "other": np.median(other),
        **spread(ratios),
    }


def spread(values):
    """What the table says of repeated measurements."""
    return {
        "repetitions": len(values),
        "median": np.median(values),
        "min": np.min(values),
        "max": np.max(values),
    }
