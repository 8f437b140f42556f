"""What sets clusters apart, in the features of the analyst."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator

from skdeepcluster.inspection._columns import (
    Column,
    cliffs_delta,
    cohens_d,
    read_columns,
)
from skdeepcluster.inspection._confidence import confidence_or_none
from skdeepcluster.utils import Integers, MatrixLike, labels_of

_MOST_LEVELS = 20  # of a category that have columns of their own
_SMALLEST_EFFECT = 0.2  # worth naming: the cluster wins six of ten pairs


class _Profile(NamedTuple):
    """What one feature tells about each cluster."""

    statistics: dict[str, np.ndarray]
    effect: np.ndarray  # (n_clusters,), nan where there is none
    difference: np.ndarray  # (n_clusters,), decides between equal effects
    phrases: list[str]  # one per cluster


def cluster_profiles(
    estimator: BaseEstimator,
    X: MatrixLike,
    *,
    feature_names: ArrayLike | None = None,
    n_features: int = 5,
) -> Any:
    r"""One row per cluster: how large it is, what is typical, what sets it apart.

    Features are taken as they are in `X`, in their own units, however `estimator`
    transforms them: give the raw table with its text and missing values where
    `estimator` is a Pipeline that prepares it.

    Parameters
    ----------
    estimator : estimator
        A fitted clusterer of this package or of scikit-learn, or a Pipeline or search
        that ends in one. One that cannot predict gives its `labels_`.
    X : array-like, data frame, CSR matrix or tensor of shape (n_samples, n_features)
        Rows, as `estimator` predicts them. In a data frame of pandas or polars, text
        and booleans count as categories; dates are left out.
    feature_names : array-like of shape (n_features,), default=None
        Names to use. None takes the names of the data frame, else x0, x1 and so on.
    n_features : int, default=5
        Number of features, at most, that ``distinctive`` names, in range [0, inf).

    Returns
    -------
    profiles : DataFrame with one row per cluster, or dict of ndarray
        Where pandas is not installed, a dict of arrays with the same columns in the
        same order, one entry per cluster. The columns:

        ``cluster``
            Its number; in a DataFrame the index. Noise, if there is any, is -1.
        ``size``, ``share``
            Number and share of the rows.
        ``confidence``
            Mean of :func:`assignment_confidence`, where the clusterer has one.
        ``distinctive``
            The features with the largest effects, the largest first, down to an effect
            of 0.2, which six of ten pairs of rows confirm: "high age" or "low age" for
            numbers, "often city=Rome" or "seldom city=Rome" for categories.
        ``median__age``, ``mean__age``
            Typical values of a number.
        ``difference__age``
            Cohen's d [1]_: the mean minus that of all other rows, in pooled standard
            deviations.
        ``effect__age``, ``effect__city=Rome``
            Cliff's delta [2]_ against all other rows, in [-1, 1].
        ``mode__city``, ``share__city=Rome``
            The most frequent category, and the shares of the 20 categories that are
            most frequent over all, among rows that are not missing.
        ``missing__age``
            Share of missing values, for features that have any. They are left out of
            all other columns.

    Raises
    ------
    ValueError
        When `feature_names` or `n_features` do not fit, or when the estimator cannot
        predict and `X` is not what it was fitted on.

    See Also
    --------
    cluster_feature_importance : Which features decide for the model.
    ExemplarsDisplay : Rows that are typical, as they are.

    Notes
    -----
    Cliff's delta is the probability that a row of the cluster has a larger value than
    a row of the rest, minus the probability that it has a smaller one. It does not
    change when a feature is transformed by a logarithm, heeds no outliers, and of a
    category, as 0 or 1, it is the difference between the two shares: numbers and
    categories are ranked on one scale. Where several features separate a cluster
    completely, Cohen's d decides between them.

    References
    ----------
    .. [1] J. Cohen (1988). Statistical power analysis for the behavioral sciences, 2nd
       edition, chapter 2. Lawrence Erlbaum Associates.
    .. [2] N. Cliff (1993). Dominance statistics: ordinal analyses to answer ordinal
       questions. Psychological Bulletin 114(3), 494-509.
       doi:10.1037/0033-2909.114.3.494

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from skdeepcluster.inspection import cluster_profiles
    >>> X = [[20, 1.7], [24, 1.8], [21, 1.9], [61, 1.8], [65, 1.7]]
    >>> kmeans = KMeans(2, random_state=0).fit(X)
    >>> profiles = cluster_profiles(kmeans, X, feature_names=["age", "height"])
    >>> list(profiles["distinctive"])
    ['low age, high height', 'high age, low height']
    """
    if n_features not in Integers(0):
        raise ValueError(
            f"n_features must be {Integers(0)}. Got {n_features!r} instead."
        )
    columns = read_columns(X, feature_names)
    clusters, codes = np.unique(labels_of(estimator, X), return_inverse=True)
    sizes = np.bincount(codes)
    table = {"cluster": clusters, "size": sizes, "share": sizes / len(codes)}
    confidence = confidence_or_none(estimator, X)
    if confidence is not None:
        table["confidence"] = np.bincount(codes, weights=confidence) / sizes
    profiles = [
        (_number if column.is_number else _category)(column, codes, len(clusters))
        for column in columns
    ]
    table["distinctive"] = _distinctive(profiles, len(clusters), n_features)
    for profile in profiles:
        table |= profile.statistics
    try:
        from pandas import DataFrame
    except ImportError:
        return table
    return DataFrame(table).set_index("cluster")


def most_distinctive(columns, codes, n_features) -> list[int]:
    """Numbers of the columns with the largest effect on any cluster, in their order."""
    n_clusters = codes.max() + 1
    strength = []
    for column in columns:
        describe = _number if column.is_number else _category
        effect = np.abs(describe(column, codes, n_clusters).effect)
        strength.append(np.nan_to_num(effect).max())
    return sorted(np.argsort(strength)[::-1][:n_features].tolist())


def _number(column: Column, codes, n_clusters) -> _Profile:
    known = ~column.missing
    values = [column.values[known & (codes == code)] for code in range(n_clusters)]
    effect = cliffs_delta(column, codes, n_clusters)
    difference = cohens_d(column, codes, n_clusters)
    name = column.name
    statistics = {
        f"median__{name}": _of_each(np.median, values),
        f"mean__{name}": _of_each(np.mean, values),
        f"difference__{name}": difference,
        f"effect__{name}": effect,
        **_missing(column, codes, n_clusters),
    }
    phrases = [f"{'high' if delta > 0 else 'low'} {name}" for delta in effect]
    return _Profile(statistics, effect, difference, phrases)


def _category(column: Column, codes, n_clusters) -> _Profile:
    levels, counts = np.unique(column.values[~column.missing], return_counts=True)
    levels = levels[np.argsort(-counts, kind="stable")[:_MOST_LEVELS]]
    if not len(levels):
        nothing = np.full(n_clusters, np.nan)
        statistics = _missing(column, codes, n_clusters)
        return _Profile(statistics, nothing, nothing, [""] * n_clusters)
    shares, effects, statistics = [], [], {}
    for level in levels:
        is_level = column._replace(values=(column.values == level).astype(np.float64))
        profile = _number(is_level, codes, n_clusters)
        shares.append(profile.statistics[f"mean__{column.name}"])
        effects.append(profile.effect)
        name = f"{column.name}={level}"
        statistics |= {f"share__{name}": shares[-1], f"effect__{name}": effects[-1]}
    mode = levels[np.argmax(shares, axis=0)].astype(object)
    mode[np.isnan(shares[0])] = None
    statistics = {f"mode__{column.name}": mode, **statistics}
    statistics |= _missing(column, codes, n_clusters)
    return _Profile(statistics, *_strongest_level(column.name, levels, effects))


def _strongest_level(name, levels, effects):
    """Effect (n_clusters,) of the level that has most of it; zeros; its phrases."""
    effects = np.nan_to_num(effects)  # (n_levels, n_clusters)
    # Of equal effects the positive one: "often" says more than "seldom".
    strongest = np.argmax(np.abs(effects) + 1e-9 * (effects > 0), axis=0)
    effect = effects[strongest, np.arange(effects.shape[1])]
    phrases = [
        f"{'often' if delta > 0 else 'seldom'} {name}={levels[level]}"
        for delta, level in zip(effect, strongest, strict=True)
    ]
    return effect, np.zeros(len(effect)), phrases


def _of_each(statistic, values) -> np.ndarray:
    return np.array([statistic(own) if len(own) else np.nan for own in values])


def _missing(column, codes, n_clusters) -> dict:
    if not column.missing.any():
        return {}
    counts = np.bincount(codes, weights=column.missing, minlength=n_clusters)
    return {f"missing__{column.name}": counts / np.bincount(codes)}


def _distinctive(profiles, n_clusters, n_features) -> np.ndarray:
    """The phrases of the strongest features of each cluster, joined by commas."""
    result = np.full(n_clusters, "", dtype=object)
    for cluster in range(n_clusters):
        effects = np.abs([profile.effect[cluster] for profile in profiles])
        spreads = np.abs([profile.difference[cluster] for profile in profiles])
        order = np.lexsort((-spreads, -np.nan_to_num(effects)))[:n_features]
        named = [
            profiles[i].phrases[cluster]
            for i in order
            if effects[i] >= _SMALLEST_EFFECT
        ]
        result[cluster] = ", ".join(named)
    return result
