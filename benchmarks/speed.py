"""How fast training is, beside a hand-written loop and beside ClustPy; memory.

Run it from the root of the repository, on a machine that does nothing else::

    python benchmarks/speed.py

It writes ``benchmarks/speed.csv`` and, as tables, ``benchmarks/speed.rst``. Times are
compared within pairs of runs that follow each other, each side going first in turn: the
median ratio of the pairs and its range say more than seconds, which change with what
else the machine does.

loop
    One epoch of training against the shortest loop that does the same arithmetic: same
    network, loss, optimiser, precision and batches of 256 rows, but no shuffling, no
    history and no new targets. The time of a run is that of its fastest epoch: what
    else the machine does only makes epochs slower.
clustpy
    Whole fits, and their mean epochs, against ClustPy's methods of the same name, with
    the same network, batches, epochs and one start of k-means (mixture). Its optimiser
    is Adam as it comes, in float32; ours the fused one, in the precision that
    ``"auto"`` chooses. Skipped where ClustPy is not installed.
memory
    What ``predict`` adds to the memory of a fresh process at its peak (Linux only).
"""

import argparse
import cProfile
import csv
import functools
import importlib.metadata
import importlib.util
import multiprocessing
import pickle
import pstats
import sys
import time
import types
import warnings
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import torch
import torch.nn.functional as F
from _methods import environment
from _page import NOTHING, heading, simple_table
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits
from torch import nn

import skdeepcluster
from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.engine import hardware, resolve_device, resolve_precision

BATCH_SIZE = 256
N_CLUSTERS = 10
DEVICE = resolve_device("auto")
COLUMNS = (
    *("part", "method", "network", "rows", "precision", "quantity"),
    *("ours", "other", "repetitions", "median", "min", "max", "note"),
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


def image_rows(n_rows, n_pixels):
    """Noisy copies of ten random pictures: (n_rows, n_pixels) uint8."""
    rng = np.random.default_rng(0)
    pictures = rng.integers(0, 256, size=(N_CLUSTERS, n_pixels))
    rows = pictures[rng.integers(N_CLUSTERS, size=n_rows)]
    return np.clip(rows + rng.normal(0, 64, rows.shape), 0, 255).astype(np.uint8)


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


def fitted(estimator, X):
    """Fit it; clusters may stay empty where training is too short to fill them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X)


def ours(name, setting, pretraining_epochs, **more):
    """An estimator of this package, given those parameters that it has."""
    autoencoder = Autoencoder(
        setting.sizes[-1],
        hidden_layer_sizes=setting.sizes[1:-1],
        linear_path=more.pop("linear_path", False),
        max_epochs=pretraining_epochs,
        batch_size=BATCH_SIZE,
        precision=more.get("precision", "float32"),
        random_state=0,
    )
    if name == "Autoencoder":
        return autoencoder
    estimator = getattr(skdeepcluster, name)(N_CLUSTERS, autoencoder=autoencoder)
    wanted = {
        "batch_size": BATCH_SIZE,
        "learning_rate": 1e-4,  # ClustPy's in this stage
        "n_init": 1,
        "optimizer": "adam",
        "random_state": 0,
        "tol": 0,  # all epochs are run
        **more,
    }
    known = estimator.get_params(deep=False)
    return estimator.set_params(**{n: v for n, v in wanted.items() if n in known})


# -- against a hand-written loop -------------------------------------------------------


def compare_with_loop(repeats):
    """One row per network, precision and method."""
    can_bfloat16 = hardware(DEVICE)[1]
    for setting, dtype in ((SMALL, np.float32), (WIDE, np.uint8)):
        X = image_rows(10_000, setting.sizes[0]).astype(dtype)
        for precision in ("float32", "bfloat16") if can_bfloat16 else ("float32",):
            for method in ("Autoencoder", "DECClustering", "IDECClustering"):
                paths = (False, True) if method == "Autoencoder" else (False,)
                for linear_path in paths:
                    case = (method, setting, precision, linear_path, X)
                    sides = [functools.partial(f, *case) for f in (our_run, loop_run)]
                    seconds = in_pairs(*sides, repeats)
                    yield row(
                        "loop",
                        setting,
                        len(X),
                        precision,
                        method=method + ", linear path" * linear_path,
                        quantity="seconds per epoch",
                        ours=seconds[0],
                        other=seconds[1],
                    )


def our_run(method, setting, precision, linear_path, X):
    """Seconds per epoch of the estimator; of clustering, its last stage."""
    alone = method == "Autoencoder"
    estimator = ours(
        method,
        setting,
        setting.epochs if alone else 0,
        linear_path=linear_path,
        max_epochs=setting.epochs,
        precision=precision,
        update_interval=10**9,  # the targets of the start stay
    )
    history = fitted(estimator, X).history_
    return min(record["seconds"] for record in history)


def loop_run(method, setting, precision, linear_path, X):
    """Seconds per epoch of a loop as short as can be."""
    x_all = torch.from_numpy(((X - X.mean(axis=0)) / X.std()).astype(np.float32))
    x_all = x_all.to(DEVICE)
    p_all = torch.rand(len(X), N_CLUSTERS, device=DEVICE).softmax(dim=1)
    parameters, loss_of = LOSSES[method](setting.sizes, linear_path)
    optimizer = torch.optim.Adam(parameters, fused=True)
    bfloat16 = precision == "bfloat16"
    cast = torch.autocast(DEVICE.type, torch.bfloat16) if bfloat16 else nullcontext()
    seconds = []
    for _ in range(setting.epochs):
        begin = time.perf_counter()
        for start in range(0, len(X), BATCH_SIZE):
            x = x_all[start : start + BATCH_SIZE]
            with cast:
                loss = loss_of(x, p_all[start : start + BATCH_SIZE])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        loss.item()  # synchronises
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def reconstruction(sizes, linear_path):
    """Parameters and loss of an autoencoder."""
    part = LinearPath if linear_path else perceptron
    encoder, decoder = part(sizes).to(DEVICE), part(sizes[::-1]).to(DEVICE)

    def loss(x, p):
        return F.mse_loss(decoder(encoder(x)).float(), x)

    return [*encoder.parameters(), *decoder.parameters()], loss


def self_training(sizes, linear_path):
    """Parameters and loss of DEC's clustering stage."""
    encoder = perceptron(sizes).to(DEVICE)
    centers = nn.Parameter(torch.randn(N_CLUSTERS, sizes[-1], device=DEVICE))

    def loss(x, p):
        return divergence(encoder(x).float(), centers, p)

    return [*encoder.parameters(), centers], loss


def joint_training(sizes, linear_path):
    """Parameters and loss of IDEC's clustering stage."""
    encoder, decoder = perceptron(sizes).to(DEVICE), perceptron(sizes[::-1]).to(DEVICE)
    centers = nn.Parameter(torch.randn(N_CLUSTERS, sizes[-1], device=DEVICE))

    def loss(x, p):
        z = encoder(x).float()
        return F.mse_loss(decoder(z).float(), x) + divergence(z, centers, p)

    return [*encoder.parameters(), *decoder.parameters(), centers], loss


LOSSES = {
    "Autoencoder": reconstruction,
    "DECClustering": self_training,
    "IDECClustering": joint_training,
}


def divergence(z, centers, p):
    """KL(p || q) with Student's t as q."""
    d2 = (z.unsqueeze(1) - centers).square().sum(2)
    log_q = torch.log_softmax(-torch.log1p(d2), dim=1)
    return F.kl_div(log_q, p, reduction="batchmean")


def perceptron(sizes):
    """Linear layers with ReLU between them."""
    layers = []
    for n_in, n_out in zip(sizes[:-1], sizes[1:], strict=True):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class LinearPath(nn.Module):
    """A perceptron with a linear map beside it."""

    def __init__(self, sizes):
        super().__init__()
        self.linear = nn.Linear(sizes[0], sizes[-1], bias=False)
        self.layers = perceptron(sizes)

    def forward(self, x):
        return self.linear(x) + self.layers(x)


# -- against ClustPy -------------------------------------------------------------------

QUANTITIES = (
    "seconds per fit",
    "seconds per epoch of pre-training",
    "seconds per epoch of clustering",
)


def compare_with_clustpy(repeats):
    """Three rows per network and method, or one that says what is missing."""
    if importlib.util.find_spec("clustpy") is None:
        yield {"part": "clustpy", "note": "skipped: clustpy is not installed"}
        return
    digits = (load_digits().data / 16).astype(np.float32)
    images = (image_rows(10_000, WIDE.sizes[0]) / 255).astype(np.float32)
    for setting, X in ((SMALL, digits), (WIDE, images)):
        for method in ("DEC", "IDEC", "DCN", "VaDE"):
            name = f"{method}Clustering"
            if not hasattr(skdeepcluster, name):
                note = f"skipped: skdeepcluster has no {name}"
                yield {"part": "clustpy", "method": method, "note": note}
                continue
            sides = (
                functools.partial(our_fit, name, setting, X),
                functools.partial(clustpy_fit, method, setting, X),
            )
            seconds = in_pairs(*sides, repeats)
            for number, quantity in enumerate(QUANTITIES):
                yield row(
                    "clustpy",
                    setting,
                    len(X),
                    chosen_precision(setting),
                    method=method,
                    quantity=quantity,
                    ours=seconds[0, :, number],
                    other=seconds[1, :, number],
                )


def chosen_precision(setting):
    """What "auto" comes to for this network."""
    dtype = resolve_precision("auto", DEVICE, perceptron(setting.sizes))
    return "float32" if dtype is None else str(dtype).removeprefix("torch.")


def our_fit(name, setting, X):
    """Seconds of a fit and of an epoch in each stage."""
    epochs = setting.epochs
    estimator = ours(name, setting, epochs, max_epochs=epochs, precision="auto")
    begin = time.perf_counter()
    history = fitted(estimator, X).history_
    seconds = time.perf_counter() - begin
    stages = {}
    for record in history:
        stages.setdefault(record["stage"], []).append(record["seconds"])
    return [seconds, *mean_epochs(stages.values(), epochs)]


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
        begin = time.perf_counter()
        clusterer.fit(X)
        seconds = time.perf_counter() - begin
    return [seconds, *mean_epochs([bar.seconds for bar in bars], setting.epochs)]


class TimedEpochs:
    """A stop-watch where ClustPy expects a progress bar."""

    def __init__(self, n_epochs):
        self.n_epochs, self.seconds = n_epochs, []

    def __iter__(self):
        for epoch in range(self.n_epochs):
            begin = time.perf_counter()
            yield epoch
            self.seconds.append(time.perf_counter() - begin)

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


# -- memory ----------------------------------------------------------------------------


def measure_memory(repeats):
    """One row: the peak that `predict` adds, each time in a fresh process."""
    if not Path("/proc/self/status").exists():
        yield {"part": "memory", "note": "skipped: this is not Linux"}
        return
    setting, rows = WIDE, 70_000
    dec = ours("DECClustering", setting, 1, max_epochs=1)
    pickled = pickle.dumps(fitted(dec, image_rows(2_000, setting.sizes[0])))
    added = []
    for _ in range(repeats):
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            arguments = (pickled, rows, torch.get_num_threads())
            added.append(pool.submit(added_by_predict, *arguments).result())
    yield {
        "part": "memory",
        "method": "DECClustering.predict",
        "network": setting.network,
        "rows": rows,
        "precision": "float32",
        "quantity": "MiB added at the peak",
        **spread(added),
    }


def added_by_predict(pickled, n_rows, threads):
    """MiB by which `predict` raises the peak of this process."""
    torch.set_num_threads(threads)
    dec = pickle.loads(pickled)
    shape = n_rows, dec.n_features_in_
    X = np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)
    dec.predict(X[:256])  # libraries load
    with suppress(OSError):  # the peak falls to what is in use, where that is allowed
        Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory()
    dec.predict(X)
    return peak_memory() - before


def peak_memory():
    """Peak resident memory of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no line VmHWM.")


# -- where an epoch goes ---------------------------------------------------------------


def print_profile():
    """Functions in which an epoch of the small network spends its time, both sides."""
    X = image_rows(10_000, SMALL.sizes[0]).astype(np.float32)
    for name, run in (("skdeepcluster", our_run), ("hand-written loop", loop_run)):
        case = ("Autoencoder", SMALL, "float32", False, X)
        run(*case)  # warms up
        profile = cProfile.Profile()
        profile.runcall(run, *case)
        print(f"\n{name}: {SMALL.epochs} epochs of {-(-len(X) // BATCH_SIZE)} steps")
        pstats.Stats(profile).sort_stats("tottime").print_stats(20)


# -- output ----------------------------------------------------------------------------

PARTS = {
    "loop": compare_with_loop,
    "clustpy": compare_with_clustpy,
    "memory": measure_memory,
}
TITLES = {
    "loop": "Training against a hand-written loop",
    "clustpy": "Training against ClustPy",
    "memory": "Memory",
}
HEADINGS = ("Method", "Network", "Rows", "Precision", "Quantity", "Ours", "Other")


def line(result):
    """One result for the eye: medians, then the median ratio and its range."""
    cells = [str(result.get(name, NOTHING)) for name in COLUMNS[1:6]]
    for name in COLUMNS[6:8]:
        cells.append(number(result[name]) if name in result else NOTHING)
    if "median" not in result:
        return [*cells, result["note"]]
    values = [number(result[name]) for name in ("median", "min", "max")]
    return [*cells, "{} ({} to {})".format(*values)]


def number(value):
    """Four digits at most."""
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"


def write_csv(file, results, known):
    """All results, each with the hardware and the versions."""
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [*COLUMNS, *known], lineterminator="\n")
        writer.writeheader()
        for result in results:
            rounded = {
                name: f"{value:.5g}" if isinstance(value, float) else value
                for name, value in result.items()
            }
            writer.writerow({**rounded, **known})


def write_tables(file, results, known):
    """The results as reStructuredText, one table per part."""
    parts = [heading("Speed and memory", "=")]
    for part in dict.fromkeys(result["part"] for result in results):
        last = "MiB" if part == "memory" else "Ours / other"
        head = [*HEADINGS, f"{last}: median (min to max)"]
        lines = [line(result) for result in results if result["part"] == part]
        parts += [heading(TITLES[part]), simple_table([head, *lines])]
    versions = [
        ["What", "Which"],
        *([name, str(value)] for name, value in known.items()),
    ]
    parts += [heading("Hardware and versions"), simple_table(versions)]
    file.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def main():
    """Run the parts, write the table, print it."""
    parser = argparse.ArgumentParser(description="Speed and memory.")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).with_name("speed.csv")
    )
    parser.add_argument(
        "--profile", action="store_true", help="print where an epoch goes; no table"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    with threadpool_limits(arguments.threads):  # scikit-learn's k-means has its own
        fitted(DECClustering(2, max_epochs=1), np.eye(50))  # libraries load
        if arguments.profile:
            print_profile()
            return
        results = []
        for part in arguments.only:
            for result in PARTS[part](arguments.repeats):
                results.append(result)
                print(part, *line(result), sep=" | ", flush=True)

    known = environment()
    with suppress(importlib.metadata.PackageNotFoundError):
        known["clustpy"] = importlib.metadata.version("clustpy")
    write_csv(arguments.output, results, known)
    write_tables(arguments.output.with_suffix(".rst"), results, known)
    print(f"\n{known}\n{arguments.output}")


if __name__ == "__main__":
    main()
