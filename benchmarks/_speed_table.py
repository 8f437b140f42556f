"""The file and the page of the comparisons of speed."""

import csv

from _page import NOTHING, heading, known_table, simple_table

TEXT = ("part", "method", "network", "rows", "batch", "precision", "quantity", "note")
NUMBERS = (
    *("ours", "other", "repetitions", "median", "min", "max"),
    *("products", "ours_to_products", "other_to_products"),
)
COLUMNS = (*TEXT[:-1], *NUMBERS, "note")
TITLES = {
    "loop": "Training against a hand-written loop",
    "clustpy": "Training against ClustPy",
    "predict": "Predicting against a bare forward pass",
    "imports": "Importing against importing what is needed",
    "memory": "Memory",
}
HEADINGS = ("Method", "Network", "Rows", "Batch", "Precision", "Quantity")


def read(path, known):
    """The rows of an earlier run with the same columns; empty fields are left out."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != [*COLUMNS, *known]:
            raise SystemExit(f"{path} has other columns. Move it, or give --output.")
        rows = [{n: v for n, v in row.items() if v != ""} for row in reader]
    return [{n: float(v) if n in NUMBERS else v for n, v in r.items()} for r in rows]


def write(path, results, known):
    """All results with the hardware and versions of each, and the page beside them."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*COLUMNS, *known], lineterminator="\n")
        writer.writeheader()
        for result in results:
            rounded = {
                name: f"{value:.5g}" if name in NUMBERS else value
                for name, value in result.items()
            }
            writer.writerow(rounded)
    path.with_suffix(".rst").write_text(page(results, known), encoding="utf-8")


def page(results, known):
    """One table per part, in reStructuredText."""
    parts = [heading("Speed and memory", "=")]
    for part in dict.fromkeys(result["part"] for result in results):
        same, lines = table([r for r in results if r["part"] == part])
        parts += [heading(TITLES[part]), *same, simple_table(lines)]
    rows = [{name: result.get(name, "") for name in known} for result in results]
    parts += [heading("Hardware and versions"), simple_table(known_table(rows, known))]
    return "\n\n".join(parts) + "\n"


def table(results):
    """What all results of a part share, as one sentence or none, and the rest."""
    ratio = "MiB" if results[0]["part"] == "memory" else "Ours / other"
    columns = [("Method", *(str(r.get("method", NOTHING)) for r in results))]
    columns.append((f"{ratio}: median (min to max)", *map(ratios, results)))
    said = []
    for title, name in zip(HEADINGS[1:], TEXT[2:-1], strict=True):
        cells = [str(result.get(name, NOTHING)) for result in results]
        if len(set(cells)) > 1:
            columns.append((title, *cells))
        elif cells[0] != NOTHING:
            said.append(f"{title}: {cells[0]}")
    numbers = {
        "Ours": "ours",
        "Other": "other",
        "Ours / products": "ours_to_products",
        "Other / products": "other_to_products",
    }
    for title, name in numbers.items():
        if any(name in result for result in results):
            columns.append((title, *(number(result, name) for result in results)))
    sentence = ["; ".join(said) + "."] if said else []
    return sentence, [list(row) for row in zip(*columns, strict=True)]


def ratios(result):
    """The median of the pairs and their range, or why there is none."""
    if "median" not in result:
        return result["note"]
    median, least, most = (number(result, name) for name in ("median", "min", "max"))
    return f"{median} ({least} to {most})"


def number(result, name):
    """Four digits at most."""
    if name not in result:
        return NOTHING
    value = result[name]
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"
