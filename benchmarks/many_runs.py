"""What ``n_runs=10`` costs, and how much steadier it is.

Run it from the root of the repository, on an idle machine for the first part::

    python benchmarks/many_runs.py cost steadiness

The first part times DEC with a network of 64-128-64-10 units on scikit-learn's digits:
ten runs as one beside ten fits in sequence, in pairs, each going first in turn. The
second runs DEC with its defaults but ``init="kmeans"`` there from 20 seeds. They write
``benchmarks/many_runs_cost.csv`` and ``benchmarks/many_runs_steadiness.csv``, and from
what is there the page ``benchmarks/many_runs.rst``.
"""

import argparse
import functools
import time
from pathlib import Path

import numpy as np
from _methods import environment, prepare_process
from _page import heading, paragraph, simple_table, versions_table
from _results import read, write
from _speed import in_turns
from joblib import Parallel, delayed
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import Autoencoder, DECClustering

N_RUNS = 10
FOLDER = Path(__file__).parent
COST = FOLDER / "many_runs_cost.csv"
STEADINESS = FOLDER / "many_runs_steadiness.csv"
CHOICES = {
    "first": "one fit",
    "agreement": "ten runs, the one that agrees most",
    "loss": "ten runs, the one with the least loss",
}
EPOCHS = {"pre-training": 200, "clustering": 100}


# -- cost ----------------------------------------------------------------------------


def fit(X, seed, **settings):
    """DEC with the small network, for a set number of epochs."""
    autoencoder = Autoencoder(
        hidden_layer_sizes=(128, 64), max_epochs=EPOCHS["pre-training"]
    )
    return DECClustering(
        10,
        autoencoder=autoencoder,
        init="kmeans",
        max_epochs=EPOCHS["clustering"],
        tol=0,
        random_state=seed,
        **settings,
    ).fit(X)


def seconds(function):
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def cost(repeats, threads):
    """Seconds of ten runs as one and of ten in sequence, in pairs."""
    prepare_process(threads)
    X, _ = load_digits(return_X_y=True)
    fit(X, 0, n_runs=2)  # libraries load

    def as_one():
        fit(X, 0, n_runs=N_RUNS)

    def in_sequence():
        for seed in range(N_RUNS):
            fit(X, seed)

    sides = [functools.partial(seconds, side) for side in (as_one, in_sequence)]
    together, apart = in_turns(sides, repeats)
    known = {**environment(), "threads": threads}
    write(
        COST,
        [
            {"as one": f"{one:.3f}", "in sequence": f"{other:.3f}", **known}
            for one, other in zip(together, apart, strict=True)
        ],
    )


# -- steadiness ----------------------------------------------------------------------


class Noted(DECClustering):
    """Keeps the labels of each run."""

    __init__ = DECClustering.__init__

    def _labels_of(self, model, X):
        labels = super()._labels_of(model, X)
        self.labels_of_runs_ = [*getattr(self, "labels_of_runs_", []), labels]
        return labels


def scores(seed, threads):
    """ARI of the run without others, and of those that the two rules choose."""
    prepare_process(threads)
    X, y = load_digits(return_X_y=True)
    dec = Noted(10, init="kmeans", n_runs=N_RUNS, random_state=seed).fit(X)
    summary = [record for record in dec.history_ if record["stage"] == "runs"]
    chosen = {
        "first": 0,
        "agreement": next(r["run"] for r in summary if r["kept"]),
        "loss": next(r["run"] for r in summary if r["lowest_loss"]),
    }
    ari = [adjusted_rand_score(y, labels) for labels in dec.labels_of_runs_]
    row = {rule: f"{ari[run]:.4f}" for rule, run in chosen.items()}
    print(f"seed {seed}: {row}", flush=True)
    return {"seed": seed, **row, **environment()}


def steadiness(n_seeds, threads, jobs):
    """The scores of all seeds."""
    write(
        STEADINESS,
        Parallel(n_jobs=jobs)(
            delayed(scores)(seed, threads) for seed in range(n_seeds)
        ),
    )


def interval(values, statistic, n_draws=10_000):
    """The middle 95 % of a statistic over draws of seeds with replacement."""
    rng = np.random.default_rng(0)
    drawn = values[rng.integers(len(values), size=(n_draws, len(values)))]
    return np.percentile(statistic(drawn), [2.5, 97.5])


def deviation(values):
    return values.std(axis=1, ddof=1)


# -- the page ------------------------------------------------------------------------

ABOUT_COST = f"""
DEC with a network of 64-128-64-10 units on the 1,797 digits of scikit-learn,
{EPOCHS["pre-training"]} epochs of pre-training and {EPOCHS["clustering"]} of
clustering: ``n_runs=10`` beside ten fits in sequence, in pairs, on as many threads as
the table says.
"""
ABOUT_STEADINESS = """
ARI of DEC, from ``init="kmeans"`` and with its defaults else, on the same digits, over
the seeds of the fit: the first of ten runs, which is the fit with ``n_runs=1``; the run
that ``n_runs=10`` keeps; and, for comparison, the one of the ten with the least loss.
In brackets the middle 95 % of 10,000 bootstrap samples of the seeds.
"""


def cost_lines():
    rows = read(COST)
    one = np.array([float(row["as one"]) for row in rows])
    other = np.array([float(row["in sequence"]) for row in rows])
    ratios = one / other
    return [
        ["Quantity", "Value"],
        ["Seconds of ten runs as one, median", f"{np.median(one):.1f}"],
        ["Seconds of ten in sequence, median", f"{np.median(other):.1f}"],
        ["Ratio, median", f"{np.median(ratios):.3f}"],
        ["Ratio, least to most", f"{ratios.min():.3f} to {ratios.max():.3f}"],
        ["Pairs", str(len(rows))],
        ["Threads", rows[0]["threads"]],
    ]


def steadiness_lines():
    rows = read(STEADINESS)
    lines = [["Result", "Mean ARI", "Standard deviation", "Seeds"]]
    for rule, name in CHOICES.items():
        ari = np.array([float(row[rule]) for row in rows])
        mean, spread = ari.mean(), ari.std(ddof=1)
        means = interval(ari, lambda drawn: drawn.mean(axis=1))
        spreads = interval(ari, deviation)
        lines.append(
            [
                name,
                f"{mean:.3f} [{means[0]:.3f}, {means[1]:.3f}]",
                f"{spread:.3f} [{spreads[0]:.3f}, {spreads[1]:.3f}]",
                str(len(rows)),
            ]
        )
    return lines


def page():
    parts = [heading("Many runs", "=")]
    for title, about, path, lines in (
        ("Cost", ABOUT_COST, COST, cost_lines),
        ("Steadiness", ABOUT_STEADINESS, STEADINESS, steadiness_lines),
    ):
        if path.exists():
            first = read(path)[0]
            known = {name: first[name] for name in environment()}
            parts += [heading(title), paragraph(about), simple_table(lines())]
            parts += [simple_table(versions_table(known))]
    return "\n\n".join(parts) + "\n"


def main():
    """Measure what is asked for; write the page from what there is."""
    parser = argparse.ArgumentParser(description="Many runs.")
    parser.add_argument("parts", nargs="*", choices=["cost", "steadiness", []])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=2, help="for the cost")
    parser.add_argument("--jobs", type=int, default=2, help="for the steadiness")
    arguments = parser.parse_args()
    if "cost" in arguments.parts:
        cost(arguments.repeats, arguments.threads)
    if "steadiness" in arguments.parts:
        steadiness(arguments.seeds, 1, arguments.jobs)
    text = page()
    (FOLDER / "many_runs.rst").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
