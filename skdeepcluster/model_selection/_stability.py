"""Whether clusters come back when the clusterer sees other rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed
from scipy.sparse import csc_array, issparse
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import adjusted_rand_score
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples

from skdeepcluster.metrics import make_clustering_scorer
from skdeepcluster.utils import MatrixLike, check_array_like

_silhouette = make_clustering_scorer("silhouette", sample_size=2000)


@dataclass(frozen=True)
class StabilityResult:
    """How alike fits on different rows cluster the same other rows.

    The reference is the same on data in which every column was shuffled by itself,
    which keeps the columns and destroys what they have to do with one another.

    Attributes
    ----------
    values : ndarray of shape (n_pairs,)
        Adjusted Rand index of the predictions of every pair of fits on the same
        held-out rows: 1 where they agree, 0 where agreement is chance.
    separations : ndarray of shape (n_fits,)
        Silhouette of the held-out rows by each fit, between the rows as they were
        given: -1 to 1. NaN where rows hold more than numbers.
    reference_values : ndarray of shape (n_pairs,)
        `values` of the reference; empty where none was asked for.
    reference_separations : ndarray of shape (n_fits,)
        `separations` of the reference; empty where none was asked for.
    """

    values: np.ndarray
    separations: np.ndarray
    reference_values: np.ndarray
    reference_separations: np.ndarray

    @property
    def mean(self) -> float:
        """Mean of `values`."""
        return float(self.values.mean())

    @property
    def has_structure(self) -> bool:
        """Whether there are clusters that shuffled columns do not have.

        Their mean stability must be 0.5 at least and exceed that of the reference by
        0.1, or their silhouette must by 0.05, and in either case by twice the standard
        deviation of the reference. Columns that depend on each other without forming
        clusters, such as one long cloud of rows, can meet this too.
        """
        if not len(self.reference_values):
            raise ValueError("has_structure needs the reference. Use reference=True.")
        return self.mean >= 0.5 and (
            _exceeds(self.values, self.reference_values, 0.1)
            or _exceeds(self.separations, self.reference_separations, 0.05)
        )


def _exceeds(values, reference, least):
    """Whether the mean is above that of the reference by more than noise."""
    margin = max(least, 2 * float(reference.std()))
    return bool(values.mean() > reference.mean() + margin)


def cluster_stability(
    estimator: BaseEstimator,
    X: MatrixLike,
    *,
    n_fits: int = 6,
    train_size: float = 0.5,
    test_size: float = 0.25,
    reference: bool = True,
    random_state: int = 0,
    n_jobs: int | None = None,
) -> StabilityResult:
    """Fit on random subsamples and compare the predictions on rows that none has seen.

    Clusters that are in the data are found again from other rows of it; clusters that
    the method makes up differ from sample to sample. No labels are needed, and no
    space in which to measure distances.

    Parameters
    ----------
    estimator : clusterer with ``predict``
        Also a Pipeline that ends with one. It is cloned; every fit gets a random state
        of its own.
    X : array-like or CSR matrix of shape (n_samples, n_features), or DataFrame
    n_fits : int, default=6
        Number of fits in range [2, inf).
    train_size : float, default=0.5
        Share of all rows that each fit draws without replacement, in range (0, 1),
        from those that are not held out.
    test_size : float, default=0.25
        Share of all rows held out, in range (0, 1). Not more than 1 with `train_size`.
    reference : bool, default=True
        Whether to do the same on data with every column shuffled by itself, which
        costs as much again, and answers whether there is structure at all. Needs two
        columns that vary.
    random_state : int, default=0
        Seed of the rows that are drawn and of the fits. Comparisons of estimators with
        the same seed use the same rows.
    n_jobs : int or None, default=None
        Number of fits at once, with joblib.

    Returns
    -------
    result : StabilityResult

    Raises
    ------
    ValueError
        If a parameter is out of range, the shares leave too few rows, or the reference
        would be no other than `X`.
    TypeError
        If the estimator cannot predict.

    References
    ----------
    .. [1] U. von Luxburg (2010). Clustering stability: an overview. Foundations and
       Trends in Machine Learning 2(3), 235-274. doi:10.1561/2200000008
    .. [2] T. Lange, V. Roth, M. L. Braun, J. M. Buhmann (2004). Stability-based
       validation of clustering solutions. Neural Computation 16(6), 1299-1323.
       doi:10.1162/089976604773717621

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from skdeepcluster.model_selection import cluster_stability
    >>> X, _ = make_blobs(300, n_features=5, centers=4, random_state=0)
    >>> result = cluster_stability(KMeans(4, n_init=5), X)
    >>> round(result.mean, 2), result.has_structure
    (1.0, True)
    """
    _check(n_fits, train_size, test_size)
    if not hasattr(estimator, "predict"):
        raise TypeError(
            f"Stability needs a clusterer that can predict rows it has not seen. Got "
            f"{type(estimator).__name__}."
        )
    X = check_array_like(X)
    n_samples = _num_samples(X)
    rng = np.random.RandomState(random_state)
    order = rng.permutation(n_samples)
    n_test, n_train = round(test_size * n_samples), int(train_size * n_samples)
    if n_test < 2 or n_train < 1:
        raise ValueError(
            f"n_samples={n_samples} is too few: test_size={test_size} and "
            f"train_size={train_size} leave {n_test} rows to compare and {n_train} to "
            "fit on. Give more rows or larger shares."
        )
    held_out, rest = order[:n_test], order[n_test:]
    draws = [rng.permutation(rest)[:n_train] for _ in range(n_fits)]
    seeds = rng.randint(2**31 - 1, size=n_fits)
    tables = [X]
    if reference:
        _check_columns(X)
        tables.append(shuffled_columns(X, rng))
    predicted = Parallel(n_jobs=n_jobs)(
        delayed(_fit_and_predict)(estimator, table, rows, held_out, int(seed))
        for table in tables
        for rows, seed in zip(draws, seeds, strict=True)
    )
    labelings, separations = zip(*predicted, strict=True)
    return StabilityResult(
        values=_agreements(labelings[:n_fits]),
        separations=np.array(separations[:n_fits]),
        reference_values=_agreements(labelings[n_fits:]),
        reference_separations=np.array(separations[n_fits:]),
    )


class _StabilityScorer:
    def __init__(self, options):
        self.options = options

    def __call__(self, estimator: BaseEstimator, X, y: object = None) -> float:
        """Mean agreement of clones of the estimator, fitted on subsamples of X."""
        return cluster_stability(estimator, X, reference=False, **self.options).mean

    def __repr__(self):
        options = ", ".join(f"{name}={value}" for name, value in self.options.items())
        return f"make_stability_scorer({options})"


def make_stability_scorer(
    *,
    n_fits: int = 6,
    train_size: float = 0.5,
    test_size: float = 0.25,
    random_state: int = 0,
) -> Callable:
    """Make a scorer of the mean of :func:`cluster_stability`.

    It fits clones of the estimator on subsamples of the rows that are to be scored, so
    let a search score all rows: ``cv=[(rows, rows)]``, ``rows = np.arange(len(X))``.
    With ``refit=most_clusters()`` the search takes the largest number of clusters
    among those that are as stable as the best.

    Parameters
    ----------
    n_fits : int, default=6
        Number of fits in range [2, inf).
    train_size : float, default=0.5
        Share of the rows that each fit draws, in range (0, 1).
    test_size : float, default=0.25
        Share of the rows held out, in range (0, 1). Not more than 1 with `train_size`.
    random_state : int, default=0
        Seed of the rows that are drawn and of the fits, the same for every candidate.

    Returns
    -------
    scorer : callable
        ``scorer(estimator, X, y=None)``, between -0.5 and 1.

    Raises
    ------
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import make_blobs
    >>> from sklearn.model_selection import GridSearchCV
    >>> from skdeepcluster.model_selection import make_stability_scorer, most_clusters
    >>> X, _ = make_blobs(300, n_features=5, centers=4, random_state=0)
    >>> search = GridSearchCV(
    ...     KMeans(n_init=5, random_state=0),
    ...     {"n_clusters": [2, 3, 4, 5, 6]},
    ...     scoring=make_stability_scorer(),
    ...     refit=most_clusters(),
    ...     cv=[(np.arange(300), np.arange(300))],
    ... )
    >>> search.fit(X).best_params_
    {'n_clusters': 4}
    """
    _check(n_fits, train_size, test_size)
    return _StabilityScorer(
        {
            "n_fits": n_fits,
            "train_size": train_size,
            "test_size": test_size,
            "random_state": random_state,
        }
    )


def _check(n_fits, train_size, test_size):
    if not (isinstance(n_fits, Integral) and n_fits >= 2):
        raise ValueError(
            f"n_fits must be an int in the range [2, inf). Got {n_fits!r}."
        )
    for name, share in (("train_size", train_size), ("test_size", test_size)):
        if not (isinstance(share, Real) and 0 < share < 1):
            raise ValueError(f"{name} must be a float between 0 and 1. Got {share!r}.")
    if train_size + test_size > 1:
        raise ValueError(
            "train_size and test_size are shares of the same rows and must not exceed "
            f"1 together. Got {train_size} and {test_size}."
        )


def _fit_and_predict(estimator, X, rows, held_out, seed):
    """Labels of the held-out rows by a fit on some of the others, and silhouette."""
    own = with_random_state(clone(estimator), seed).fit(_safe_indexing(X, rows))
    X = _safe_indexing(X, held_out)
    labels = np.asarray(own.predict(X))
    try:
        return labels, _silhouette(own, X)
    except ValueError:  # text, say, which the first step of a Pipeline encodes
        return labels, np.nan


def _agreements(labelings: Sequence[np.ndarray]) -> np.ndarray:
    """Adjusted Rand index of all pairs."""
    return np.array([adjusted_rand_score(a, b) for a, b in combinations(labelings, 2)])


def with_random_state(estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Set every parameter called random_state, nested ones as well; returns it."""
    names = [
        name
        for name in estimator.get_params(deep=True)
        if name == "random_state" or name.endswith("__random_state")
    ]
    return estimator.set_params(**dict.fromkeys(names, seed))


def _check_columns(X):
    """Raise ValueError where shuffled columns would hold the same rows as before."""
    if _n_varying(X) < 2:
        raise ValueError(
            "reference=True shuffles the columns of X, of which two at least must vary "
            "for that to change the rows. Set reference=False."
        )


def _n_varying(X) -> int:
    """Number of columns with more than one value."""
    if issparse(X):
        X = csc_array(X)
        differ = X.max(axis=0) != X.min(axis=0)
        return int(np.count_nonzero(differ.toarray()))
    if hasattr(X, "isetitem"):
        return int((X.nunique(dropna=False) > 1).sum())
    if hasattr(X, "with_columns"):
        return sum(X[name].n_unique() > 1 for name in X.columns)
    if np.ndim(X) < 2:
        return 1
    flat = np.asarray(X).reshape(len(X), -1)
    return int((flat != flat[0]).any(axis=0).sum())


def shuffled_columns(X, rng: np.random.RandomState):
    """A copy of X in which every column is shuffled by itself."""
    if issparse(X):
        X = csc_array(X, copy=True)
        for column in range(X.shape[1]):
            part = slice(X.indptr[column], X.indptr[column + 1])
            X.indices[part] = rng.permutation(X.shape[0])[: part.stop - part.start]
        X.has_sorted_indices = False
        return X.tocsr()
    if hasattr(X, "isetitem"):  # pandas
        shuffled = X.copy()
        for number in range(X.shape[1]):
            order = rng.permutation(len(X))
            shuffled.isetitem(number, X.iloc[:, number].take(order).array)
        return shuffled
    if hasattr(X, "with_columns"):  # polars
        return X.with_columns([X[name][rng.permutation(len(X))] for name in X.columns])
    X = np.array(X)
    flat = X.reshape(len(X), -1)  # a view
    for column in range(flat.shape[1]):
        flat[:, column] = rng.permutation(flat[:, column])
    return X
