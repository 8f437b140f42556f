"""Exemplars as one picture or as one table."""

import numpy as np

from skdeepcluster.inspection._plotting import make_axes, name_of

_LONGEST_TEXT = 18  # letters in a cell
_GAP = 0.6  # between the two kinds, in widths of an image


def draw_images(display, ax, kwargs):
    """One line of images per cluster, from the most to the least certain."""
    first = next(iter(display.rows.values()))
    images = {number: _channels_last(image) for number, image in display.rows.items()}
    height, width, n_channels = _channels_last(first).shape
    border = max(1, round(0.06 * max(height, width)))
    line, step = height + border, width + border
    n_most = max(map(len, display.most))
    n_least = max(map(len, display.least))
    gap = round(_GAP * step) if n_least else 0
    n_lines = len(display.clusters)
    canvas = np.full(
        (n_lines * line, (n_most + n_least) * step + gap, n_channels), np.nan
    )
    for row, (most, least) in enumerate(zip(display.most, display.least, strict=True)):
        starts = [column * step for column in range(len(most))]
        ends = [canvas.shape[1] - (i + 1) * step + border for i in range(len(least))]
        for number, left in zip([*most, *least], [*starts, *ends], strict=True):
            top = row * line
            canvas[top : top + height, left : left + width] = images[int(number)]
    inches = 0.55 if n_lines > 5 else 0.7
    size = 1.2 + inches * canvas.shape[1] / step, 0.5 + inches * line / step * n_lines
    (ax,) = make_axes(ax, 1, 1, size)
    ax.imshow(
        _scaled(canvas), **{"cmap": "gray_r", "interpolation": "nearest", **kwargs}
    )
    names = [
        f"{name_of(cluster)}\n{size:,} rows"
        for cluster, size in zip(display.clusters.tolist(), display.sizes, strict=True)
    ]
    ax.set_yticks(line * np.arange(n_lines) + height / 2, names, fontsize=8)
    middles = [n_most * step / 2, canvas.shape[1] - n_least * step / 2]
    titles = ["most certain", "least certain"]
    shown = 2 if n_least else 1
    ax.set_xticks(middles[:shown], titles[:shown])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def draw_table(display, ax, kwargs):
    """One line per row, grouped by cluster."""
    lines = [["cluster", "", "confidence", "row", *display.features]]
    ends = [0]  # lines with a rule below
    cells = _cell_texts(display.rows)
    for i, cluster in enumerate(display.clusters.tolist()):
        for kind, numbers in (("most", display.most[i]), ("least", display.least[i])):
            for rank, number in enumerate(numbers.tolist()):
                name = name_of(cluster) if kind == "most" and rank == 0 else ""
                how = f"{kind} certain" if rank == 0 else ""
                confidence = f"{display.confidence[number]:.2f}"
                lines.append([name, how, confidence, str(number), *cells[number]])
        ends.append(len(lines) - 1)
    lengths = np.array([[len(text) for text in line] for line in lines]).max(axis=0) + 2
    (ax,) = make_axes(ax, 1, 1, (0.085 * lengths.sum(), 0.26 * len(lines)))
    style = {"edges": "B", "cellLoc": "right", **kwargs}
    table = ax.table(
        lines, colWidths=lengths / lengths.sum(), bbox=[0, 0, 1, 1], **style
    )
    table.auto_set_font_size(False)
    table.set_fontsize(9)
    for (line, column), cell in table.get_celld().items():
        cell.set_edgecolor("0.4" if line in ends else "0.92")
        if line == 0 or column == 0:
            cell.set_text_props(fontweight="bold")
        if column < 2:
            cell.set_text_props(horizontalalignment="left")
    ax.set_axis_off()
    return ax


def _channels_last(image) -> np.ndarray:
    """(height, width), with channels before or behind -> (height, width, channels)."""
    if image.ndim == 2:
        return image[:, :, None]
    if (
        image.ndim == 3
        and image.shape[2] not in (1, 3, 4)
        and image.shape[0] in (1, 3, 4)
    ):
        return np.moveaxis(image, 0, 2)
    if image.ndim == 3 and image.shape[2] in (1, 3, 4):
        return image
    raise ValueError(
        "image_shape must be (height, width), with 1, 3 or 4 channels before or "
        f"behind. Got {image.shape}."
    )


def _scaled(canvas) -> np.ndarray:
    """One channel as it is; several from 0 to 1, with white where there is nothing."""
    if canvas.shape[2] == 1:
        return canvas[:, :, 0]
    low, high = np.nanmin(canvas), np.nanmax(canvas)
    return np.nan_to_num((canvas - low) / max(high - low, 1e-12), nan=1.0)


def _cell_texts(rows) -> dict[int, list[str]]:
    """Texts of the values of each row, with the same number of digits per column."""
    columns = [_column_texts(column) for column in zip(*rows.values(), strict=True)]
    return dict(zip(rows, map(list, zip(*columns, strict=True)), strict=True))


def _column_texts(values) -> list[str]:
    numbers = [v for v in values if isinstance(v, float) and np.isfinite(v)]
    # Three digits of the largest number, but no more than all numbers need.
    largest = max((abs(number) for number in numbers), default=0.0)
    digits = 2 - int(np.floor(np.log10(largest))) if largest else 0
    needed = next((d for d in range(digits) if _are_round(numbers, d)), max(digits, 0))
    return [_text(value, needed) for value in values]


def _are_round(numbers, digits) -> bool:
    return bool(np.allclose(numbers, np.round(numbers, digits), rtol=1e-9, atol=0))


def _text(value, digits) -> str:
    if value is None:
        return "missing"
    if isinstance(value, float):
        return f"{value:,.{digits}f}"
    return value if len(value) <= _LONGEST_TEXT else value[: _LONGEST_TEXT - 1] + "…"
