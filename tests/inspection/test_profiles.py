"""What sets clusters apart."""

import builtins

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.cluster import DBSCAN, AgglomerativeClustering, KMeans
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeepcluster import DECClustering
from skdeepcluster.inspection import assignment_confidence, cluster_profiles
from skdeepcluster.inspection._columns import cliffs_delta, cohens_d, read_columns
from tests._discovery import PREDICTING, tiny


@pytest.fixture
def people():
    """A table of mixed columns, in which town and age make two groups of 20 rows."""
    rng = np.random.default_rng(0)
    is_old = np.repeat([True, False], 20)
    table = pd.DataFrame(
        {
            "age": np.where(is_old, 70, 20) + rng.integers(-5, 6, 40),
            "income": rng.lognormal(size=40),
            "town": np.where(is_old, "Rome", "Oslo"),
            "member": np.arange(40) % 2 == 0,
            "since": pd.date_range("2020-01-01", periods=40),
        }
    )
    table.loc[[0, 1, 2, 3], "income"] = np.nan
    table.loc[[4, 25], "town"] = None
    return table


def pipeline(clusterer):
    return make_pipeline(
        make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), ["age", "income"]),
            (
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="?"), OneHotEncoder()
                ),
                ["town"],
            ),
        ),
        clusterer,
    )


# -- effect sizes ------------------------------------------------------------------


def brute_force_delta(own, rest):
    pairs = np.sign(own[:, None] - rest[None, :])
    return pairs.mean()


@pytest.mark.parametrize("seed", range(3))
def test_cliffs_delta__counts_pairs(seed):
    rng = np.random.default_rng(seed)
    values, codes = rng.integers(6, size=50).astype(float), rng.integers(4, size=50)
    values[rng.random(50) < 0.1] = np.nan
    (column,) = read_columns(values[:, None])
    known = ~np.isnan(values)
    expected = [
        brute_force_delta(values[known & (codes == c)], values[known & (codes != c)])
        for c in range(4)
    ]
    np.testing.assert_allclose(cliffs_delta(column, codes, 4), expected, atol=1e-12)


def test_cliffs_delta__heeds_no_logarithm():
    rng = np.random.default_rng(0)
    values, codes = rng.lognormal(size=(50, 1)), rng.integers(3, size=50)
    np.testing.assert_allclose(
        cliffs_delta(*read_columns(values), codes, 3),
        cliffs_delta(*read_columns(np.log(values)), codes, 3),
    )


def test_cohens_d__by_hand():
    (column,) = read_columns(np.array([[1.0], [3.0], [6.0], [8.0]]))
    # Means 2 and 7, both variances 2, hence also the pooled one.
    found = cohens_d(column, np.array([0, 0, 1, 1]), 2)
    np.testing.assert_allclose(found, [-5 / np.sqrt(2), 5 / np.sqrt(2)])


def test_cohens_d__of_constants():
    (column,) = read_columns(np.array([[1.0], [1.0], [2.0], [2.0]]))
    np.testing.assert_array_equal(
        cohens_d(column, np.array([0, 0, 1, 1]), 2), [-np.inf, np.inf]
    )
    np.testing.assert_array_equal(cohens_d(column, np.array([0, 1, 0, 1]), 2), 0)


# -- profiles ----------------------------------------------------------------------


@pytest.mark.parametrize("cls", PREDICTING)
def test_every_clusterer(cls, blobs):
    X, _ = blobs
    clusterer = tiny(cls, n_clusters=3).fit(X)
    profiles = cluster_profiles(clusterer, X, feature_names=list("abcdef"))
    sizes = np.bincount(clusterer.labels_)
    assert profiles.index.name == "cluster"
    np.testing.assert_array_equal(profiles["size"], sizes)
    np.testing.assert_allclose(profiles["share"], sizes / 60)
    confidence = assignment_confidence(clusterer, X)
    for label, profile in profiles.iterrows():
        own = clusterer.labels_ == label
        assert profile["confidence"] == pytest.approx(confidence[own].mean())
        assert profile["median__c"] == pytest.approx(np.median(X[own, 2]))
        assert profile["mean__c"] == pytest.approx(X[own, 2].mean())


def test_distinctive__names_what_was_planted(blobs):
    X, y = blobs  # each blob is high in a column of its own
    kmeans = KMeans(3, n_init=5, random_state=0).fit(X)
    profiles = cluster_profiles(kmeans, X, n_features=1)
    for label, text in profiles["distinctive"].items():
        blob = y[kmeans.labels_ == label][0]
        assert text == f"high x{blob}"
    assert set(cluster_profiles(kmeans, X, n_features=0)["distinctive"]) == {""}


def test_mixed_table__is_profiled_as_it_is(people):
    estimator = pipeline(KMeans(2, n_init=5, random_state=0)).fit(people)
    profiles = cluster_profiles(estimator, people)
    old = profiles.loc[profiles["median__age"].idxmax()]
    young = profiles.loc[profiles["median__age"].idxmin()]
    assert old["size"] == young["size"] == 20
    assert old["mode__town"] == "Rome"
    assert old["share__town=Rome"] == old["effect__town=Rome"] == 1
    assert young["share__town=Rome"] == 0
    assert young["effect__age"] == -1
    assert old["missing__town"] == young["missing__town"] == 1 / 20
    assert old["missing__income"] == 4 / 20
    assert old["share__member=True"] == old["share__member=False"] == 0.5
    assert old["effect__member=True"] == 0
    assert old["distinctive"].startswith("high age, often town=Rome")
    assert "member" not in old["distinctive"]
    assert not profiles.columns.str.contains("since").any()
    income = people["income"][estimator.predict(people) == old.name]
    assert old["median__income"] == income.median()


def test_mixed_table__behind_a_deep_clusterer(people):
    estimator = pipeline(tiny(DECClustering, n_clusters=2)).fit(people)
    profiles = cluster_profiles(estimator, people)
    assert profiles["size"].sum() == 40
    assert profiles["confidence"].between(0, 1).all()


@pytest.mark.parametrize(
    "convert",
    [
        lambda people: people.convert_dtypes(),
        lambda people: people.astype({"town": "category", "age": "float32"}),
        lambda people: pl.from_pandas(people),
    ],
)
def test_frames_of_other_kinds__give_the_same(convert, people):
    people = people.drop(columns="since")
    labels = KMeans(2, n_init=5, random_state=0).fit(people[["age"]])
    labels = _Labels(labels.labels_)
    expected = cluster_profiles(labels, people)
    found = cluster_profiles(labels, convert(people))
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)


class _Labels(KMeans):
    """A clusterer that knows its labels beforehand."""

    def __init__(self, labels_):
        self.labels_ = labels_

    predict = property()


def test_arrays_of_other_kinds__give_the_same(blobs):
    X = np.round(blobs[0])
    kmeans = KMeans(3, n_init=1, random_state=0).fit(X)
    expected = cluster_profiles(kmeans, X)
    pd.testing.assert_frame_equal(cluster_profiles(kmeans, csr_array(X)), expected)
    images = X.reshape(60, 2, 3)
    dec = tiny(DECClustering, n_clusters=3)
    pd.testing.assert_frame_equal(
        cluster_profiles(dec.fit(images), images), cluster_profiles(dec.fit(X), X)
    )


def test_many_categories__the_most_frequent_are_kept():
    town = np.array([f"town {i % 30 if i < 60 else i % 3}" for i in range(90)])
    X = pd.DataFrame({"town": town})
    profiles = cluster_profiles(_Labels(np.arange(90) % 2), X)
    shares = [name for name in profiles if name.startswith("share__")]
    assert len(shares) == 20
    assert {"share__town=town 0", "share__town=town 1", "share__town=town 2"} < set(
        shares
    )


def test_column_without_values__has_nothing_to_say():
    X = pd.DataFrame({"a": [None, None, None, None], "b": [np.nan] * 4, "c": [1] * 4})
    X["a"] = X["a"].astype("category")
    profiles = cluster_profiles(_Labels(np.array([0, 0, 1, 1])), X)
    assert profiles["missing__a"].tolist() == profiles["missing__b"].tolist() == [1, 1]
    assert profiles["mean__b"].isna().all()
    assert profiles["distinctive"].tolist() == ["", ""]


def test_one_cluster__differs_from_nothing(blobs):
    X, _ = blobs
    profiles = cluster_profiles(KMeans(1).fit(X), X)
    assert np.isnan(profiles.loc[0, "effect__x0"])
    assert profiles.loc[0, "distinctive"] == ""


def test_transductive__has_its_training_rows_only(blobs):
    X, _ = blobs
    ward = AgglomerativeClustering(3).fit(X)
    profiles = cluster_profiles(ward, X)
    assert profiles["size"].tolist() == [20, 20, 20]
    assert "confidence" not in profiles
    with pytest.raises(ValueError, match="cannot predict.*60 rows.*Got 59 rows"):
        cluster_profiles(ward, X[:59])


def test_noise__is_a_row_of_its_own(blobs):
    X = np.vstack([blobs[0], np.full((1, 6), 99.0)])
    profiles = cluster_profiles(DBSCAN(eps=5).fit(X), X)
    assert profiles.index.tolist() == [-1, 0, 1, 2]


def test_without_pandas__a_dict_with_the_same_columns(monkeypatch, blobs):
    X, _ = blobs
    kmeans = KMeans(3, n_init=1, random_state=0).fit(X)
    expected = cluster_profiles(kmeans, X).reset_index()

    def without_pandas(name, *args, _import=builtins.__import__, **kwargs):
        if name == "pandas":
            raise ImportError(name)
        return _import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    profiles = cluster_profiles(kmeans, X)
    assert type(profiles) is dict
    assert list(profiles) == list(expected)
    for name, values in profiles.items():
        np.testing.assert_array_equal(values, expected[name])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feature_names": ["a"]}, "feature_names has 1 names, but X has 6 columns"),
        ({"n_features": -1}, "n_features must be an int"),
    ],
)
def test_wrong_options__are_refused(options, message, blobs):
    X, _ = blobs
    kmeans = KMeans(3, n_init=1).fit(X)
    with pytest.raises(ValueError, match=message):
        cluster_profiles(kmeans, X, **options)


def test_no_clusterer__is_refused(blobs):
    X, _ = blobs
    with pytest.raises(TypeError, match="StandardScaler has neither predict"):
        cluster_profiles(StandardScaler().fit(X), X)
