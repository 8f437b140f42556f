"""How large the clusters are."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator
from sklearn.utils import column_or_1d

from skdeepcluster.inspection._plotting import (
    colors_of,
    make_axes,
    name_of,
    tidy,
)
from skdeepcluster.utils import MatrixLike, labels_of


class ClusterSizesDisplay:
    """Bars with the number and share of the rows of each cluster.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    clusters : ndarray of shape (n_clusters,)
        Labels, or names, of the clusters.
    sizes : ndarray of shape (n_clusters,)
        Number of rows of each.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        The figure drawn on.
    bars_ : matplotlib BarContainer
        The bars.

    See Also
    --------
    cluster_profiles : Sizes and much more as a table.

    Examples
    --------
    >>> from skdeepcluster.inspection import ClusterSizesDisplay
    >>> display = ClusterSizesDisplay.from_predictions([0, 0, 1], plot=False)
    >>> display.sizes
    array([2, 1])
    """

    def __init__(self, clusters: np.ndarray, sizes: np.ndarray):
        self.clusters, self.sizes = clusters, sizes

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: MatrixLike,
        *,
        plot: bool = True,
        ax: object = None,
        **kwargs,
    ) -> Self:
        """Count the rows that a fitted clusterer puts into each cluster.

        Parameters
        ----------
        estimator : estimator
            A fitted clusterer, or a Pipeline or search that ends in one.
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
            Rows, as `estimator` predicts them.
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        **kwargs : dict
            For ``Axes.barh``.

        Returns
        -------
        display : ClusterSizesDisplay
        """
        labels = labels_of(estimator, X)
        return cls.from_predictions(labels, plot=plot, ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls, labels: ArrayLike, *, plot: bool = True, ax: object = None, **kwargs
    ) -> Self:
        """Count the rows of each cluster.

        Parameters
        ----------
        labels : array-like of shape (n_samples,)
            Cluster of each row, as a number or a name.
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        **kwargs : dict
            For ``Axes.barh``.

        Returns
        -------
        display : ClusterSizesDisplay
        """
        display = cls(*np.unique(column_or_1d(labels), return_counts=True))
        return display.plot(ax=ax, **kwargs) if plot else display

    def plot(self, ax: object = None, **kwargs) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        **kwargs : dict
            For ``Axes.barh``.

        Returns
        -------
        display : ClusterSizesDisplay
        """
        height = 1.0 + 0.32 * len(self.clusters)
        (ax,) = make_axes(ax, 1, 1, (6.0, height))
        names = [name_of(label) for label in self.clusters.tolist()]
        style = {"color": colors_of(self.clusters), "height": 0.7, **kwargs}
        positions = np.arange(len(names))
        self.bars_ = ax.barh(positions, self.sizes, **style)
        total = self.sizes.sum()
        shown = [f"{size:,} ({size / total:.1%})" for size in self.sizes]
        ax.bar_label(self.bars_, shown, padding=4, fontsize=9)
        ax.set_yticks(positions, names)
        ax.invert_yaxis()
        ax.set_xlabel(f"rows (share of all {total:,})")
        ax.margins(x=0.27, y=0.02)
        ax.tick_params(axis="y", length=0)
        tidy(ax)
        self.ax_, self.figure_ = ax, ax.figure
        return self
