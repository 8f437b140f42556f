"""How training went."""

from itertools import cycle
from typing import NamedTuple, Self

import numpy as np
from sklearn.base import BaseEstimator

from skdeepcluster.inspection._plotting import PALETTE, make_axes, tidy
from skdeepcluster.utils import unwrap

_NAMES = {
    "changed": "rows with a new label (%)",
    "smallest": "rows of the smallest cluster",
}
_RATIO_FOR_LOGARITHMS = 30  # largest to smallest value of a panel


class TrainingPanel(NamedTuple):
    """Curves that belong on one pair of axes."""

    stage: str
    name: str
    epochs: np.ndarray
    curves: dict[str, np.ndarray]


class TrainingDisplay:
    """Loss terms, labels that change and further numbers over the epochs of each stage.

    Make it with :meth:`from_estimator`, or from a `history_` of your own.

    Parameters
    ----------
    history : list of dict
        One record per epoch and stage, as in the attribute `history_` of the
        estimators of this package. Of several runs the one that was kept is shown.

    Attributes
    ----------
    panels : list of TrainingPanel
        Stage, name, epochs and curves of each panel.
    axes_ : list of matplotlib Axes
        One per panel.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        The figure drawn on.

    See Also
    --------
    EmbeddingDisplay : What training made of the embedding.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster import Autoencoder
    >>> from skdeepcluster.inspection import TrainingDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> autoencoder = Autoencoder(max_epochs=20, random_state=0).fit(X)
    >>> display = TrainingDisplay.from_estimator(autoencoder, plot=False)
    >>> [(panel.stage, panel.name) for panel in display.panels]
    [('pretraining', 'loss')]
    """

    def __init__(self, history: list[dict]):
        self.history = history
        self.panels = _panels(_kept(history))

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        plot: bool = True,
        ax: object = None,
        **kwargs,
    ) -> Self:
        """Take the history of a fitted estimator.

        Parameters
        ----------
        estimator : estimator
            A fitted estimator of this package, or a Pipeline or search with one in it;
            of several the last.
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes or list of Axes, default=None
            Where to draw; one Axes is divided where there are several panels. None
            makes a new figure.
        **kwargs : dict
            For ``Axes.plot``.

        Returns
        -------
        display : TrainingDisplay
        """
        before, last = unwrap(estimator)
        histories = [getattr(step, "history_", None) for step in [last, *before[::-1]]]
        history = next((history for history in histories if history is not None), None)
        if history is None:
            raise TypeError(
                f"{type(estimator).__name__} has no history_, which estimators of "
                "skdeepcluster leave behind."
            )
        display = cls(history)
        return display.plot(ax=ax, **kwargs) if plot else display

    def plot(self, ax: object = None, **kwargs) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or list of Axes, default=None
            Where to draw; one Axes is divided where there are several panels. None
            makes a new figure.
        **kwargs : dict
            For ``Axes.plot``.

        Returns
        -------
        display : TrainingDisplay
        """
        if not self.panels:
            raise ValueError("history_ is empty: there was no epoch to draw.")
        n_panels = len(self.panels)
        size = (6.0, 3.4) if n_panels == 1 else (4.0, 2.7)
        self.axes_ = make_axes(ax, n_panels, 2 if n_panels < 5 else 3, size)
        for panel, axes in zip(self.panels, self.axes_, strict=True):
            colors = cycle(PALETTE[i] for i in (0, 6, 4, 2))
            for name, values in panel.curves.items():
                is_sum = name == "loss"
                color, dashes = ("0.3", "--") if is_sum else (next(colors), "-")
                style = {"color": color, "ls": dashes, "label": name, **kwargs}
                axes.plot(panel.epochs, values, **style)
            if len(panel.curves) > 1:
                axes.legend(
                    loc="lower center",
                    bbox_to_anchor=(0.5, 1.0),
                    ncols=len(panel.curves),
                    frameon=False,
                    fontsize=9,
                )
            if _spans_magnitudes(panel.curves):
                axes.set_yscale("log")
            elif panel.name != "loss":
                axes.set_ylim(bottom=0)
            axes.set(ylabel=_NAMES.get(panel.name, panel.name))
            axes.set(xlabel=f"epoch ({panel.stage})", xlim=(0, panel.epochs.max() + 1))
            axes.xaxis.get_major_locator().set_params(integer=True)
            tidy(axes)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        return self


def _kept(history) -> list[dict]:
    """The records of the run that was kept, where there were several."""
    kept = [r["run"] for r in history if r["stage"] == "runs" and r["kept"]]
    if not kept:
        return history
    return [r for r in history if r["stage"] != "runs" and r["run"] == kept[0]]


def _panels(history) -> list[TrainingPanel]:
    """Per stage one panel of the loss and its terms, and one per further number."""
    panels = []
    for stage in dict.fromkeys(record["stage"] for record in history):
        records = [record for record in history if record["stage"] == stage]
        epochs = np.array([record["epoch"] + 1 for record in records])
        names = list(records[0])
        # A record is: stage, epoch, loss, its terms, learning_rate, others, seconds.
        terms = names[names.index("loss") + 1 : names.index("learning_rate")]
        others = names[names.index("learning_rate") + 1 : names.index("seconds")]
        shown = terms if len(terms) == 1 else ["loss", *terms]
        curves = {name: _values(records, name) for name in shown}
        panels.append(TrainingPanel(stage, "loss", epochs, curves))
        for name in others:
            values = _values(records, name)
            if name == "changed":
                # All labels are new at the first look, which compares with nothing.
                compared = np.logical_or.accumulate(values < 1)
                values = np.where(compared, 100 * values, np.nan)
            panels.append(TrainingPanel(stage, name, epochs, {name: values}))
    return panels


def _values(records, name) -> np.ndarray:
    return np.array([record[name] for record in records], dtype=np.float64)


def _spans_magnitudes(curves) -> bool:
    values = np.concatenate(list(curves.values()))
    smallest, largest = np.nanmin(values, initial=np.inf), np.nanmax(values, initial=0)
    return smallest > 0 and largest > _RATIO_FOR_LOGARITHMS * smallest
