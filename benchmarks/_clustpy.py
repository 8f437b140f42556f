"""Training against ClustPy."""

import functools
import importlib.util
import itertools
import sys
import types
from unittest import mock

import numpy as np
from _speed import (
    BATCH_SIZE,
    DEVICE,
    N_CLUSTERS,
    SMALL,
    WIDE,
    EpochClock,
    clock,
    compared,
    fitted,
    in_turns,
    ours,
    precisions,
    watching,
    without_looks,
)
from sklearn.datasets import load_digits

QUANTITIES = (
    "seconds per fit",
    "seconds per epoch of pre-training",
    "seconds per epoch of clustering",
)
SAME_WORK = ", no looks at all rows"  # of which ClustPy takes none while it trains


def compare_with_clustpy(repeats):
    """Five rows per network, precision and method, or one on what is missing."""
    if importlib.util.find_spec("clustpy") is None:
        yield {"part": "clustpy", "note": "skipped: clustpy is not installed"}
        return
    digits = (load_digits().data / 16).astype(np.float32)
    images = (WIDE.rows() / 255).astype(np.float32)
    settings = (
        (SMALL._replace(epochs=20), digits, ("float32",)),
        (WIDE._replace(epochs=2), images, precisions()),
    )
    for setting, X, kinds in settings:
        for method in ("DEC", "IDEC", "DCN", "VaDE"):
            sides = [functools.partial(clustpy_fit, method, setting, X)]
            cases = list(itertools.product(kinds, (True, False)))
            for precision, looks in cases:
                sides.append(
                    functools.partial(our_fit, method, setting, X, precision, looks)
                )
            other, *mine = in_turns(sides, repeats)
            for (precision, looks), seconds in zip(cases, mine, strict=True):
                for number, quantity in enumerate(QUANTITIES):
                    if "pre-training" in quantity and not looks:
                        continue  # measured already
                    yield compared(
                        seconds[:, number],
                        other[:, number],
                        part="clustpy",
                        method=method,
                        network=setting.network,
                        rows=len(X),
                        batch=BATCH_SIZE,
                        precision=precision,
                        quantity=quantity + ("" if looks else SAME_WORK),
                    )


def our_fit(method, setting, X, precision, looks):
    """Seconds of a fit and of an epoch in each stage."""
    epochs = setting.epochs
    estimator = ours(
        f"{method}Clustering", setting, epochs, max_epochs=epochs, precision=precision
    )
    watch = EpochClock()
    begin = clock()
    with watching(watch, (lambda objective: None) if looks else without_looks):
        fitted(estimator, X)
    seconds = clock() - begin
    pretraining, clustering = watch.stages.values()
    if not looks:  # but for the one before the first step
        clustering = [np.median(clustering[1:])] * len(clustering)
    return [seconds, *mean_epochs([pretraining, clustering], epochs)]


def mean_epochs(stages, epochs):
    """Mean seconds of an epoch in the two stages, each with that many epochs."""
    lengths = [len(seconds) for seconds in stages]
    if lengths != [epochs, epochs]:
        raise RuntimeError(f"Stages of {lengths} epochs, not two of {epochs}.")
    return [np.mean(seconds) for seconds in stages]


def clustpy_fit(method, setting, X):
    """Seconds of a fit and of an epoch in each stage."""
    clusterer = clustpy_clusterer(method, setting)
    bars = []

    def start_bar(n_epochs, desc):
        bars.append(TimedEpochs(n_epochs))
        return bars[-1]

    with mock.patch("tqdm.trange", start_bar):  # its only sign that an epoch has ended
        begin = clock()
        clusterer.fit(X)
        seconds = clock() - begin
    return [seconds, *mean_epochs([bar.seconds for bar in bars], setting.epochs)]


class TimedEpochs:
    """A stop-watch where ClustPy expects a progress bar."""

    def __init__(self, n_epochs):
        self.n_epochs, self.seconds = n_epochs, []

    def __iter__(self):
        for epoch in range(self.n_epochs):
            begin = clock()
            yield epoch
            self.seconds.append(clock() - begin)

    def set_postfix(self, *args, **kwargs):
        """Show nothing."""


def clustpy_clusterer(method, setting):
    """ClustPy's method with the same network, batches and epochs."""
    stand_in_for_torchvision()
    from clustpy import deep
    from clustpy.deep import neural_networks

    mixture = method == "VaDE"
    network = neural_networks.FeedforwardAutoencoder
    if mixture:
        network = neural_networks.VariationalAutoencoder
    start = {"n_init": 1, "covariance_type": "diag"} if mixture else {"n_init": 1}
    return getattr(deep, method)(
        N_CLUSTERS,
        batch_size=BATCH_SIZE,
        pretrain_epochs=setting.epochs,
        clustering_epochs=setting.epochs,
        neural_network=(network, {"layers": list(setting.sizes)}),
        embedding_size=setting.sizes[-1],
        initial_clustering_params=start,
        device=DEVICE,
        random_state=0,
    )


def stand_in_for_torchvision():
    """ClustPy imports it always, and needs it only for images that nobody asks for."""
    if "torchvision" in sys.modules or importlib.util.find_spec("torchvision"):
        return
    names = {
        "torchvision": (),
        "torchvision.datasets": ("VisionDataset",),
        "torchvision.models": (),
        "torchvision.models._api": ("Weights", "WeightsEnum"),
        "torchvision.transforms": (),
    }
    for name, classes in names.items():
        module = types.ModuleType(name)
        vars(module).update({known: type(known, (), {}) for known in classes})
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
