"""Exemplars as one picture or as one table."""

import numpy as np

from skdeepcluster.inspection._plotting import make_axes, name_of

_LONGEST_TEXT = 18  # letters in a cell
_CHANNELS = (1, 3, 4)
_GAP = 0.6  # between the two kinds, in widths of an image


def draw_images(display, ax, kwargs):
    """One line of images per cluster, from the most to the least certain."""
    canvas, step, middles = _mosaic(display)
    n_lines = len(display.clusters)
    line = len(canvas) / n_lines
    inches = 0.55 if n_lines > 5 else 0.7  # width of an image
    width, height = canvas.shape[1] / step, n_lines * line / step
    (ax,) = make_axes(ax, 1, 1, (1.2 + inches * width, 0.5 + inches * height))
    style = {"cmap": "gray_r", "interpolation": "nearest", **kwargs}
    ax.imshow(_scaled(canvas), **style)
    names = [
        f"{name_of(cluster)}\n{size:,} rows"
        for cluster, size in zip(display.clusters.tolist(), display.sizes, strict=True)
    ]
    ax.set_yticks(line * (np.arange(n_lines) + 0.5), names, fontsize=8)
    ax.set_xticks(middles, ["most certain", "least certain"][: len(middles)])
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _mosaic(display) -> tuple[np.ndarray, int, list[float]]:
    """All images on one canvas, the step between two, and the middles of both kinds."""
    images = {number: _channels_last(image) for number, image in display.rows.items()}
    height, width, n_channels = next(iter(images.values())).shape
    border = max(1, round(0.06 * max(height, width)))
    line, step = height + border, width + border
    n_most, n_least = (max(map(len, kind)) for kind in (display.most, display.least))
    gap = round(_GAP * step) if n_least else 0
    shape = len(display.clusters) * line, (n_most + n_least) * step + gap, n_channels
    canvas = np.full(shape, np.nan)
    for row, (most, least) in enumerate(zip(display.most, display.least, strict=True)):
        starts = [column * step for column in range(len(most))]
        ends = [shape[1] - (column + 1) * step for column in range(len(least))]
        for number, left in zip([*most, *least], [*starts, *ends], strict=True):
            image = images[int(number)]
            canvas[row * line :, left:][:height, :width] = image
    middles = [n_most * step / 2, shape[1] - n_least * step / 2]
    return canvas, step, middles if n_least else middles[:1]


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
    if image.ndim == 3 and image.shape[2] in _CHANNELS:
        return image
    if image.ndim == 3 and image.shape[0] in _CHANNELS:
        return np.moveaxis(image, 0, 2)
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
