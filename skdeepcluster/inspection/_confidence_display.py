"""How the confidence of a clusterer is distributed."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d

from skdeepcluster.inspection._confidence import assignment_confidence
from skdeepcluster.inspection._plotting import colors_of, make_axes, name_of, tidy
from skdeepcluster.utils import Integers, MatrixLike, labels_of

_MOST_COLUMNS = 5  # of panels side by side


class ConfidenceDisplay:
    """Histograms of :func:`assignment_confidence`, per cluster or over all rows.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    counts : ndarray of shape (n_groups, n_bins)
        Rows in each bin. One group stands for all rows where `clusters` is None.
    edges : ndarray of shape (n_bins + 1,)
        Ends of the bins, from 0 to 1.
    medians : ndarray of shape (n_groups,)
        Median confidence of each group.
    clusters : ndarray of shape (n_groups,), default=None
        Labels, or names, of the clusters.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        One panel per group.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        The figure drawn on.

    See Also
    --------
    ExemplarsDisplay : The rows with most and with least confidence.

    Examples
    --------
    >>> from skdeepcluster.inspection import ConfidenceDisplay
    >>> display = ConfidenceDisplay.from_predictions(
    ...     [0.9, 0.8, 0.3], [0, 0, 1], bins=2, plot=False
    ... )
    >>> display.counts
    array([[0, 2],
           [1, 0]])
    """

    def __init__(
        self,
        counts: np.ndarray,
        edges: np.ndarray,
        medians: np.ndarray,
        clusters: np.ndarray | None = None,
    ):
        self.counts, self.edges, self.medians = counts, edges, medians
        self.clusters = clusters

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: MatrixLike,
        *,
        per_cluster: bool = True,
        bins: int = 20,
        plot: bool = True,
        ax: object = None,
        **kwargs,
    ) -> Self:
        """Measure the confidence of a fitted clusterer.

        Parameters
        ----------
        estimator : estimator
            A fitted clusterer that :func:`assignment_confidence` takes.
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
            Rows, as `estimator` predicts them.
        per_cluster : bool, default=True
            Whether there is one histogram per cluster, or one of all rows.
        bins : int, default=20
            Number of bins between 0 and 1, in range [1, inf).
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes or list of Axes, default=None
            Where to draw; one Axes is divided where there are several panels. None
            makes a new figure.
        **kwargs : dict
            For ``Axes.bar``.

        Returns
        -------
        display : ConfidenceDisplay
        """
        confidence = assignment_confidence(estimator, X)
        labels = labels_of(estimator, X) if per_cluster else None
        return cls.from_predictions(
            confidence, labels, bins=bins, plot=plot, ax=ax, **kwargs
        )

    @classmethod
    def from_predictions(
        cls,
        confidence: ArrayLike,
        labels: ArrayLike | None = None,
        *,
        bins: int = 20,
        plot: bool = True,
        ax: object = None,
        **kwargs,
    ) -> Self:
        """Count the rows of each cluster by their confidence.

        Parameters
        ----------
        confidence : array-like of shape (n_samples,)
            Confidence in the cluster of each row, in [0, 1].
        labels : array-like of shape (n_samples,), default=None
            Cluster of each row, as a number or a name. None makes one histogram of all.
        bins : int, default=20
            Number of bins between 0 and 1, in range [1, inf).
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes or list of Axes, default=None
            Where to draw; one Axes is divided where there are several panels. None
            makes a new figure.
        **kwargs : dict
            For ``Axes.bar``.

        Returns
        -------
        display : ConfidenceDisplay
        """
        if bins not in Integers(1):
            raise ValueError(f"bins must be {Integers(1)}. Got {bins!r} instead.")
        confidence = column_or_1d(confidence).astype(np.float64)
        if len(confidence) and not (confidence.min() >= 0 and confidence.max() <= 1):
            raise ValueError(
                "confidence must lie in [0, 1]. Got values from "
                f"{confidence.min():.3g} to {confidence.max():.3g}."
            )
        clusters, groups = None, [confidence]
        if labels is not None:
            labels = column_or_1d(labels)
            check_consistent_length(confidence, labels)
            clusters = np.unique(labels)
            groups = [confidence[labels == cluster] for cluster in clusters]
        edges = np.linspace(0, 1, bins + 1)
        counts = np.array([np.histogram(group, edges)[0] for group in groups])
        medians = np.array([np.median(group) for group in groups])
        display = cls(counts, edges, medians, clusters)
        return display.plot(ax=ax, **kwargs) if plot else display

    def plot(self, ax: object = None, **kwargs) -> Self:
        """Draw the histograms.

        Parameters
        ----------
        ax : matplotlib Axes or list of Axes, default=None
            Where to draw; one Axes is divided where there are several panels. None
            makes a new figure.
        **kwargs : dict
            For ``Axes.bar``.

        Returns
        -------
        display : ConfidenceDisplay
        """
        n_panels = len(self.counts)
        n_cols = _MOST_COLUMNS if n_panels > 4 else n_panels
        size = (6.0, 3.4) if n_panels == 1 else (2.4, 2.2)
        self.axes_ = make_axes(ax, n_panels, n_cols, size)
        clusters = [0] if self.clusters is None else self.clusters
        panels = zip(self.axes_, self.counts, colors_of(clusters), strict=True)
        for number, (panel, counts, color) in enumerate(panels):
            style = {"width": np.diff(self.edges), "color": color, **kwargs}
            panel.bar(self.edges[:-1], counts, align="edge", **style)
            panel.axvline(self.medians[number], color="0.2", lw=1, ls="--")
            panel.set_title(self._title(number, n_panels), fontsize=9)
            panel.set(xlim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "0.5", "1"])
            panel.yaxis.get_major_locator().set_params(nbins=3, integer=True)
            if number + n_cols >= n_panels:
                panel.set_xlabel("confidence")
            if number % n_cols == 0:
                panel.set_ylabel("rows")
            tidy(panel)
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        return self

    def _title(self, number, n_panels):
        who = (
            "All" if self.clusters is None else name_of(self.clusters.tolist()[number])
        )
        parts = [f"{who}: {self.counts[number].sum():,} rows"]
        parts.append(f"median {self.medians[number]:.2f}")
        return (", " if n_panels == 1 else "\n").join(parts)
