"""Seconds until MNIST is clustered as well as papers print, beside ClustPy.

Run it from the root of the repository, with the folder of the data sets that
scikit-learn does not bring::

    SKDEEPCLUSTER_DATA=folder python benchmarks/time_to_quality.py

It takes three hours, most of them ClustPy's; ``--library skdeepcluster`` leaves it out.
Every run is written into ``benchmarks/time_to_quality.csv`` as soon as it ends, and
what the file has is not run again, so a run that was broken off goes on where it
stopped. The page is ``benchmarks/time_to_quality.rst``.

The clock counts the processor's seconds of one process with one thread, which other
work on the same machine changes less than the time of day. It stops while the accuracy
is computed.
"""

import argparse
import csv
import functools
import importlib.metadata
import importlib.util
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from unittest import mock

import _clustpy_course
import numpy as np
from _looks import Looks
from _methods import TWO_STEP, environment, prepare_process
from _page import NOTHING, heading, known_table, paragraph, simple_table
from quality import MNIST
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from threadpoolctl import threadpool_limits

import skdeepcluster
from skdeepcluster import Autoencoder, datasets
from skdeepcluster.cluster._shared._objectives import LabelledObjective

OURS, PEER = "skdeepcluster", "clustpy"
PRETRAINING = "pretraining"
METHODS = [TWO_STEP, "DEC", "IDEC", "DCN"]
COLUMNS = [
    *("library", "method", "seed", "published", "seconds_to_published"),
    *("seconds", "acc", "best_acc", "course"),
    *environment(),
    PEER,
]


def published(method):
    """The accuracy that the paper prints."""
    return float(MNIST[method if method == TWO_STEP else f"{method}Clustering"][0])


# -- our side --------------------------------------------------------------------------


def pretrained(X, seed):
    """The autoencoder with its defaults, and its CPU seconds."""
    begin = time.process_time()
    autoencoder = Autoencoder(random_state=seed).fit(X)
    return autoencoder, time.process_time() - begin


def our_course(method, X, y, n_clusters, seed, autoencoder, before):
    """Looks whenever the method looks at all labels, and at those that it returns."""
    looks = Looks(y, before)
    if method == TWO_STEP:
        k_means = KMeans(n_clusters, n_init=20, random_state=seed)
        looks.take(k_means.fit_predict(autoencoder.transform(X)))
        return looks
    settle = LabelledObjective.settle

    def watched(objective, labels):
        looks.take(labels.cpu().numpy())
        return settle(objective, labels)

    # Frozen: as with Autoencoder(random_state=seed), but not trained once more.
    clusterer = getattr(skdeepcluster, f"{method}Clustering")(
        n_clusters, autoencoder=FrozenEstimator(autoencoder), random_state=seed
    )
    with mock.patch.object(LabelledObjective, "settle", watched):
        labels = clusterer.fit_predict(X)
    looks.take(labels)
    return looks


# -- the runs --------------------------------------------------------------------------


def run_ours(X, y, methods, seeds, done, keep):
    """Each method with each seed; one autoencoder per seed."""
    for seed in seeds:
        start = functools.cache(functools.partial(pretrained, X, seed))
        for method in methods:
            if (OURS, method, seed) in done:
                continue
            looks = our_course(method, X, y, len(np.unique(y)), seed, *start())
            keep(result(OURS, method, seed, looks))


def run_peer(X, y, methods, seed, done, keep, scratch):
    """ClustPy's pre-training, whose network is kept in a file, then each method."""
    if importlib.util.find_spec(PEER) is None:
        print(f"skipped: {PEER} is not installed")
        return
    weights = scratch / f"{PEER}_{seed}.pt"
    if (PEER, PRETRAINING, seed) not in done or not weights.exists():
        seconds = _clustpy_course.pretrain(X, seed, weights)
        keep({"library": PEER, "method": PRETRAINING, "seed": seed, "seconds": seconds})
    before = float(done[PEER, PRETRAINING, seed]["seconds"])
    for method in methods:
        if (PEER, method, seed) in done:
            continue
        case = (X, y, len(np.unique(y)), seed, weights, before)
        if method == TWO_STEP:
            looks = _clustpy_course.two_step(*case)
        else:
            looks = _clustpy_course.cluster(method, *case)
        keep(result(PEER, method, seed, looks))


def result(library, method, seed, looks):
    """One row of the file."""
    seconds, accuracy = looks.course[-1]
    reached = looks.seconds_to(published(method))
    return {
        "library": library,
        "method": method,
        "seed": seed,
        "published": published(method),
        "seconds_to_published": "" if reached is None else reached,
        "seconds": seconds,
        "acc": accuracy,
        "best_acc": max(seen for _, seen in looks.course),
        "course": " ".join(f"{spent:.1f}:{seen:.4f}" for spent, seen in looks.course),
    }


# -- the file --------------------------------------------------------------------------


def read(path):
    """{(library, method, seed): row}; a line without its end was broken off."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(line for line in file if line.endswith("\n"))
        if reader.fieldnames != COLUMNS:
            raise SystemExit(f"{path} has other columns. Move it, or give --output.")
        return {(r["library"], r["method"], int(r["seed"])): r for r in reader}


def append(path, row):
    """One line at the end, and a head before the first."""
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if file.tell() == 0:
            writer.writeheader()
        writer.writerow(
            {k: f"{v:.5g}" if isinstance(v, float) else v for k, v in row.items()}
        )


# -- the page --------------------------------------------------------------------------

ABOUT = f"""
MNIST, 70,000 images of 28 x 28 pixels. "To published" is the time until the accuracy
first reaches that of the paper, at a look at all labels that the method takes anyway
(ClustPy's: every {_clustpy_course.EVERY} epochs); "Total" is the whole fit. Both
include pre-training, which the methods of a library share. Seconds are the processor's,
of one process with one thread, without those that the accuracy takes: the machine had
other work to do. Both libraries are at their defaults but for the number of clusters
and the seed; ClustPy's trains 100 epochs before and 150 epochs of clustering in float32
and is given pixels divided by 255. "Ratio" is its total over our seconds to the
published figure, as far as both are there; "To ClustPy's" are our seconds to the
accuracy that it ends with. Its rows are of several calls, in which its pre-training
took from 1,600 to 2,030 s. Labels serve this clock and nothing else.
``benchmarks/time_to_quality.py`` makes this page.
"""


def ratio(peer, seconds):
    """Of the peer's whole fit, as text."""
    if peer is None or not seconds:
        return NOTHING
    return f"{float(peer['seconds']) / float(seconds):.1f}"


def first_time(course, accuracy):
    """Seconds to the first look with that accuracy; None where there is none."""
    looks = [map(float, look.split(":")) for look in course.split()]
    return next((seconds for seconds, acc in looks if acc >= accuracy), None)


def page(rows):
    """The text of the page, in reStructuredText."""
    rows = [row for row in rows if row["method"] in METHODS]
    head = ["Method", "Library", "Seed", "Published", "To published", "Total"]
    lines = [[*head, "Last ACC", "Best ACC", "Ratio", "To ClustPy's", "Ratio"]]
    peers = {row["method"]: row for row in rows if row["library"] == PEER}
    for row in sorted(rows, key=lambda r: METHODS.index(r["method"])):
        reached = row["seconds_to_published"]
        line = [row["method"], row["library"], str(row["seed"]), str(row["published"])]
        line.append(f"{float(reached):.0f}" if reached else "not reached")
        line.append(f"{float(row['seconds']):.0f}")
        line += [f"{float(row[name]):.4f}" for name in ("acc", "best_acc")]
        peer = peers.get(row["method"]) if row["library"] == OURS else None
        line.append(ratio(peer, reached))
        equal = first_time(row["course"], float(peer["acc"])) if peer else None
        line += [f"{equal:.0f}" if equal else NOTHING, ratio(peer, equal)]
        lines.append(line)
    parts = [heading("Time to published accuracy", "="), paragraph(ABOUT)]
    parts += [simple_table(lines), heading("Hardware and versions")]
    parts.append(simple_table(known_table(rows, [*environment(), PEER])))
    return "\n\n".join(parts) + "\n"


def main(argv=None):
    parser = argparse.ArgumentParser(description="Seconds to published accuracy.")
    both = [OURS, PEER]
    parser.add_argument("--library", nargs="+", choices=both, default=both)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS)
    parser.add_argument("--seeds", type=int, nargs="+", default=range(3))
    parser.add_argument(
        "--scratch",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help=f"folder for the network of {PEER}",
    )
    output = Path(__file__).with_suffix(".csv")
    parser.add_argument("--output", type=Path, default=output)
    arguments = parser.parse_args(argv)
    prepare_process(threads=1)
    known = environment()
    with suppress(importlib.metadata.PackageNotFoundError):
        known[PEER] = importlib.metadata.version(PEER)
    done = read(arguments.output)

    def keep(row):
        append(arguments.output, {**row, **known})
        done[row["library"], row["method"], row["seed"]] = row
        print({name: row[name] for name in row if name != "course"}, flush=True)

    X, y = datasets.fetch_mnist(return_X_y=True)
    with threadpool_limits(1):
        if OURS in arguments.library:
            run_ours(X, y, arguments.methods, arguments.seeds, done, keep)
        if PEER in arguments.library:
            seed, scratch = arguments.seeds[0], arguments.scratch
            run_peer(X, y, arguments.methods, seed, done, keep, scratch)
    text = page(list(read(arguments.output).values()))
    arguments.output.with_suffix(".rst").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
