"""Stability of clusterings, and the number of clusters that follows from it."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_iris, make_blobs
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.model_selection import (
    cluster_stability,
    make_stability_scorer,
    most_clusters,
    select_n_clusters,
)
from skdeepcluster.model_selection._stability import shuffled_columns
from tests._discovery import PREDICTING, tiny

SEEDS = range(5)


def blobs_of_four(seed, n_features=5):
    return make_blobs(400, n_features=n_features, centers=4, random_state=seed)[0]


def noise(seed, n_features=5):
    return np.random.default_rng(seed).uniform(size=(400, n_features))


class Remembers(KMeans):
    """K-means that remembers the rows and the seeds of all fits."""

    fits: list = []

    def fit(self, X, y=None, sample_weight=None):
        Remembers.fits.append((X[:, 0].astype(int), self.random_state))
        return super().fit(X)

    def predict(self, X):
        self.fits[-1] = (*self.fits[-1][:2], X[:, 0].astype(int))
        return super().predict(X)


@pytest.fixture
def numbered(monkeypatch):
    """Rows whose first column is their number."""
    monkeypatch.setattr(Remembers, "fits", [])
    X = np.random.default_rng(0).normal(size=(80, 3))
    X[:, 0] = np.arange(80)
    return X


class TestClusterStability:
    def test_fits_see_different_rows_and_never_the_held_out_ones(self, numbered):
        cluster_stability(
            Remembers(2, n_init=1),
            numbered,
            n_fits=4,
            train_size=0.4,
            test_size=0.3,
            reference=False,
        )
        assert len(Remembers.fits) == 4
        trained, seeds, held_out = zip(*Remembers.fits, strict=True)
        assert len(set(seeds)) == 4
        for rows, test in zip(trained, held_out, strict=True):
            assert len(rows) == len(set(rows)) == 32
            assert len(test) == 24
            np.testing.assert_array_equal(test, held_out[0])
            assert set(rows).isdisjoint(test)
        assert len({frozenset(rows) for rows in trained}) == 4

    def test_values__are_those_of_all_pairs(self, numbered):
        result = cluster_stability(
            Remembers(3, n_init=1), numbered, n_fits=3, reference=False
        )
        again = []
        for rows, seed, held_out in Remembers.fits.copy():
            k_means = KMeans(3, n_init=1, random_state=seed).fit(numbered[rows])
            again.append(k_means.predict(numbered[held_out]))
        expected = [
            adjusted_rand_score(again[i], again[j]) for i, j in ((0, 1), (0, 2), (1, 2))
        ]
        np.testing.assert_allclose(result.values, expected)
        assert result.mean == pytest.approx(np.mean(expected))
        silhouettes = [silhouette_score(numbered[held_out], a) for a in again]
        np.testing.assert_allclose(result.separations, silhouettes)

    @pytest.mark.parametrize("cls", PREDICTING)
    def test_every_clusterer__also_in_two_processes(self, cls, blobs):
        X, _ = blobs
        clusterer = make_pipeline(StandardScaler(), tiny(cls, n_clusters=3))
        result = cluster_stability(clusterer, X, n_fits=3)
        assert np.all(np.abs(result.values) <= 1)
        assert result.values.shape == result.reference_values.shape == (3,)
        in_two = cluster_stability(clusterer, X, n_fits=3, n_jobs=2)
        np.testing.assert_allclose(in_two.values, result.values, atol=1e-6)

    def test_seed__decides_everything(self):
        X = noise(0)
        first, again, other = (
            cluster_stability(KMeans(3, n_init=1), X, random_state=seed).values
            for seed in (0, 0, 1)
        )
        np.testing.assert_array_equal(first, again)
        assert not np.array_equal(first, other)

    def test_nested_random_states__are_set(self):
        dec = DECClustering(2, autoencoder=Autoencoder(max_epochs=1), max_epochs=1)
        first, again = (
            cluster_stability(dec, noise(0), n_fits=2, reference=False).values
            for _ in range(2)
        )
        np.testing.assert_array_equal(first, again)
        assert dec.random_state is None

    @pytest.mark.parametrize("seed", SEEDS)
    def test_structure__in_blobs_and_not_in_noise(self, seed):
        k_means = KMeans(4, n_init=5)
        assert cluster_stability(k_means, blobs_of_four(seed)).has_structure
        assert not cluster_stability(k_means, noise(seed)).has_structure

    def test_reference__is_asked_for(self):
        result = cluster_stability(KMeans(2), noise(0), reference=False)
        assert len(result.reference_values) == 0
        with pytest.raises(ValueError, match="reference=True"):
            _ = result.has_structure

    def test_mixed_table(self):
        X, y = load_iris(return_X_y=True, as_frame=True)
        X["kind"] = y.map({0: "a", 1: "b", 2: "b"})
        encode = make_column_transformer(
            (OneHotEncoder(), ["kind"]), remainder=StandardScaler()
        )
        result = cluster_stability(make_pipeline(encode, KMeans(3, n_init=5)), X)
        assert result.mean > 0.6
        assert np.all(np.isnan(result.separations))
        assert isinstance(result.has_structure, bool)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"n_fits": 1}, "n_fits"),
            ({"train_size": 1.5}, "train_size"),
            ({"test_size": 0}, "test_size"),
            ({"train_size": 0.8, "test_size": 0.3}, "must not exceed"),
        ],
    )
    def test_bad_options(self, options, message):
        with pytest.raises(ValueError, match=message):
            cluster_stability(KMeans(2), noise(0), **options)
        with pytest.raises(ValueError, match=message):
            make_stability_scorer(**options)

    @pytest.mark.parametrize("convert", [np.asarray, sparse.csr_array, pd.DataFrame])
    @pytest.mark.parametrize("n_constant", [0, 1])
    def test_one_column_that_varies__has_no_reference(self, convert, n_constant):
        X = noise(0)[:, :1]
        X = convert(np.hstack([X, np.ones((len(X), n_constant))]))
        with pytest.raises(ValueError, match="two at least must vary.*reference=False"):
            cluster_stability(KMeans(2), X)
        assert cluster_stability(KMeans(2), X, reference=False).mean > -0.5

    def test_texts__have_no_reference(self):
        texts = ["car engine", "engine of a car", "bread", "more bread"] * 20
        clusterer = make_pipeline(TfidfVectorizer(), KMeans(2, n_init=5))
        with pytest.raises(ValueError, match="two at least must vary"):
            cluster_stability(clusterer, texts)
        for X in (texts, pd.Series(texts)):
            result = cluster_stability(clusterer, X, reference=False)
            assert result.mean > 0.9

    @pytest.mark.parametrize("n_samples", [1, 5])
    def test_too_few_rows(self, n_samples):
        with pytest.raises(ValueError, match=f"n_samples={n_samples} is too few"):
            cluster_stability(KMeans(2), noise(0)[:n_samples])

    def test_clusterer_that_cannot_predict(self):
        with pytest.raises(TypeError, match="AgglomerativeClustering"):
            cluster_stability(AgglomerativeClustering(2), noise(0))


class TestShuffledColumns:
    @pytest.mark.parametrize(
        "convert", [np.asarray, sparse.csr_array, pd.DataFrame, sparse.csr_matrix]
    )
    def test_columns_keep_their_values_and_lose_their_rows(self, convert):
        X = np.random.default_rng(0).integers(0, 3, size=(200, 4)) * np.arange(1.0, 5.0)
        shuffled = shuffled_columns(convert(X), np.random.RandomState(0))
        assert type(shuffled) in (type(convert(X)), sparse.csr_array)
        if sparse.issparse(shuffled):
            shuffled = shuffled.toarray()
        shuffled = np.asarray(shuffled)
        np.testing.assert_array_equal(np.sort(shuffled, axis=0), np.sort(X, axis=0))
        pairs = np.corrcoef(X[:, 0], shuffled[:, 0])[0, 1]
        assert abs(pairs) < 0.3

    def test_images_and_the_original(self):
        X = np.random.default_rng(0).normal(size=(50, 2, 3))
        before = X.copy()
        assert shuffled_columns(X, np.random.RandomState(0)).shape == (50, 2, 3)
        np.testing.assert_array_equal(X, before)

    def test_text(self):
        X = pd.DataFrame({"a": [*"xyz"] * 20, "b": pd.Categorical([*"pqr"] * 20)})
        shuffled = shuffled_columns(X, np.random.RandomState(0))
        assert sorted(shuffled["a"]) == sorted(X["a"])
        assert len(shuffled.drop_duplicates()) > 3

    def test_frames_keep_the_kinds_of_their_columns(self):
        X = pd.DataFrame(
            {
                "kind": pd.Categorical([*"pqr"] * 20),
                "count": pd.array([1, 2, None] * 20, dtype="Int64"),
            },
            index=range(100, 160),
        )
        shuffled = shuffled_columns(X, np.random.RandomState(0))
        assert shuffled.dtypes.equals(X.dtypes)
        assert shuffled["count"].isna().sum() == 20
        assert len(shuffled.drop_duplicates()) > 3

        polars = pytest.importorskip("polars")
        X = polars.DataFrame({"a": [*"xyz"] * 20, "b": [1, 2, None] * 20})
        shuffled = shuffled_columns(X, np.random.RandomState(0))
        assert shuffled.schema == X.schema
        assert sorted(shuffled["a"]) == sorted(X["a"])
        assert shuffled.n_unique() > 3


class TestSelection:
    def test_blobs__the_number_is_found(self):
        found = [
            select_n_clusters(KMeans(n_init=5), blobs_of_four(seed), n_fits=4).best
            for seed in SEEDS
        ]
        assert found.count(4) >= 4

    @pytest.mark.parametrize("n_features", [2, 10])
    def test_noise__nothing_is_found(self, n_features):
        for seed in SEEDS:
            result = select_n_clusters(KMeans(n_init=5), noise(seed, n_features))
            assert not result.has_structure
            assert result.best is None

    def test_deep_clusterer__in_a_pipeline(self, tmp_path):
        dec = DECClustering(
            autoencoder=Autoencoder(max_epochs=5), max_epochs=5, memory=str(tmp_path)
        )
        result = select_n_clusters(
            make_pipeline(StandardScaler(), dec),
            blobs_of_four(0),
            n_clusters=[6, 4, 2],
            parameter="decclustering__n_clusters",
            n_fits=3,
        )
        assert result.best == 4
        np.testing.assert_array_equal(result.n_clusters, [2, 4, 6])
        # Three subsamples of the data and three of the reference, each once.
        assert len(list(tmp_path.rglob("output.pkl"))) == 6

    @pytest.mark.parametrize("numbers", [[], [1, 2], [2.7, 3.2], "23", 3])
    def test_bad_numbers(self, numbers):
        with pytest.raises(ValueError, match="from 2 on"):
            select_n_clusters(KMeans(), noise(0), n_clusters=numbers)

    @pytest.mark.parametrize("tolerance", [-1, np.nan, None])
    def test_bad_tolerance(self, tolerance):
        with pytest.raises(ValueError, match="tolerance must be"):
            select_n_clusters(KMeans(), noise(0), tolerance=tolerance)
        with pytest.raises(ValueError, match="tolerance must be"):
            most_clusters(tolerance=tolerance)


class TestSearch:
    def search(self, X, **settings):
        rows = np.arange(len(X))
        return GridSearchCV(
            make_pipeline(StandardScaler(), KMeans(n_init=5, random_state=0)),
            {"kmeans__n_clusters": range(2, 7)},
            scoring=make_stability_scorer(n_fits=4),
            cv=[(rows, rows)],
            error_score="raise",
            **settings,
        ).fit(X)

    def test_scorer_and_refit(self):
        search = self.search(blobs_of_four(0), refit=most_clusters())
        assert search.best_params_ == {"kmeans__n_clusters": 4}
        assert search.predict(blobs_of_four(0)).max() == 3

    def test_scorer__is_the_mean_of_the_function(self):
        X = noise(0)
        scorer = make_stability_scorer(n_fits=3, random_state=5)
        k_means = KMeans(3, random_state=0).fit(X)
        expected = cluster_stability(k_means, X, n_fits=3, random_state=5).mean
        assert scorer(k_means, X) == expected

    def test_most_clusters__among_near_ties(self):
        results = {
            "param_kmeans__n_clusters": [2, 3, 3, 4],
            "mean_test_score": [1.0, 0.96, 0.97, 0.9],
            "mean_test_other": [0.1, 0.2, 0.3, np.nan],
        }
        assert most_clusters()(results) == 2
        assert most_clusters(tolerance=0.2)(results) == 3
        assert most_clusters(tolerance=0)(results) == 0
        assert most_clusters(metric="other")(results) == 2

    def test_most_clusters__all_nan(self):
        results = {"param_n_clusters": [2, 3], "mean_test_score": [np.nan, np.nan]}
        with pytest.raises(ValueError, match="error_score='raise'"):
            most_clusters()(results)

    @pytest.mark.parametrize("names", [[], ["n_clusters", "sub__n_clusters"]])
    def test_most_clusters__which_parameter(self, names):
        results = {f"param_{name}": [2, 3] for name in names}
        with pytest.raises(ValueError, match="parameter"):
            most_clusters()({**results, "mean_test_score": [0.5, 0.4]})
