"""Scorers of clusterers: callables for the ``scoring`` of a search."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.decomposition import PCA
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    normalized_mutual_info_score,
    silhouette_score,
)
from sklearn.utils.validation import check_is_fitted

from skdeepcluster.metrics._external import clustering_accuracy
from skdeepcluster.utils import check_array_like, labels_of, warn_caller

# As low as needed, and its square is still finite: searches average and square scores.
_LOWEST = float(np.finfo(np.float32).min)

# Name: (function of rows and labels, sign that makes higher better, worst score).
_INTERNAL = {
    "silhouette": (silhouette_score, 1, -1.0),
    "calinski_harabasz": (calinski_harabasz_score, 1, 0.0),
    "davies_bouldin": (davies_bouldin_score, -1, _LOWEST),
}
_SPACES = ("input", "reference", "embedding")
_REFERENCE_COMPONENTS = 10


class _InternalScorer:
    """How compact and separate the clusters are, without any known class."""

    def __init__(self, metric, sign, worst, space, reference, sample_size, seed):
        self.metric, self.sign, self.worst = metric, sign, worst
        self.space, self.reference = space, reference
        self.sample_size, self.seed = sample_size, seed

    def __call__(self, estimator: BaseEstimator, X, y: object = None) -> float:
        """Score the fitted clusterer on rows; `y` is ignored."""
        labels = labels_of(estimator, X)
        Z = self._in_space(estimator, X)
        if self.sample_size is not None and self.sample_size < len(labels):
            shuffled = np.random.RandomState(self.seed).permutation(len(labels))
            Z, labels = (a[shuffled[: self.sample_size]] for a in (Z, labels))
        if not 1 < len(np.unique(labels)) < len(labels):
            return self.worst
        score = self.sign * float(self.metric(Z, labels))
        return score if np.isfinite(score) else self.worst

    def _in_space(self, estimator, X):
        if self.space == "embedding":
            return estimator.transform(X)
        if self.reference is not None:
            return self.reference.transform(X)
        X = _flat_numbers(X)
        if self.space == "input":
            return X
        size = min(_REFERENCE_COMPONENTS, *X.shape)
        return PCA(size, random_state=self.seed).fit_transform(X)

    def __repr__(self):
        name = getattr(self.metric, "__name__", repr(self.metric))
        return f"make_clustering_scorer({name}, space={self.space!r})"


class _ExternalScorer:
    """How well the clusters agree with known classes, of any type."""

    def __init__(self, name, metric):
        self.name, self.metric = name, metric

    def __call__(self, estimator: BaseEstimator, X, y: object = None) -> float:
        """Score the fitted clusterer on rows with known classes."""
        if y is None:
            raise ValueError(
                f"{self.name} compares clusters with known classes, and y is None. "
                "Give y to the search, or score without classes by "
                "make_clustering_scorer or make_stability_scorer."
            )
        _, classes = np.unique(np.asarray(y), return_inverse=True)
        return float(self.metric(classes, labels_of(estimator, X)))

    def __repr__(self):
        return self.name


acc_scorer = _ExternalScorer("acc_scorer", clustering_accuracy)
nmi_scorer = _ExternalScorer("nmi_scorer", normalized_mutual_info_score)
ari_scorer = _ExternalScorer("ari_scorer", adjusted_rand_score)


def make_clustering_scorer(
    metric: Literal["silhouette", "calinski_harabasz", "davies_bouldin"] | Callable,
    *,
    space: Literal["input", "reference", "embedding"] = "input",
    reference: BaseEstimator | None = None,
    sample_size: int | None = 10_000,
    random_state: int = 0,
) -> Callable:
    """Make a scorer that needs no classes, for ``GridSearchCV`` and its relatives.

    An embedding is trained to look well separated, and will: on uniform noise deep
    clustering drives the silhouette in its own embedding from 0.2 to 0.7. Candidates
    can only be ranked in a space that is the same for all of them, which is the input
    or a fixed map of it.

    Parameters
    ----------
    metric : {"silhouette", "calinski_harabasz", "davies_bouldin"} or callable
        A callable is given rows and labels, as ``metric(X, labels)``, and returns a
        number of which higher is better. The Davies-Bouldin index is negated.
    space : {"input", "reference", "embedding"}, default="input"
        Where distances are measured: between the rows as the scorer is given them;
        between the rows after `reference`; or in the embedding of each clusterer by
        itself, which is for watching a single fit and warns.
    reference : fitted transformer or None, default=None
        The map of ``space="reference"``, fitted beforehand and the same for all
        candidates. None is PCA with 10 components of the rows that are scored.
    sample_size : int or None, default=10_000
        Rows that are scored, drawn without replacement where there are more; None is
        all of them. The silhouette takes time that grows with their square.
    random_state : int, default=0
        Seed of the draw. It is the same for every candidate.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)`` with a fitted clusterer, which may be the last
        step of a Pipeline, gives a float. Fewer than two clusters among the scored
        rows, or as many as rows, give the worst value: -1 for the silhouette, 0 for
        Calinski-Harabasz and the lowest float32 number otherwise.

    Raises
    ------
    ValueError
        If a parameter is none of those above or does not go with the others.
    sklearn.exceptions.NotFittedError
        If `reference` is not fitted.

    Warns
    -----
    UserWarning
        With ``space="embedding"``.

    See Also
    --------
    skdeepcluster.model_selection.make_stability_scorer : Whether clusters come back on
        other rows, which asks no space.

    Notes
    -----
    Clusterers with ``predict`` are scored by it. Those without are scored by their
    `labels_`, which exist for the training rows only: give the search the one split
    ``cv=[(rows, rows)]`` with ``rows = np.arange(len(X))``.

    In a search a scorer's error becomes the score NaN and a warning unless the search
    has ``error_score="raise"``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdeepcluster.metrics import make_clustering_scorer
    >>> X, _ = load_iris(return_X_y=True)
    >>> search = GridSearchCV(
    ...     KMeans(random_state=0),
    ...     {"n_clusters": [2, 3, 4]},
    ...     scoring=make_clustering_scorer("silhouette"),
    ...     cv=[(np.arange(150), np.arange(150))],
    ... )
    >>> search.fit(X).best_params_
    {'n_clusters': 2}
    """
    if space not in _SPACES:
        raise ValueError(f"space must be one of {_SPACES}. Got {space!r}.")
    if reference is not None:
        if space != "reference":
            raise ValueError(
                f"reference goes with space='reference' only. Got space={space!r}."
            )
        check_is_fitted(reference)
    if sample_size is not None and not sample_size >= 2:
        raise ValueError(
            f"sample_size must be at least 2 or None. Got {sample_size!r}."
        )
    if callable(metric):
        sign, worst = 1, _LOWEST
    elif metric in _INTERNAL:
        metric, sign, worst = _INTERNAL[metric]
    else:
        raise ValueError(
            f"metric must be one of {tuple(_INTERNAL)} or a callable. Got {metric!r}."
        )
    if space == "embedding":
        warn_caller(
            "space='embedding' cannot rank models: every clusterer is scored in a "
            "space that it made itself. Use it to watch one fit; to choose between "
            "fits use space='input' or space='reference'."
        )
    return _InternalScorer(
        metric, sign, worst, space, reference, sample_size, random_state
    )


def _flat_numbers(X):
    """One row of numbers per sample, or a CSR matrix."""
    X = check_array_like(X)
    if hasattr(X, "tocsr"):
        return X.tocsr()
    try:
        return np.asarray(X, dtype=np.float64).reshape(len(X), -1)
    except ValueError as error:
        raise ValueError(
            "Distances need numbers. Use space='reference' with a fitted transformer "
            f"as reference, such as the first steps of the Pipeline: {error}"
        ) from error
