"""Which classes are in which clusters."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.base import BaseEstimator
from sklearn.metrics.cluster import contingency_matrix
from sklearn.utils import check_consistent_length, column_or_1d

from skdeepcluster.inspection._plotting import make_axes
from skdeepcluster.utils import MatrixLike, labels_of

_MOST_WITH_NUMBERS = 25  # rows or columns of a matrix whose cells are legible


class ClusterConfusionDisplay:
    """Numbers of rows of each class in each cluster, matched clusters on the diagonal.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    matrix : ndarray of shape (n_classes, n_clusters)
        Numbers of rows.
    classes : ndarray of shape (n_classes,)
        Names of the classes.
    clusters : ndarray of shape (n_clusters,)
        Labels of the clusters, in the order of the columns.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        The figure drawn on.
    im_ : matplotlib AxesImage
        The matrix as drawn: shares of each class.

    See Also
    --------
    skdeepcluster.metrics.clustering_accuracy : The share of rows on the diagonal.

    Notes
    -----
    Each cluster is matched with at most one class and each class with at most one
    cluster, so that as many rows as possible lie on the diagonal. The clusters that are
    left over come last, the largest first.

    Examples
    --------
    >>> from skdeepcluster.inspection import ClusterConfusionDisplay
    >>> display = ClusterConfusionDisplay.from_predictions(
    ...     ["cat", "cat", "dog", "dog"], [1, 1, 0, 1], plot=False
    ... )
    >>> display.matrix
    array([[2, 0],
           [1, 1]])
    >>> display.clusters
    array([1, 0])
    """

    def __init__(self, matrix: np.ndarray, classes: np.ndarray, clusters: np.ndarray):
        self.matrix, self.classes, self.clusters = matrix, classes, clusters

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: MatrixLike,
        y: ArrayLike,
        *,
        plot: bool = True,
        ax: object = None,
        **kwargs,
    ) -> Self:
        """Compare the clusters of a fitted clusterer with known classes.

        Parameters
        ----------
        estimator : estimator
            A fitted clusterer, or a Pipeline or search that ends in one.
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
            Rows, as `estimator` predicts them.
        y : array-like of shape (n_samples,)
            Class of each row, as a number or a name.
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        **kwargs : dict
            For ``Axes.imshow``.

        Returns
        -------
        display : ClusterConfusionDisplay
        """
        labels = labels_of(estimator, X)
        return cls.from_predictions(y, labels, plot=plot, ax=ax, **kwargs)

    @classmethod
    def from_predictions(
        cls,
        labels_true: ArrayLike,
        labels_pred: ArrayLike,
        *,
        plot: bool = True,
        ax: object = None,
        **kwargs,
    ) -> Self:
        """Compare clusters with known classes.

        Parameters
        ----------
        labels_true : array-like of shape (n_samples,)
            Class of each row, as a number or a name.
        labels_pred : array-like of shape (n_samples,)
            Cluster of each row, as a number or a name.
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        **kwargs : dict
            For ``Axes.imshow``.

        Returns
        -------
        display : ClusterConfusionDisplay
        """
        labels_true, labels_pred = column_or_1d(labels_true), column_or_1d(labels_pred)
        check_consistent_length(labels_true, labels_pred)
        table = contingency_matrix(labels_true, labels_pred)
        _, matched = linear_sum_assignment(table, maximize=True)  # by class
        by_size = np.argsort(-table.sum(axis=0), kind="stable")
        rest = by_size[~np.isin(by_size, matched)]
        order = np.concatenate([matched, rest])
        classes, clusters = np.unique(labels_true), np.unique(labels_pred)
        display = cls(table[:, order], classes, clusters[order])
        return display.plot(ax=ax, **kwargs) if plot else display

    def plot(self, ax: object = None, **kwargs) -> Self:
        """Draw the matrix: numbers of rows, and as colour their share of the class.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        **kwargs : dict
            For ``Axes.imshow``.

        Returns
        -------
        display : ClusterConfusionDisplay
        """
        n_classes, n_clusters = self.matrix.shape
        names, numbers = (
            [str(label) for label in labels.tolist()]
            for labels in (self.classes, self.clusters)
        )
        size = (
            2.4 + 0.42 * min(n_clusters, 30) + 0.09 * max(map(len, names)),
            1.5 + 0.42 * min(n_classes, 30) + 0.09 * max(map(len, numbers)),
        )
        (ax,) = make_axes(ax, 1, 1, size)
        shares = self.matrix / self.matrix.sum(axis=1, keepdims=True)
        style = {"cmap": "Blues", "vmin": 0, "vmax": 1, **kwargs}
        self.im_ = ax.imshow(shares, **style)
        if max(self.matrix.shape) <= _MOST_WITH_NUMBERS:
            for row, column in np.argwhere(self.matrix):
                color = "white" if self.im_.norm(shares[row, column]) > 0.5 else "0.15"
                text = f"{self.matrix[row, column]}"
                ax.text(
                    column, row, text, ha="center", va="center", color=color, fontsize=8
                )
        ax.set_yticks(np.arange(n_classes), names)
        ax.set_xticks(
            np.arange(n_clusters),
            numbers,
            rotation=90 if max(map(len, numbers)) > 3 else 0,
        )
        ax.tick_params(length=0)
        ax.spines[:].set_visible(False)
        matched = np.trace(self.matrix) / self.matrix.sum()
        ax.set(xlabel="cluster", ylabel="class")
        ax.set_title(f"{matched:.1%} of the rows in matched pairs", fontsize=10)
        bar = ax.figure.colorbar(self.im_, ax=ax, shrink=0.8, ticks=[0, 0.5, 1])
        bar.set_label("share of the class")
        bar.outline.set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
