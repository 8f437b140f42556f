"""Rows of results in a CSV file."""

import csv


def write(path, rows):
    """Dicts with the columns of the first."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def missing(wanted, rows):
    """What is wanted of (set, method, seed) and has no row: {(set, seed): methods}."""
    present = {(row["set"], row["method"], int(row["seed"])) for row in rows}
    found = {}
    for name, method, seed in wanted:
        if (name, method, seed) not in present:
            found.setdefault((name, seed), []).append(method)
    return found


def read(path):
    """Dicts of strings; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
