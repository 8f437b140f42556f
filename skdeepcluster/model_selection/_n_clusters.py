"""How many clusters: the largest number that is still stable."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.base import BaseEstimator, clone

from skdeepcluster.model_selection._stability import StabilityResult, cluster_stability
from skdeepcluster.utils import MatrixLike


@dataclass(frozen=True)
class NClustersResult:
    """Stability of a clusterer over numbers of clusters.

    Attributes
    ----------
    n_clusters : ndarray of shape (n_candidates,)
        The numbers that were tried, ascending.
    results : tuple of StabilityResult
        One for each of them.
    tolerance : float
        Means that lie closer together count as equal.
    """

    n_clusters: np.ndarray
    results: tuple[StabilityResult, ...]
    tolerance: float

    @property
    def means(self) -> np.ndarray:
        """Mean stability of each candidate: (n_candidates,)."""
        return np.array([result.mean for result in self.results])

    @property
    def most_stable(self) -> int:
        """The largest number about as stable as the most stable one."""
        return int(self.n_clusters[self._row])

    @property
    def has_structure(self) -> bool:
        """Whether shuffled columns do not have that many clusters as well."""
        return self.results[self._row].has_structure

    @property
    def best(self) -> int | None:
        """`most_stable`, or None where nothing shows that there is structure."""
        return self.most_stable if self.has_structure else None

    @property
    def _row(self):
        return np.flatnonzero(self.means >= self.means.max() - self.tolerance)[-1]


def select_n_clusters(
    estimator: BaseEstimator,
    X: MatrixLike,
    *,
    n_clusters: Iterable[int] = range(2, 11),
    parameter: str = "n_clusters",
    tolerance: float = 0.05,
    **options,
) -> NClustersResult:
    """Choose a number of clusters by the stability of what is found, without labels.

    Too few clusters can be as stable as the right number, where groups of clusters lie
    together; too many seldom are. So the largest number counts that is about as stable
    as the most stable one, and none where shuffled columns do as well.

    Parameters
    ----------
    estimator : clusterer with ``predict``
        With ``memory=`` and an `autoencoder` every subsample is pre-trained once for
        all numbers of clusters.
    X : array-like or CSR matrix of shape (n_samples, n_features), or DataFrame
    n_clusters : iterable of int, default=range(2, 11)
        The numbers to try, each in range [2, inf).
    parameter : str, default="n_clusters"
        Name of the parameter, such as ``"kmeans__n_clusters"`` in a Pipeline.
    tolerance : float, default=0.05
        Means of stability that lie closer together count as equal.
    **options
        `n_fits`, `train_size`, `test_size`, `reference`, `random_state` and `n_jobs` as
        in :func:`cluster_stability`. Without a reference there is no `best`, only
        `most_stable`.

    Returns
    -------
    result : NClustersResult
        With `best` and `has_structure`, and the whole curve, which says more than the
        one number: several peaks are several ways to see the data.

    Raises
    ------
    ValueError
        If a number of clusters is below two, an option out of range, or no two columns
        vary, whose shuffling would show something.

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from skdeepcluster.model_selection import select_n_clusters
    >>> X, _ = make_blobs(300, n_features=5, centers=4, random_state=0)
    >>> select_n_clusters(KMeans(n_init=5), X, n_clusters=range(2, 7)).best
    4
    """
    _check_tolerance(tolerance)
    given = list(n_clusters) if isinstance(n_clusters, Iterable) else []
    if not given or not all(isinstance(n, Integral) and n >= 2 for n in given):
        raise ValueError(
            "n_clusters must be several ints from 2 on: one cluster is always stable. "
            f"Got {n_clusters!r}."
        )
    numbers = np.unique(given)
    results = [
        cluster_stability(
            clone(estimator).set_params(**{parameter: int(number)}), X, **options
        )
        for number in numbers
    ]
    return NClustersResult(numbers, tuple(results), tolerance)


class _MostClusters:
    def __init__(self, tolerance, parameter, metric):
        self.tolerance, self.parameter, self.metric = tolerance, parameter, metric

    def __call__(self, cv_results: dict) -> int:
        """Row of the search's results to refit."""
        scores = np.asarray(cv_results[f"mean_test_{self.metric}"], dtype=float)
        numbers = np.asarray(cv_results[self._column(cv_results)], dtype=int)
        if np.all(np.isnan(scores)):
            raise ValueError(
                f"All scores mean_test_{self.metric} are NaN. With error_score='raise' "
                "the search tells why."
            )
        near = np.flatnonzero(scores >= np.nanmax(scores) - self.tolerance)
        # Of those with most clusters the one that scores best.
        return int(max(near, key=lambda row: (numbers[row], scores[row])))

    def _column(self, cv_results):
        if self.parameter is not None:
            return f"param_{self.parameter}"
        found = [
            name
            for name in cv_results
            if name == "param_n_clusters" or name.endswith("__n_clusters")
        ]
        if len(found) != 1:
            raise ValueError(
                "The search must be over one parameter called n_clusters, or parameter "
                f"name it. Got {found}."
            )
        return found[0]


def most_clusters(
    *, tolerance: float = 0.05, parameter: str | None = None, metric: str = "score"
) -> Callable:
    """Make a ``refit=`` for searches that prefers many clusters among near-ties.

    Parameters
    ----------
    tolerance : float, default=0.05
        Candidates whose mean score is at most this below the best count as ties, in
        the units of the score.
    parameter : str or None, default=None
        Name of the number of clusters in the search. None is the one parameter whose
        name ends with ``n_clusters``.
    metric : str, default="score"
        Which of several scorers of the search decides.

    Returns
    -------
    refit : callable
        Gives the row of ``cv_results_`` to refit. It raises ValueError where all
        scores are NaN, of which scikit-learn would take the first.

    Raises
    ------
    ValueError
        If `tolerance` is negative.

    Examples
    --------
    >>> from skdeepcluster.model_selection import most_clusters
    >>> most_clusters()(
    ...     {"param_n_clusters": [2, 3, 4], "mean_test_score": [1.0, 0.97, 0.8]}
    ... )
    1
    """
    _check_tolerance(tolerance)
    return _MostClusters(tolerance, parameter, metric)


def _check_tolerance(tolerance):
    if not (isinstance(tolerance, Real) and tolerance >= 0):
        raise ValueError(
            f"tolerance must be a float in the range [0, inf). Got {tolerance!r}."
        )
