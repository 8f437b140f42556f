"""A page that sums up runs: one table per set, then the gains over k-means."""

import textwrap

import numpy as np
from _methods import K_MEANS, MEASURED, SCORES, environment

NOTHING = "–"  # reStructuredText takes hyphens for a list or a title

ABOUT = """
Mean ± standard deviation (n - 1) over runs with different seeds. ACC is the share of
rows that are right under the best one-to-one matching of clusters and classes. Seconds
include those of what a method starts from: "Autoencoder + KMeans" is k-means on the
embedding with which DEC and its relatives begin, "SimCLR + KMeans" on that with which
SCAN begins on images; on other rows SCAN begins with these, and Contrastive Clustering
with nothing. All settings are the defaults except for the number of clusters, the seed,
20 starts of k-means, and 10 starts and diagonal covariances of the Gaussian mixture.
CMSC-DCCA takes the two halves of the columns for two modalities.
Labels are used for nothing but the scores. The machine had other work to do as well:
seconds tell orders of magnitude.
"""

ABOUT_GAINS = """
Differences to KMeans, of the means over the seeds, over the sets on which a method was
run, which count equally; "better" counts those with a positive one.
"""


def page(title, about, rows, sets, methods):
    """The text of the page, in reStructuredText."""
    cells = by_set_and_method(rows)
    methods = [method for method in methods if any(method in c for c in cells.values())]
    parts = [heading(title, "="), paragraph(ABOUT), about.strip()]
    parts += [heading("ARI at a glance"), simple_table(overview(cells, methods))]
    for name, cell in cells.items():
        own = {method: cell[method] for method in methods if method in cell}
        parts += [heading(name), described(sets[name])]
        parts.append(simple_table(set_table(own, sets[name].published)))
    if len(cells) > 1 and K_MEANS in methods:
        parts += [
            heading("Over the sets"),
            paragraph(ABOUT_GAINS),
            simple_table(gains_table(cells, methods)),
        ]
    columns = ["precision", *environment()]
    parts += [
        heading("Hardware and versions"),
        simple_table(known_table(rows, columns)),
    ]
    return "\n\n".join(parts) + "\n"


def by_set_and_method(rows):
    """{set: {method: {column: values of all seeds}}}, the sets by their names."""
    cells = {name: {} for name in sorted({row["set"] for row in rows})}
    for row in rows:
        empty = {column: [] for column in MEASURED}
        own = cells[row["set"]].setdefault(row["method"], empty)
        for column in MEASURED:
            own[column].append(row[column])
    return cells


def overview(cells, methods):
    """Methods in rows, sets in columns: the mean ARI over the seeds."""
    lines = [["Method", *cells]]
    for method in methods:
        means = [
            f"{np.mean(cell[method]['ari']):.3f}" if method in cell else NOTHING
            for cell in cells.values()
        ]
        lines.append([method.removesuffix("Clustering"), *means])
    return lines


def set_table(cells, published):
    """Methods in rows, scores in columns; at the right what papers print."""
    head = ["Method", *map(caption, MEASURED), "Runs"]
    lines = [head + ["Published ACC", "Source"] if published else head]
    for method, values in cells.items():
        line = [method, *(mean_and_deviation(values[c], c) for c in MEASURED)]
        line.append(str(len(values["seconds"])))
        if published:
            line += published.get(method, (NOTHING, NOTHING))
        lines.append(line)
    return lines


def mean_and_deviation(values, column):
    digits = 1 if column == "seconds" else 3
    text = f"{np.mean(values):.{digits}f}"
    if len(values) == 1:
        return text
    return f"{text} ± {np.std(values, ddof=1):.{digits}f}"


def gains_table(cells, methods):
    """Methods and scores in rows; what they gain over k-means over the sets."""
    lines = [["Method", "Score", "Mean gain", "Median", "Worst", "On", "Better"]]
    for method in methods:
        own = {n: c for n, c in cells.items() if {method, K_MEANS} <= set(c)}
        if method == K_MEANS or not own:
            continue
        for column in SCORES:
            mean, base = (
                np.array([np.mean(cell[m][column]) for cell in own.values()])
                for m in (method, K_MEANS)
            )
            gain = mean - base
            numbers = (gain.mean(), np.median(gain), gain.min())
            line = [method, caption(column), *(f"{number:+.3f}" for number in numbers)]
            line += [list(own)[gain.argmin()], f"{(gain > 0).sum()} of {len(gain)}"]
            lines.append(line)
    return lines


def known_table(rows, columns):
    """Hardware and versions; several values where the rows differ."""
    lines = [["What", "Which"]]
    for column in columns:
        values = dict.fromkeys(str(row[column]) for row in rows if row[column] != "")
        lines.append([column, " / ".join(values) or NOTHING])
    return lines


def versions_table(known):
    """Hardware and versions of a single run."""
    return [["What", "Which"], *([name, str(value)] for name, value in known.items())]


def described(data):
    steps = [type(step).__name__ for step in data.prepare]
    before = f" In front of all methods: {', '.join(steps)}." if steps else ""
    return paragraph(f"{data.about[0].upper()}{data.about[1:]}.{before}")


def caption(column):
    return column.upper() if column in SCORES else column.capitalize()


def heading(text, line="-"):
    return f"{text}\n{line * len(text)}"


def paragraph(text):
    return textwrap.fill(" ".join(text.split()), 88)


def simple_table(lines):
    """A table of reStructuredText; the first line is its head."""
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    text = [
        "  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([rule, text[0], rule, *text[1:], rule])
