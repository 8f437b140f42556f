"""JULE: clusters merge, and a network is trained on them."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._jule as jule_module
from skdeepcluster import JULEClustering
from skdeepcluster.cluster._shared._agglomeration import Agglomeration
from tests.cluster._small import small as make_small
from tests.references import triplets as reference


def small(n_clusters=3, **changes):
    return make_small(
        JULEClustering, n_clusters, **{"hidden_layer_sizes": (16, 8), **changes}
    )


def scaled(clustering, X):
    return torch.from_numpy((X - clustering.center_) / clustering.scale_).float()


def same_partition(one, other):
    return adjusted_rand_score(one, other) == 1.0


@pytest.fixture(scope="module")
def rows():
    """Rows of which chains of nearest neighbours are many."""
    rng = np.random.default_rng(0)
    centers = 4.0 * rng.normal(size=(5, 6))
    return np.repeat(centers, 40, axis=0) + rng.normal(size=(200, 6))


@pytest.fixture
def objectives(monkeypatch):
    """The objectives of the fits; each keeps what it had at every step."""
    made = []

    class Watched(jule_module._Merging):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.seen = []
            made.append(self)

        def losses(self, batch):
            self.seen.append((batch.index.clone(), batch.x, self.labels.clone()))
            return super().losses(batch)

    monkeypatch.setattr(jule_module, "_Merging", Watched)
    return made


# -- loss --------------------------------------------------------------------------


def test_loss__against_numpy(rows, objectives):
    # As many as a batch has are all triplets of it.
    clustering = small(n_negatives=20, margin=1.5, batch_size=20, max_epochs=1)
    (record,) = clustering.fit(rows[:20]).history_
    ((index, x, labels),) = objectives[0].seen
    start = small(max_epochs=0).fit(rows[:20]).model_
    with torch.no_grad():
        z = start.embed(x).double().numpy()
    np.testing.assert_allclose(np.square(z).sum(axis=1), 1, rtol=1e-5)
    everything = np.tile(np.arange(20), (20, 1))
    labels = labels[index].numpy()
    expected = reference.triplet_loss(z, labels, everything, everything, 1.5)
    assert expected > 0.1
    assert record["triplets"] == pytest.approx(expected, rel=1e-4)
    assert record["loss"] == record["triplets"]


def test_negatives__are_no_more_than_asked_for(rows, monkeypatch):
    widths = []
    loss = jule_module.triplet_loss

    def watched(z, labels, near, far, margin):
        widths.append(far.shape[1])
        own = torch.arange(len(z))[:, None]
        assert not (labels[far] == labels[:, None]).any()
        assert not (near[:, :1] == own)[labels.bincount()[labels] > 1].any()
        return loss(z, labels, near, far, margin)

    monkeypatch.setattr(jule_module, "triplet_loss", watched)
    small(n_negatives=3, max_epochs=1).fit(rows)
    assert set(widths) == {3}


def test_batches__have_partners_also_of_small_clusters(rows, objectives):
    small(unrolling_rate=0.2, batch_size=20, max_epochs=1).fit(rows)
    for index, _, labels in objectives[0].seen:
        sizes = labels.bincount()[labels[index]]
        in_batch = labels[index].bincount()[labels[index]]
        assert (in_batch[sizes > 1] > 1).float().mean() > 0.7


# -- rounds ------------------------------------------------------------------------


def test_rounds__are_on_the_rows_then_on_their_embedding(rows, objectives, monkeypatch):
    points = []
    merge = Agglomeration.merge

    def watched(agglomeration, z, labels, counts, *graph):
        points.append((z, counts))
        return merge(agglomeration, z, labels, counts, *graph)

    monkeypatch.setattr(Agglomeration, "merge", watched)
    clustering = small(unrolling_rate=0.5, max_epochs=8).fit(rows)
    first, *_, last = points
    np.testing.assert_allclose(first[0], scaled(clustering, rows), rtol=1e-5)
    np.testing.assert_array_equal(last[0], clustering.transform(rows))
    (objective,) = objectives
    n_first = int(objective.n_first)
    assert n_first > 24
    expected = objective.agglomeration.counts(n_first, 0.5)
    # Not where few rows that joined others have left no more clusters anyway.
    goals = [goal for _, (goal,) in points[:-1]]
    assert goals[0] == expected[0]
    assert goals == [goal for goal in expected if goal in goals]
    assert len(goals) > 1
    n_first = objective.agglomeration.first(last[0]).max() + 1
    assert last[1] == objective.agglomeration.counts(n_first, 0.5)
    for z, _ in points[1:-1]:
        assert z.shape == (200, 8)


@pytest.mark.parametrize(("rate", "most"), [(1.0, 1), (0.9, 2), (0.3, 99)])
def test_rounds__end_at_the_number_of_clusters(rows, rate, most):
    clustering = small(unrolling_rate=rate, max_epochs=12).fit(rows)
    counts = [record["n_clusters"] for record in clustering.history_]
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 3
    assert len(set(counts)) <= most
    assert len(set(counts)) > 2 or rate > 0.5
    assert counts.count(3) == {1.0: 12, 0.9: 6, 0.3: 1}[rate]  # rounds of equal length


def test_fewer_epochs_than_rounds__all_clusters_in_the_end(rows):
    clustering = small(unrolling_rate=0.1, max_epochs=2).fit(rows)
    assert clustering.history_[-1]["n_clusters"] > 3
    assert clustering.n_clusters_ == 3


def test_labels__are_those_of_merging_in_the_embedding(rows):
    clustering = small(max_epochs=6).fit(rows)
    Z = clustering.transform(rows)
    expected = Agglomeration(rows, 3, 20).labels(Z, 0.9)
    assert same_partition(clustering.labels_, expected)


def test_training__brings_clusters_together(rows):
    def spread(clustering):
        Z, labels = clustering.transform(rows), np.repeat(np.arange(5), 40)
        within = [np.square(Z[labels == c] - Z[labels == c].mean(0)) for c in range(5)]
        return np.sum(within) / np.square(Z - Z.mean(axis=0)).sum()

    before, after = (small(5, max_epochs=n).fit(rows) for n in (0, 30))
    assert spread(after) < 0.7 * spread(before)
    assert adjusted_rand_score(np.repeat(np.arange(5), 40), after.labels_) > 0.9


@pytest.mark.parametrize("n_clusters", [1, 20, 59, 60])
def test_any_number_of_clusters__is_reached(blobs, n_clusters):
    clustering = small(n_clusters, max_epochs=2).fit(blobs[0])
    assert clustering.n_clusters_ == n_clusters
    assert sorted(set(clustering.labels_)) == list(range(n_clusters))


# -- what it is for ----------------------------------------------------------------


def test_new_rows__have_an_embedding_and_no_label(blobs):
    clustering = small(max_epochs=1).fit(blobs[0])
    for name in ("predict", "predict_proba", "score", "center_distances"):
        assert not hasattr(clustering, name)
    assert clustering.transform(blobs[0] + 1).shape == (60, 8)


def test_more_rows_than_it_takes__raise_before_training():
    with pytest.raises(ValueError, match="at most 20,000.*KNeighborsClassifier"):
        small().fit(np.zeros((20_001, 2)))


def test_warm_start__clusters_keep_their_numbers(blobs):
    X, y = blobs
    clustering = small(warm_start=True).fit(X)
    assert adjusted_rand_score(y, clustering.labels_) == 1.0
    labels = clustering.labels_
    order = np.random.default_rng(0).permutation(60)
    clustering.fit(X[order])
    np.testing.assert_array_equal(clustering.labels_, labels[order])
    means = [X[labels == label].mean(axis=0) for label in range(3)]
    np.testing.assert_allclose(clustering.cluster_means_, means)


def test_warm_start__fewer_clusters_than_before(blobs):
    X, _ = blobs
    clustering = small(warm_start=True).fit(X)
    few = np.repeat(clustering.cluster_means_[[2, 0]], 20, axis=0)
    with pytest.warns(UserWarning, match="2 clusters instead of n_clusters=3"):
        clustering.fit(few)
    np.testing.assert_array_equal(clustering.labels_, [1] * 20 + [0] * 20)


def test_digits__better_than_k_means():
    digits = load_digits()
    images, y = digits.images[:600], digits.target[:600]
    labels = JULEClustering(10, max_epochs=20, random_state=0).fit_predict(images)
    k_means = KMeans(10, n_init=10, random_state=0).fit(digits.data[:600])
    score = adjusted_rand_score(y, labels)
    assert score > adjusted_rand_score(y, k_means.labels_)
    assert score > 0.6
