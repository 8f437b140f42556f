"""Scorers in searches: what they compare, and what they refuse."""

import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.cluster import HDBSCAN, AgglomerativeClustering, KMeans
from sklearn.datasets import make_blobs
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    normalized_mutual_info_score,
    silhouette_score,
)
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    RandomizedSearchCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skdeepcluster import DECClustering, IDECClustering, VaDEClustering
from skdeepcluster.metrics import (
    acc_scorer,
    ari_scorer,
    clustering_accuracy,
    make_clustering_scorer,
    nmi_scorer,
)
from tests._discovery import tiny

INTERNAL = {
    "silhouette": silhouette_score,
    "calinski_harabasz": calinski_harabasz_score,
    "davies_bouldin": lambda X, labels: -davies_bouldin_score(X, labels),
}


class Fixed:
    """A clusterer whose predictions are given."""

    def __init__(self, labels):
        self.labels = np.asarray(labels)

    def predict(self, X):
        return self.labels


@pytest.fixture
def three():
    X, y = make_blobs(90, n_features=4, centers=3, random_state=0)
    return X, y, KMeans(3, n_init=5, random_state=0).fit(X)


def all_rows(X):
    rows = np.arange(len(X))
    return [(rows, rows)]


class TestInternal:
    @pytest.mark.parametrize("metric", INTERNAL)
    def test_input__is_the_metric_of_rows_and_predictions(self, three, metric):
        X, _, k_means = three
        score = make_clustering_scorer(metric)(k_means, X)
        assert type(score) is float
        assert score == pytest.approx(INTERNAL[metric](X, k_means.predict(X)))

    def test_input__of_a_pipeline_is_what_the_scorer_is_given(self, three):
        X, _, _ = three
        pipeline = make_pipeline(StandardScaler(), KMeans(3, random_state=0)).fit(X)
        score = make_clustering_scorer("silhouette")(pipeline, X)
        assert score == pytest.approx(silhouette_score(X, pipeline.predict(X)))

    @pytest.mark.parametrize(
        "convert", [pd.DataFrame, sparse.csr_array, lambda X: X.reshape(-1, 2, 2)]
    )
    def test_rows__of_every_kind(self, three, convert):
        X, y, _ = three
        expected = silhouette_score(X, y)
        scorer = make_clustering_scorer("silhouette")
        assert scorer(Fixed(y), convert(X)) == pytest.approx(expected)

    def test_callable__is_given_rows_and_labels(self, three):
        X, _, k_means = three

        def metric(rows, labels):
            np.testing.assert_array_equal(rows, X)
            return len(np.unique(labels))

        assert make_clustering_scorer(metric)(k_means, X) == 3.0

    def test_reference__by_default_is_pca_of_the_rows(self):
        X, y = make_blobs(60, n_features=15, random_state=0)
        scorer = make_clustering_scorer("silhouette", space="reference")
        Z = PCA(10, random_state=0).fit_transform(X)
        assert scorer(Fixed(y), X) == pytest.approx(silhouette_score(Z, y))

    def test_reference__given_is_used_as_it_is(self, three):
        X, y, _ = three
        reference = StandardScaler().fit(X + 7)
        scorer = make_clustering_scorer(
            "silhouette", space="reference", reference=reference
        )
        expected = silhouette_score(reference.transform(X), y)
        assert scorer(Fixed(y), X) == pytest.approx(expected)

    def test_embedding__warns_and_is_that_of_the_clusterer(self, three):
        X, _, _ = three
        with pytest.warns(UserWarning, match="cannot rank models"):
            scorer = make_clustering_scorer("silhouette", space="embedding")
        dec = tiny(DECClustering, n_clusters=3).fit(X)
        expected = silhouette_score(dec.transform(X), dec.labels_)
        assert scorer(dec, X) == pytest.approx(expected)

    def test_embedding__flatters_itself_on_noise(self):
        X = np.random.default_rng(0).uniform(size=(300, 10))
        idec = IDECClustering(4, random_state=0).fit(X)
        with pytest.warns(UserWarning):
            own = make_clustering_scorer("silhouette", space="embedding")(idec, X)
        assert own > 0.3
        assert make_clustering_scorer("silhouette")(idec, X) < 0.1

    @pytest.mark.parametrize(
        ("metric", "worst"),
        [("silhouette", -1.0), ("calinski_harabasz", 0.0), ("davies_bouldin", -3e38)],
    )
    @pytest.mark.parametrize("labels", [np.zeros(90), np.arange(90)])
    def test_too_few_or_too_many_clusters__give_the_worst(
        self, three, metric, worst, labels
    ):
        score = make_clustering_scorer(metric)(Fixed(labels.astype(int)), three[0])
        assert score <= worst
        assert np.isfinite(np.square(score))

    def test_metric_that_is_not_finite__gives_the_worst(self, three):
        X, _, k_means = three
        scorer = make_clustering_scorer(lambda X, labels: np.nan)
        assert scorer(k_means, X) < -1e38

    def test_sample__is_drawn_by_the_seed(self, three):
        X, _, k_means = three
        first, again, other = (
            make_clustering_scorer("silhouette", sample_size=20, random_state=seed)
            for seed in (0, 0, 1)
        )
        assert first(k_means, X) == again(k_means, X) != other(k_means, X)
        rows = np.random.RandomState(0).permutation(90)[:20]
        expected = silhouette_score(X[rows], k_means.predict(X)[rows])
        assert first(k_means, X) == pytest.approx(expected)
        whole = make_clustering_scorer("silhouette", sample_size=None)
        assert whole(k_means, X) == make_clustering_scorer("silhouette")(k_means, X)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"metric": "sihouette"}, "metric must be one of"),
            ({"metric": "silhouette", "space": "latent"}, "space must be one of"),
            ({"metric": "silhouette", "sample_size": 1}, "sample_size must be"),
            (
                {"metric": "silhouette", "reference": StandardScaler()},
                "space='reference' only",
            ),
        ],
    )
    def test_bad_arguments(self, arguments, message):
        with pytest.raises(ValueError, match=message):
            make_clustering_scorer(**arguments)

    def test_reference_that_is_not_fitted(self):
        with pytest.raises(NotFittedError):
            make_clustering_scorer("silhouette", space="reference", reference=PCA(2))

    def test_text__says_which_space_helps(self, three):
        X = pd.DataFrame({"colour": ["red", "blue"] * 45})
        scorer = make_clustering_scorer("silhouette")
        with pytest.raises(ValueError, match="space='reference'"):
            scorer(Fixed(three[1]), X)

    def test_pickle_and_repr(self, three):
        X, _, k_means = three
        scorer = make_clustering_scorer("silhouette")
        assert pickle.loads(pickle.dumps(scorer))(k_means, X) == scorer(k_means, X)
        assert "silhouette" in repr(scorer)


class TestTransductive:
    @pytest.mark.parametrize(
        ("clusterer", "name"),
        [
            (AgglomerativeClustering(3), "n_clusters"),
            (HDBSCAN(copy=True), "min_cluster_size"),
        ],
    )
    @pytest.mark.parametrize("in_pipeline", [False, True])
    def test_one_split__is_scored_by_labels(self, three, clusterer, name, in_pipeline):
        X, y, _ = three
        if in_pipeline:
            grid = {f"{type(clusterer).__name__.lower()}__{name}": [3, 5]}
            estimator = make_pipeline(StandardScaler(), clusterer)
        else:
            grid, estimator = {name: [3, 5]}, clusterer
        search = GridSearchCV(
            estimator, grid, scoring=ari_scorer, cv=all_rows(X), error_score="raise"
        ).fit(X, y)
        assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
        last = search.best_estimator_[-1] if in_pipeline else search.best_estimator_
        assert search.best_score_ == adjusted_rand_score(y, last.labels_)

    def test_other_rows__are_refused(self, three):
        X, y, _ = three
        fitted = AgglomerativeClustering(3).fit(X)
        with pytest.raises(ValueError, match=r"use one split, cv=\[\(rows, rows\)\]"):
            ari_scorer(fitted, X[:50], y[:50])


class TestExternal:
    @pytest.mark.parametrize(
        ("scorer", "metric"),
        [
            (acc_scorer, clustering_accuracy),
            (nmi_scorer, normalized_mutual_info_score),
            (ari_scorer, adjusted_rand_score),
        ],
    )
    @pytest.mark.parametrize("convert", [list, np.array, pd.Series, pd.Categorical])
    @pytest.mark.parametrize("names", [[0, 1, 2], [*"abc"], [0.5, 1.5, -3.0]])
    def test_classes__of_any_type(self, three, scorer, metric, convert, names):
        X, y, k_means = three
        y = np.where(np.arange(90) < 10, 0, y)  # not perfect
        given = convert([names[number] for number in y])
        score = scorer(k_means, X, given)
        assert type(score) is float
        assert score == pytest.approx(metric(y, k_means.predict(X)))
        assert score < 1

    @pytest.mark.parametrize("scorer", [acc_scorer, nmi_scorer, ari_scorer])
    def test_without_classes__is_an_error(self, three, scorer):
        X, _, k_means = three
        with pytest.raises(ValueError, match="y is None"):
            scorer(k_means, X)
        search = GridSearchCV(KMeans(), {"n_clusters": [2, 3]}, scoring=scorer)
        with pytest.raises(ValueError, match="y is None"):
            search.set_params(error_score="raise").fit(X)
        # Without it scikit-learn goes on, but not in silence.
        with pytest.warns(UserWarning, match="y is None"):
            search.set_params(error_score=np.nan).fit(X)


class TestSearches:
    @pytest.fixture
    def grid(self):
        return {"n_clusters": [2, 3, 4]}

    @pytest.mark.parametrize("with_y", [True, False])
    def test_grid_search__multi_metric(self, three, grid, with_y):
        X, y, _ = three
        scoring = {
            "silhouette": make_clustering_scorer("silhouette"),
            "davies_bouldin": make_clustering_scorer("davies_bouldin"),
        }
        if with_y:
            scoring["ari"] = ari_scorer
        search = GridSearchCV(
            tiny(VaDEClustering, max_epochs=5),
            grid,
            scoring=scoring,
            refit="silhouette",
            cv=2,
            error_score="raise",
        ).fit(X, y if with_y else None)
        for name in scoring:
            assert np.all(np.isfinite(search.cv_results_[f"mean_test_{name}"]))

    def test_randomized_search(self, three, grid):
        X, _, _ = three
        search = RandomizedSearchCV(
            tiny(DECClustering),
            grid,
            n_iter=2,
            scoring=make_clustering_scorer("calinski_harabasz"),
            cv=2,
            error_score="raise",
            random_state=0,
        ).fit(X)
        assert search.best_params_["n_clusters"] in (2, 3, 4)

    @pytest.mark.parametrize("resource", ["n_samples", "max_epochs"])
    def test_halving(self, three, grid, resource):
        X, _, _ = three
        limits = {} if resource == "n_samples" else {"max_resources": 4}
        search = HalvingGridSearchCV(
            tiny(DECClustering, max_epochs=1),
            grid,
            resource=resource,
            min_resources=15 if resource == "n_samples" else 1,
            factor=2,
            scoring=make_clustering_scorer("silhouette"),
            cv=2,
            error_score="raise",
            random_state=0,
            **limits,
        ).fit(X)
        assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
        if resource == "max_epochs":
            assert search.best_estimator_.n_iter_ == search.best_params_["max_epochs"]
