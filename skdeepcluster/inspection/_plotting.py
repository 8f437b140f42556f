"""What all displays share: axes, colours and names of clusters."""

from collections.abc import Sequence

import numpy as np

# Ten colours that remain distinct for the colour-blind (M. Petroff, 2021).
PALETTE = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"]
PALETTE += ["#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"]
NOISE = "#d9d9d9"
_SHADES = [(0.0, "black"), (0.45, "black"), (0.55, "white")]  # one per ten colours
_MARKERS = "osD^v"


def pyplot():
    """Matplotlib's pyplot, or an error that says how to get it."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "Drawing needs matplotlib. Install it with: pip install skdeepcluster[plot]"
        ) from error
    return plt


def make_axes(ax, n_panels: int, n_cols: int, size: tuple[float, float]) -> list:
    """Axes for panels: new ones of `size` inches, those given, or parts of one given.

    Raises ValueError when several axes are given, but not one per panel.
    """
    plt = pyplot()
    n_cols = min(n_cols, n_panels)
    n_rows = -(-n_panels // n_cols)
    if ax is None:
        figure = plt.figure(
            figsize=(size[0] * n_cols, size[1] * n_rows), layout="constrained"
        )
        grid = figure.add_gridspec(n_rows, n_cols)
    elif isinstance(ax, (Sequence, np.ndarray)):
        axes = list(np.ravel(ax))
        if len(axes) != n_panels:
            raise ValueError(f"ax has {len(axes)} axes, but {n_panels} are drawn on.")
        return axes
    elif n_panels == 1:
        return [ax]
    else:
        ax.set_axis_off()
        figure, grid = ax.figure, ax.get_subplotspec().subgridspec(n_rows, n_cols)
    return [figure.add_subplot(grid[i // n_cols, i % n_cols]) for i in range(n_panels)]


def colors_of(labels) -> list[tuple[float, ...]]:
    """One colour per label: ten, then darker and lighter ones; noise is grey.

    A number keeps its colour whichever other labels there are.
    """
    pyplot()
    from matplotlib.colors import to_rgb

    colors = []
    for number in _numbers(labels):
        if number < 0:
            colors.append(to_rgb(NOISE))
            continue
        share, other = _SHADES[number // len(PALETTE) % len(_SHADES)]
        color = np.array(to_rgb(PALETTE[number % len(PALETTE)]))
        colors.append(tuple((1 - share) * color + share * np.array(to_rgb(other))))
    return colors


def markers_of(labels) -> list[str]:
    """One marker per label: another one for every ten colours."""
    return [
        _MARKERS[max(n, 0) // len(PALETTE) % len(_MARKERS)] for n in _numbers(labels)
    ]


def name_of(label) -> str:
    """What a cluster is called in a figure."""
    if isinstance(label, (int, np.integer)):
        return "noise" if label == -1 else f"cluster {label}"
    return str(label)


def tidy(ax) -> None:
    """No frame above and to the right."""
    ax.spines[["top", "right"]].set_visible(False)


def _numbers(labels) -> list[int]:
    labels = np.asarray(labels)
    if labels.dtype.kind in "iu":
        return labels.tolist()
    return list(range(len(labels)))
