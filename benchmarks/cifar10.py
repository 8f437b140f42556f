"""Photographs clustered from nothing: CIFAR-10 on a GPU, in stretches of minutes.

Run it from the root of the repository, once for every stretch::

    SKDEEPCLUSTER_DATA=folder python benchmarks/cifar10.py --method simclr
    SKDEEPCLUSTER_DATA=folder python benchmarks/cifar10.py --method scan

Each call goes on from the model that the one before left, trains for about
``--minutes`` and writes a line into ``benchmarks/cifar10.csv``: the minutes so far,
epochs, images per second beside those of the bare network, and scores. A call that is
killed is lost, those before it are not. Every call is a schedule of its own, and its
first epoch another, which says how many fit in. SCAN starts from the SimCLR that is
there; its minutes include those, its epochs do not. The images are the copy of CIFAR-10
in ``cifar10_jpeg.npz``: all 60,000, written again as JPEG of quality 75, or with
``--lossless`` the first 4,000 as they were.

It is meant for a GPU and has not been run on one yet; ``--rows`` makes it small enough
to be tried without.
"""

import argparse
import io
import os
import time
import warnings
from pathlib import Path

import _results
import joblib
import numpy as np
import torch
from _methods import SCORES, environment
from joblib import Parallel, delayed
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator

from skdeepcluster import (
    ContrastiveClustering,
    IDFDClustering,
    SCANClustering,
    SimCLR,
)
from skdeepcluster.engine import resolve_device
from skdeepcluster.networks import ImageLayout, ResNet18

N_CLUSTERS = 10
# ACC in percent, on all images where not said otherwise, and the epochs that it took.
PUBLISHED = {
    "simclr": "65.9 after 500 epochs, trained on 50,000 (Van Gansbeke et al. 2020)",
    "scan": "81.8, self-labelled 87.6, at best 88.3, after 500 + 50 + 200 (the same)",
    "cc": "79.0 after 1,000 with a ResNet-34 at 224 pixels (Li et al. 2021)",
    "idfd": "81.5, IDFO 82.8, after 2,000, trained on 50,000 (Tao et al. 2021)",
}


def images(lossless, n_rows):
    """(n, 32, 32, 3) uint8 and classes."""
    folder = Path(os.environ["SKDEEPCLUSTER_DATA"])
    if lossless:
        with np.load(folder / "cifar10_first4000.npz", allow_pickle=False) as arrays:
            return arrays["X"][:n_rows], arrays["y"][:n_rows].astype(np.int64)
    from PIL import Image

    with np.load(folder / "cifar10_jpeg.npz", allow_pickle=False) as arrays:
        data, ends, y = arrays["jpeg"], arrays["offsets"], arrays["y"]

    def read(start, end):
        return np.asarray(Image.open(io.BytesIO(data[start:end].tobytes())))

    n_rows = min(n_rows, len(y))
    parts = zip(ends[:n_rows], ends[1 : n_rows + 1], strict=True)
    found = Parallel(n_jobs=-1, prefer="threads")(delayed(read)(*p) for p in parts)
    return np.stack(found), y[:n_rows].astype(np.int64)


def stored(method, scratch):
    """The file that keeps what a method has become."""
    return scratch / f"{method}.joblib"


def beginning(method, scratch):
    """What the first call trains, with the minutes that it has cost before."""
    minutes, start = 0.0, None
    if method == "scan":
        path = stored("simclr", scratch)
        if not path.exists():
            raise SystemExit("SCAN starts from SimCLR: run --method simclr first.")
        known = joblib.load(path)
        minutes, start = known["minutes"], FrozenEstimator(known["estimator"])
    return {"estimator": estimator(method, start), "minutes": minutes, "epochs": 0}


def estimator(method, start=None):
    """With the settings of the authors for CIFAR-10, but without decay of weights."""
    training = {"network": "resnet18", "random_state": 0, "warm_start": True}
    if method == "simclr":
        return SimCLR(
            temperature=0.1,
            optimizer="sgd",
            learning_rate=0.4,
            learning_rate_schedule="one_cycle",
            batch_size=512,
            **training,
        )
    if method == "cc":
        return ContrastiveClustering(
            N_CLUSTERS, learning_rate=3e-4, batch_size=256, **training
        )
    if method == "idfd":
        return IDFDClustering(
            N_CLUSTERS,
            optimizer="sgd",
            learning_rate=0.03,
            learning_rate_schedule="constant",
            batch_size=128,
            **training,
        )
    return SCANClustering(
        N_CLUSTERS,
        representation=start,
        update_encoder=True,
        n_heads=1,
        batch_size=128,
        random_state=0,
        warm_start=True,
    )


def bare_images_per_second(batch_size, steps=5):
    """Forward and backward through the network alone, in bfloat16."""
    device = resolve_device("auto")
    network = ResNet18(ImageLayout(3, 32, 32, True), torch.Generator()).to(device)
    x = torch.rand(batch_size, 3072, device=device)
    for step in range(steps + 1):
        if step == 1:
            synchronise(device)
            begin = time.perf_counter()
        with torch.autocast(device.type, torch.bfloat16):
            loss = network(x).square().mean()
        loss.backward()
    synchronise(device)
    return steps * batch_size / (time.perf_counter() - begin)


def synchronise(device):
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def go_on(model, X, n_epochs):
    """So many epochs more, with the clusters that still have rows."""
    model.set_params(max_epochs=n_epochs).fit(X)
    if hasattr(model, "n_clusters_"):
        model.set_params(n_clusters=model.n_clusters_)


def train(known, X, minutes):
    """Go on for about so many minutes; the first epoch says how many fit in."""
    model = known["estimator"]
    begin, n_epochs = time.perf_counter(), 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        go_on(model, X, 1)
        seconds = model.history_[-1]["seconds"]
        left = 60 * minutes - (time.perf_counter() - begin)
        stages = len({record["stage"] for record in model.history_})
        n_more = int(left / seconds / stages)
        if n_more > 0:
            go_on(model, X, n_more)
            n_epochs += n_more
    known["minutes"] += (time.perf_counter() - begin) / 60
    known["epochs"] += n_epochs
    n_views = 1 if isinstance(model, IDFDClustering) else 2
    return n_views * len(X) / seconds


def main(argv=None):
    parser = argparse.ArgumentParser(description="CIFAR-10.")
    parser.add_argument("--method", choices=list(PUBLISHED), required=True)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--rows", type=int, default=60_000)
    parser.add_argument("--lossless", action="store_true")
    parser.add_argument("--scratch", type=Path, default=Path("cifar10_scratch"))
    output = Path(__file__).with_suffix(".csv")
    parser.add_argument("--output", type=Path, default=output)
    arguments = parser.parse_args(argv)
    arguments.scratch.mkdir(exist_ok=True)
    X, y = images(arguments.lossless, arguments.rows)
    path = stored(arguments.method, arguments.scratch)
    if path.exists():
        known = joblib.load(path)
    else:
        known = beginning(arguments.method, arguments.scratch)
    per_second = train(known, X, arguments.minutes)
    joblib.dump(known, path)
    model = known["estimator"]
    if arguments.method == "simclr":
        k_means = KMeans(N_CLUSTERS, n_init=20, random_state=0)
        labels = k_means.fit_predict(model.transform(X))
    else:
        labels = model.labels_
    bare = bare_images_per_second(min(512, len(X)))
    row = {
        "method": arguments.method,
        "images": "lossless" if arguments.lossless else "jpeg",
        "rows": len(X),
        "minutes": f"{known['minutes']:.1f}",
        "epochs": known["epochs"],
        "images_per_second": f"{per_second:.0f}",
        "of_bare_network": f"{per_second / bare:.2f}",
        **{name: f"{score(y, labels):.4f}" for name, score in SCORES.items()},
        "published": PUBLISHED[arguments.method],
        **environment(),
    }
    _results.write(arguments.output, [*_results.read(arguments.output), row])
    print(row)


if __name__ == "__main__":
    main()
