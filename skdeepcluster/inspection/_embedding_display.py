"""Rows in two dimensions."""

from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.decomposition import PCA
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import column_or_1d

from skdeepcluster.inspection._estimators import clusterer_and_rows, embedding_of
from skdeepcluster.inspection._plotting import colors_of, make_axes, markers_of
from skdeepcluster.metrics import align_labels
from skdeepcluster.utils import Integers, MatrixLike, labels_of

_STAGES = ("before", "after")
_TITLES = {stage: f"{stage.capitalize()} the clustering stage" for stage in _STAGES}
_SAME_ROWS = 0.99  # share of labels that those of the fit agree with


class EmbeddingPanel(NamedTuple):
    """One map of the rows."""

    title: str
    positions: np.ndarray  # (n_shown, 2)
    labels: np.ndarray  # (n_shown,)
    axis_names: tuple[str, str]


class EmbeddingDisplay:
    """Rows on a map of the embedding, coloured by cluster.

    Make it with :meth:`from_estimator` or :meth:`from_predictions`.

    Parameters
    ----------
    panels : list of EmbeddingPanel
        Title, positions of shape (n_shown, 2), labels of shape (n_shown,) and names of
        the two axes of each map.

    Attributes
    ----------
    axes_ : list of matplotlib Axes
        One per map.
    ax_ : matplotlib Axes
        The first of them.
    figure_ : matplotlib Figure
        The figure drawn on.

    See Also
    --------
    TrainingDisplay : How training went, in numbers.

    Notes
    -----
    A map shows two dimensions of many. Clusters that overlap on it may lie apart in the
    others, as the share of the variance that the axes name will tell.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_iris
    >>> from skdeepcluster.inspection import EmbeddingDisplay
    >>> X, _ = load_iris(return_X_y=True)
    >>> kmeans = KMeans(3, random_state=0).fit(X)
    >>> display = EmbeddingDisplay.from_estimator(kmeans, X, plot=False)
    >>> display.panels[0].positions.shape
    (150, 2)
    """

    def __init__(self, panels: list[EmbeddingPanel]):
        self.panels = panels

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: MatrixLike,
        *,
        stage: Literal["after", "before", "both"] = "after",
        projection: TransformerMixin | None = None,
        sample_size: int | None = 5000,
        random_state: int | np.random.RandomState | None = None,
        plot: bool = True,
        ax: object = None,
        **kwargs,
    ) -> Self:
        """Embed rows with a fitted clusterer.

        Parameters
        ----------
        estimator : estimator
            A fitted clusterer, or a Pipeline or search that ends in one. One of
            scikit-learn shows the rows as it was given them, which behind an
            :class:`~skdeepcluster.Autoencoder` are embedded.
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
            Rows, as `estimator` predicts them. For other stages than "after" they are
            those that it was fitted on, in the same order.
        stage : {"after", "before", "both"}, default="after"
            The embedding that clustering ended with, the one that it started from, with
            `init_labels_` as colours, or both side by side. Clusters of the start have
            the colour of the final cluster with which they share most rows.
        projection : transformer, default=None
            What brings the embedding to two dimensions, such as
            :class:`sklearn.manifold.TSNE`. A copy of it is fitted to the rows shown.
            None keeps two dimensions and takes two principal components of more.
        sample_size : int or None, default=5000
            Number of rows to show, in range [1, inf), drawn at random where there are
            more. None shows all.
        random_state : int, RandomState instance or None, default=None
            Decides which rows are drawn, and which lie on top.
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes or list of Axes, default=None
            Where to draw; one Axes is divided for "both". None makes a new figure.
        **kwargs : dict
            For ``Axes.scatter``.

        Returns
        -------
        display : EmbeddingDisplay
        """
        if stage not in ("after", "before", "both"):
            raise ValueError(
                f"stage must be 'after', 'before' or 'both'. Got {stage!r} instead."
            )
        clusterer, rows = clusterer_and_rows(estimator, X)
        labels = labels_of(estimator, X)
        maps = []
        if stage != "after":
            maps.append(("before", *_start(clusterer, rows, labels)))
        if stage != "before":
            maps.append(("after", embedding_of(clusterer, rows), labels))
        chosen = _choose(len(labels), sample_size, random_state)
        panels = [
            _make_panel(Z[chosen], own[chosen], projection, random_state, _TITLES[name])
            for name, Z, own in maps
        ]
        if stage == "after":
            panels = [panels[0]._replace(title="")]
        display = cls(panels)
        return display.plot(ax=ax, **kwargs) if plot else display

    @classmethod
    def from_predictions(
        cls,
        Z: ArrayLike,
        labels: ArrayLike,
        *,
        projection: TransformerMixin | None = None,
        sample_size: int | None = 5000,
        random_state: int | np.random.RandomState | None = None,
        plot: bool = True,
        ax: object = None,
        **kwargs,
    ) -> Self:
        """Show rows that are embedded and labelled already.

        Parameters
        ----------
        Z : array-like of shape (n_samples, n_components)
            Embedded rows.
        labels : array-like of shape (n_samples,)
            Cluster of each row, as a number or a name.
        projection : transformer, default=None
            What brings the embedding to two dimensions, such as
            :class:`sklearn.manifold.TSNE`. A copy of it is fitted to the rows shown.
            None keeps two dimensions and takes two principal components of more.
        sample_size : int or None, default=5000
            Number of rows to show, in range [1, inf), drawn at random where there are
            more. None shows all.
        random_state : int, RandomState instance or None, default=None
            Decides which rows are drawn, and which lie on top.
        plot : bool, default=True
            Whether to draw at once. False needs no matplotlib.
        ax : matplotlib Axes, default=None
            Where to draw. None makes a new figure.
        **kwargs : dict
            For ``Axes.scatter``.

        Returns
        -------
        display : EmbeddingDisplay
        """
        Z, labels = check_array(Z), column_or_1d(labels)
        check_consistent_length(Z, labels)
        chosen = _choose(len(labels), sample_size, random_state)
        panel = _make_panel(Z[chosen], labels[chosen], projection, random_state, "")
        display = cls([panel])
        return display.plot(ax=ax, **kwargs) if plot else display

    def plot(self, ax: object = None, **kwargs) -> Self:
        """Draw the maps, with the names of the clusters in the middle of their rows.

        Parameters
        ----------
        ax : matplotlib Axes or list of Axes, default=None
            Where to draw; one Axes is divided where there are two maps. None makes a
            new figure.
        **kwargs : dict
            For ``Axes.scatter``.

        Returns
        -------
        display : EmbeddingDisplay
        """
        self.axes_ = make_axes(ax, len(self.panels), 2, (5.6, 4.8))
        for panel, axes in zip(self.panels, self.axes_, strict=True):
            _scatter(axes, panel, kwargs)
            _write_names(axes, panel)
            axes.set(title=panel.title, xticks=[], yticks=[])
            axes.set(xlabel=panel.axis_names[0], ylabel=panel.axis_names[1])
            axes.set_aspect("equal", adjustable="datalim")
            axes.spines[:].set_color("0.8")
        self.ax_, self.figure_ = self.axes_[0], self.axes_[0].figure
        return self


def _start(clusterer, rows, labels):
    """Embedding and labels of the training rows before the clustering stage."""
    name = type(clusterer).__name__
    if not (hasattr(clusterer, "autoencoder_") and hasattr(clusterer, "init_labels_")):
        raise TypeError(
            f"{name} has no embedding from before the clustering stage: it would be in "
            "autoencoder_, and its labels in init_labels_. Use stage='after'."
        )
    first = clusterer.init_labels_
    if len(first) != len(labels) or np.mean(clusterer.labels_ == labels) < _SAME_ROWS:
        raise ValueError(
            "stage='before' and stage='both' colour rows by init_labels_, which "
            f"{name} knows only for the {len(first)} rows that it was fitted on. Give "
            "these as X, in the same order, or use stage='after'."
        )
    return clusterer.autoencoder_.transform(rows), align_labels(labels, first)[0]


def _choose(n_samples, sample_size, random_state) -> np.ndarray:
    """Numbers of rows to show, in random order so that no cluster lies on top."""
    if sample_size is not None and sample_size not in Integers(1):
        raise ValueError(
            f"sample_size must be None or {Integers(1)}. Got {sample_size!r} instead."
        )
    return check_random_state(random_state).permutation(n_samples)[:sample_size]


def _make_panel(Z, labels, projection, random_state, title) -> EmbeddingPanel:
    if projection is not None:
        Z = np.asarray(clone(projection).fit_transform(Z))
        if Z.ndim != 2 or Z.shape[1] != 2:
            raise ValueError(
                f"projection={projection!r} must give two columns. Got the shape "
                f"{Z.shape}; set its n_components=2."
            )
        kind = type(projection).__name__
        names = (f"{kind} 1", f"{kind} 2")
    elif Z.shape[1] == 1:
        spread = check_random_state(random_state).uniform(size=len(Z))
        Z = np.column_stack([Z, np.ptp(Z) / 4 * spread])
        names = ("component 1", "(spread at random)")
    elif Z.shape[1] == 2:
        names = ("component 1", "component 2")
    else:
        pca = PCA(2, random_state=0)
        Z = pca.fit_transform(Z)
        names = tuple(
            f"principal component {i} ({share:.0%} of variance)"
            for i, share in enumerate(pca.explained_variance_ratio_, start=1)
        )
    return EmbeddingPanel(title, Z, labels, names)


def _scatter(axes, panel, kwargs):
    clusters = np.unique(panel.labels)
    colors, markers = np.array(colors_of(clusters)), np.array(markers_of(clusters))
    own = np.searchsorted(clusters, panel.labels)
    size = np.clip(20_000 / len(own), 5, 30)
    for marker in dict.fromkeys(markers.tolist()):
        shown = markers[own] == marker
        style = {"s": size, "alpha": 0.8, "linewidths": 0, "marker": marker}
        style = {**style, "c": colors[own[shown]], **kwargs}
        axes.scatter(*panel.positions[shown].T, **style)


def _write_names(axes, panel):
    from matplotlib.patheffects import withStroke

    outline = [withStroke(linewidth=3, foreground="white")]
    for cluster in np.unique(panel.labels).tolist():
        if cluster == -1:
            continue
        middle = np.median(panel.positions[panel.labels == cluster], axis=0)
        axes.text(
            *middle,
            str(cluster),
            ha="center",
            va="center",
            fontsize=11,
            fontweight="bold",
            path_effects=outline,
        )
