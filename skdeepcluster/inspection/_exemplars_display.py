"""The most and the least certain rows of each cluster."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_consistent_length, column_or_1d

from skdeepcluster.inspection._columns import read_columns
from skdeepcluster.inspection._confidence import assignment_confidence
from skdeepcluster.inspection._estimators import (
    clusterer_and_rows,
    distances_to_centers,
    flat_float64,
    image_shape_of,
)
from skdeepcluster.inspection._exemplars_drawing import draw_images, draw_table
from skdeepcluster.inspection._profiles import most_distinctive
from skdeepcluster.utils import Integers, MatrixLike, check_array_like, labels_of

_MOST_COLUMNS = 8  # features of a table that are shown unless asked for


class ExemplarsDisplay:
    """The rows of each cluster that are assigned most and least certainly.

    As images where the shape of an image is known, else as a table. Make it with
    :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    clusters : ndarray of shape (n_clusters,)
        Labels, or names, of the clusters.
    sizes : ndarray of shape (n_clusters,)
        Number of rows of each cluster.
    most, least : list of ndarray
        For each cluster the numbers of its most certain rows, the most certain first,
        and of its least certain rows, the least certain first. No row is in both.
    confidence : dict of int to float
        Confidence of the rows that are shown.
    rows : dict of int to ndarray or list
        The rows that are shown: images of numbers, or values of `features`.
    features : list of str or None, default=None
        Names of the features of a table; None for images.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes drawn on.
    figure_ : matplotlib Figure
        The figure drawn on.

    See Also
    --------
    assignment_confidence : What certain means here.
    decoded_centers : What the model takes for typical.

    Examples
    --------
    >>> from skdeepcluster.inspection import ExemplarsDisplay
    >>> display = ExemplarsDisplay.from_predictions(
    ...     [[1], [2], [3]], [0, 0, 0], [0.5, 0.9, 0.7], n_exemplars=1, plot=False
    ... )
    >>> display.most, display.least
    ([array([1])], [array([0])])
    """

    def __init__(
        self,
        clusters: np.ndarray,
        sizes: np.ndarray,
        most: list[np.ndarray],
        least: list[np.ndarray],
        confidence: dict[int, float],
        rows: dict[int, np.ndarray | list],
        features: list[str] | None = None,
    ):
        self.clusters, self.sizes, self.most, self.least = clusters, sizes, most, least
        self.confidence, self.rows, self.features = confidence, rows, features

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: MatrixLike,
        *,
        n_exemplars: int | None = None,
        image_shape: tuple[int, ...] | None = None,
        feature_names: ArrayLike | None = None,
        features: Sequence[str] | None = None,
        plot: bool = True,
        ax: object = None,
        **kwargs,
    ) -> Self:
        """Find the most and the least certain rows of a fitted clusterer.

        Parameters
        ----------
        estimator : estimator
            A fitted clusterer that :func:`assignment_confidence` takes.
        X : array, data frame, CSR matrix or tensor of shape (n_samples, n_features)
            Rows, as `estimator` predicts them.
        n_exemplars : int, default=None
            Number of rows of either kind per cluster, in range [1, inf). None is 8
            images or 3 rows of a table.
        image_shape : tuple of int, default=None
            Shape of a row that is an image: (height, width), with the channels before
            or behind. None takes that of `X` or of what `estimator` was fitted on, and
            makes a table where that were flat rows.
        feature_names : array-like of shape (n_features,), default=None
            Names to use. None takes the names of the data frame, else x0, x1 and so on.
        features : sequence of str, default=None
            Names of the features that a table shows. None is the eight that set
            clusters apart most, by the effect of :func:`cluster_profiles`.
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        **kwargs : dict
            For ``Axes.imshow`` or ``Axes.table``.

        Returns
        -------
        display : ExemplarsDisplay
        """
        confidence = assignment_confidence(estimator, X)
        distances = distances_to_centers(*clusterer_and_rows(estimator, X))
        display = cls._make(
            X,
            labels_of(estimator, X),
            confidence,
            # Decides between rows of equal confidence.
            np.zeros(len(confidence)) if distances is None else distances.min(axis=1),
            n_exemplars,
            image_shape or (None if _is_deep(X) else image_shape_of(estimator)),
            feature_names,
            features,
        )
        return display.plot(ax=ax, **kwargs) if plot else display

    @classmethod
    def from_predictions(
        cls,
        X: MatrixLike,
        labels: ArrayLike,
        confidence: ArrayLike,
        *,
        n_exemplars: int | None = None,
        image_shape: tuple[int, ...] | None = None,
        feature_names: ArrayLike | None = None,
        features: Sequence[str] | None = None,
        plot: bool = True,
        ax: object = None,
        **kwargs,
    ) -> Self:
        """Find the most and the least certain rows of a clustering.

        Parameters
        ----------
        X : array, data frame, CSR matrix or tensor of shape (n_samples, n_features)
            Rows.
        labels : array-like of shape (n_samples,)
            Cluster of each row, as a number or a name.
        confidence : array-like of shape (n_samples,)
            How certain each label is; larger is more certain.
        n_exemplars : int, default=None
            Number of rows of either kind per cluster, in range [1, inf). None is 8
            images or 3 rows of a table.
        image_shape : tuple of int, default=None
            Shape of a row that is an image: (height, width), with the channels before
            or behind. None takes that of `X`, and makes a table of flat rows.
        feature_names : array-like of shape (n_features,), default=None
            Names to use. None takes the names of the data frame, else x0, x1 and so on.
        features : sequence of str, default=None
            Names of the features that a table shows. None is the eight that set
            clusters apart most, by the effect of :func:`cluster_profiles`.
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        **kwargs : dict
            For ``Axes.imshow`` or ``Axes.table``.

        Returns
        -------
        display : ExemplarsDisplay
        """
        labels, confidence = column_or_1d(labels), column_or_1d(confidence)
        check_consistent_length(X, labels, confidence)
        display = cls._make(
            X,
            labels,
            confidence,
            np.zeros(len(confidence)),
            n_exemplars,
            image_shape,
            feature_names,
            features,
        )
        return display.plot(ax=ax, **kwargs) if plot else display

    @classmethod
    def _make(
        cls, X, labels, confidence, distance, n_exemplars, shape, names, features
    ):
        if shape is None and _is_deep(X):
            shape = np.shape(X)[1:]
        if n_exemplars is None:
            n_exemplars = 8 if shape else 3
        elif n_exemplars not in Integers(1):
            raise ValueError(
                f"n_exemplars must be {Integers(1)}. Got {n_exemplars!r} instead."
            )
        clusters, codes = np.unique(labels, return_inverse=True)
        order = np.lexsort((distance, -confidence))
        most, least = [], []
        for code in range(len(clusters)):
            own = order[codes[order] == code]
            most.append(own[:n_exemplars])
            least.append(own[n_exemplars:][::-1][:n_exemplars])
        shown = np.concatenate([*most, *least])
        if shape:
            rows, features = _images(X, shown, shape), None
        else:
            rows, features = _cells(X, shown, codes, names, features)
        return cls(
            clusters,
            np.bincount(codes),
            most,
            least,
            {int(number): float(confidence[number]) for number in shown},
            rows,
            features,
        )

    def plot(self, ax: object = None, **kwargs) -> Self:
        """Draw the images or the table.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        **kwargs : dict
            For ``Axes.imshow`` or ``Axes.table``.

        Returns
        -------
        display : ExemplarsDisplay
        """
        draw = draw_images if self.features is None else draw_table
        self.ax_ = draw(self, ax, kwargs)
        self.figure_ = self.ax_.figure
        return self


def _is_deep(X) -> bool:
    return len(np.shape(X)) > 2


def _images(X, shown, shape) -> dict:
    X = check_array_like(X)
    rows = X[shown] if issparse(X) else np.asarray(X)[shown]
    images = flat_float64(rows)
    if images.shape[1] != np.prod(shape):
        raise ValueError(
            f"image_shape={tuple(shape)} has {np.prod(shape)} values, but the rows of "
            f"X have {images.shape[1]}."
        )
    return dict(zip(shown.tolist(), images.reshape(-1, *shape), strict=True))


def _cells(X, shown, codes, names, features) -> tuple[dict, list[str]]:
    """Values of the features that a table shows, and their names."""
    columns = read_columns(X, names)
    if features is None:
        chosen = most_distinctive(columns, codes, _MOST_COLUMNS)
    else:
        known = [column.name for column in columns]
        unknown = [name for name in features if name not in known]
        if unknown:
            raise ValueError(f"X has no feature {unknown[0]!r}. It has {known}.")
        chosen = [known.index(name) for name in features]
    columns = [columns[i] for i in chosen]
    cells = {
        number: [
            None if c.missing[number] else c.values[number].item() for c in columns
        ]
        for number in shown.tolist()
    }
    return cells, [column.name for column in columns]
