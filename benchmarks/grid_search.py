"""What ``memory=`` saves in a grid search over what comes after pre-training.

Run it from the root of the repository::

    python benchmarks/grid_search.py

The digits of scikit-learn, three folds, twelve numbers of clusters, one process. Both
searches are run in pairs, each going first in turn, the one with an empty cache every
time. It writes ``benchmarks/grid_search.csv`` and ``benchmarks/grid_search.rst``.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
from _methods import environment, prepare_process
from _page import heading, paragraph, simple_table, versions_table
from _results import write
from _speed import fitted, in_turns
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.metrics import make_clustering_scorer

GRID = {"n_clusters": list(range(5, 17))}
ABOUT = """
A grid search over twelve numbers of clusters with three folds, in one process: 37 fits,
which with ``memory=`` pre-train four times, once per fold and once for the last fit on
all rows. The scores of both searches are compared to the last digit.
``benchmarks/grid_search.py`` makes this page.
"""


def estimator(memory=None):
    return DECClustering(
        autoencoder=Autoencoder(max_epochs=100),
        init="kmeans",
        max_epochs=10,
        tol=0,
        memory=memory,
        random_state=0,
    )


def search(memory):
    """Seconds of a search, and its scores."""
    X, _ = load_digits(return_X_y=True)
    grid = GridSearchCV(
        estimator(memory),
        GRID,
        cv=3,
        scoring=make_clustering_scorer("silhouette"),
        error_score="raise",
    )
    begin = time.perf_counter()
    fitted(grid, X)
    return time.perf_counter() - begin, grid.cv_results_["mean_test_score"]


def cached():
    with tempfile.TemporaryDirectory() as folder:
        return search(folder)


def share_of_pretraining():
    """Of the seconds of one fit."""
    X, _ = load_digits(return_X_y=True)
    begin = time.perf_counter()
    history = fitted(estimator(), X).history_
    seconds = time.perf_counter() - begin
    return sum(r["seconds"] for r in history if r["stage"] == "pretraining") / seconds


def main():
    parser = argparse.ArgumentParser(description="Grid search with a cache.")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    output = Path(__file__).with_suffix(".csv")
    parser.add_argument("--output", type=Path, default=output)
    arguments = parser.parse_args()
    prepare_process(arguments.threads)

    share = share_of_pretraining()
    scores = []

    def seconds(run):
        spent, found = run()
        scores.append(found)
        return spent

    sides = (lambda: seconds(cached), lambda: seconds(lambda: search(None)))
    with_cache, without = in_turns(sides, arguments.repeats)
    ratios = with_cache / without
    row = {
        "pretraining_share": f"{share:.3f}",
        "cached_seconds": f"{np.median(with_cache):.4g}",
        "uncached_seconds": f"{np.median(without):.4g}",
        "ratio": f"{np.median(ratios):.3f}",
        "least": f"{ratios.min():.3f}",
        "most": f"{ratios.max():.3f}",
        "repetitions": arguments.repeats,
        "same_scores": all(np.array_equal(s, scores[0]) for s in scores),
        **environment(),
    }
    write(arguments.output, [row])
    lines = [
        ["Quantity", "Value"],
        ["Pre-training's share of one fit", row["pretraining_share"]],
        ["Seconds with memory", row["cached_seconds"]],
        ["Seconds without", row["uncached_seconds"]],
        ["Ratio, median", row["ratio"]],
        ["Ratio, least to most", f"{row['least']} to {row['most']}"],
        ["Pairs", str(row["repetitions"])],
        ["Same scores", "yes" if row["same_scores"] else "no"],
    ]
    parts = [heading("Grid search with a cache", "="), paragraph(ABOUT)]
    parts += [simple_table(lines), heading("Hardware and versions")]
    parts += [simple_table(versions_table(environment()))]
    text = "\n\n".join(parts) + "\n"
    arguments.output.with_suffix(".rst").write_text(text, encoding="utf-8")
    print(*(f"{name}: {value}" for name, value in lines[1:]), sep="\n")


if __name__ == "__main__":
    main()
