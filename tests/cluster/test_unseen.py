"""UNSEENClustering: clusters that shrink die, and what was due to them is inherited."""

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score
from torch import nn

from skdeepcluster import Autoencoder, DCNClustering, UNSEENClustering
from skdeepcluster.cluster._unseen import _DyingClusters
from skdeepcluster.engine import Batch, Rows, Trainer
from skdeepcluster.networks import CentroidModel
from tests.cluster._small import clustering_history
from tests.cluster._small import small as make_small
from tests.references import neighbors, reconstruction, running_means


def small(max_clusters=6, **changes):
    return make_small(UNSEENClustering, max_clusters, **changes)


class Itself(nn.Identity):
    """Embeds rows as they are."""

    config = None


def objective(X, centers, due_sizes, least_share=0.5, neighbor_weight=0.0):
    model = CentroidModel(Itself(), torch.tensor(centers), decoder=Itself())
    made = _DyingClusters(
        model,
        len(X),
        0.0,
        1,
        0.3,
        neighbor_weight=neighbor_weight,
        least_share=least_share,
        due_sizes=torch.tensor(due_sizes),
    )
    rows = Rows(X, np.zeros(X.shape[1]), 1.0, torch.device("cpu"))
    return made, Trainer(rows, batch_size=4, seed=0)


def on_a_line(sizes, at):
    """Rows exactly at the centroids: so many at each of these places."""
    return np.repeat(np.float32(at), sizes)[:, None]


# -- what is minimised ---------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.0, 2.0])
def test_losses__against_the_references(weight):
    X = np.random.default_rng(0).normal(size=(12, 2)).astype(np.float32)
    centers = [[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
    made, trainer = objective(X, centers, [4.0] * 3, neighbor_weight=weight)
    made.refresh(trainer)
    index = torch.tensor([7, 3, 9, 1, 0, 11])
    terms = made.losses(Batch(torch.from_numpy(X)[index], index))
    x = X[index].astype(np.float64)
    labels = running_means.nearest(x, np.array(centers))
    k = made.model.n_clusters
    expected = {
        "reconstruction": reconstruction.mean_squared_error(x, x),
        "clustering": 0.3
        * running_means.mean_squared_distance(x, np.array(centers), labels),
        "neighbors": 0.3 * weight * neighbors.neighbor_distance(x, 6 // k),
    }
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(
        expected, rel=1e-5
    )


# -- who dies ------------------------------------------------------------------------


def test_refresh__a_cluster_below_its_share_dies_and_leaves_what_is_due():
    X = on_a_line([10, 3, 7], [0.0, 4.0, 5.0])
    made, trainer = objective(X, [[0.0], [4.0], [5.0]], [10.0, 8.0, 8.0])
    assert made.refresh(trainer) is False
    assert made.model.n_clusters == 2
    np.testing.assert_array_equal(made.labels, [0] * 10 + [1] * 10)
    np.testing.assert_array_equal(made.pull.assigned, made.labels)
    np.testing.assert_allclose(made.due_sizes, [10, 16])  # all to where its rows went
    assert made.metrics()["n_clusters"] == 2


def test_refresh__what_is_due_goes_to_the_heirs_in_proportion():
    X = on_a_line([10, 1, 3, 10], [0.0, 4.9, 5.1, 10.0])
    made, trainer = objective(X, [[0.0], [5.0], [10.0]], [10.0, 20.0, 10.0])
    made.refresh(trainer)
    np.testing.assert_allclose(made.due_sizes, [10 + 20 / 4, 10 + 20 * 3 / 4])


def test_refresh__the_worst_dies_first_and_may_save_another():
    X = on_a_line([10, 1, 4], [0.0, 9.0, 10.0])
    made, trainer = objective(X, [[0.0], [9.0], [10.0]], [10.0, 10.0, 10.0])
    made.refresh(trainer)  # 1 of 10 dies; then 5 of 20 dies as well
    assert made.model.n_clusters == 1
    made, trainer = objective(X, [[0.0], [9.0], [10.0]], [10.0, 3.0, 5.0], 0.6)
    made.refresh(trainer)  # 1 of 3 dies; 5 of 8 lives
    assert made.model.n_clusters == 2


def test_refresh__no_share_is_needed__only_clusters_without_rows_die():
    X = on_a_line([10, 1], [0.0, 4.0])
    made, trainer = objective(X, [[0.0], [4.0], [9.0]], [4.0, 4.0, 4.0], 0.0)
    made.refresh(trainer)
    np.testing.assert_array_equal(made.model.centers.detach(), [[0.0], [4.0]])


def test_refresh__the_last_cluster_lives():
    made, trainer = objective(on_a_line([3], [0.0]), [[0.0]], [100.0])
    made.refresh(trainer)
    assert made.model.n_clusters == 1


def test_last_epoch__is_looked_at_like_the_others():
    X, _ = make_blobs(300, n_features=8, centers=4, random_state=0)
    unseen = small(
        12,
        autoencoder=Autoencoder(
            3, max_epochs=10, hidden_layer_sizes=(16,), random_state=0
        ),
        max_epochs=1,
        learning_rate=0.005,
        neighbor_weight=20,
        least_share=0.5,
    ).fit(X)
    due = np.bincount(unseen.init_labels_)
    assert unseen.history_[-1]["n_clusters"] == len(due) == 12
    assert unseen.n_clusters_ < 12
    assert np.bincount(unseen.labels_).min() >= 0.5 * due.min()


def test_state__is_restored_with_fewer_clusters():
    X = on_a_line([10, 3, 7], [0.0, 4.0, 5.0])
    settings = [[0.0], [4.0], [5.0]], [10.0, 8.0, 8.0]
    made, trainer = objective(X, *settings)
    made.refresh(trainer)
    other, _ = objective(X, *settings)
    other.load_state_dict(made.state_dict())
    assert other.model.n_clusters == 2
    for name, value in made.state_dict().items():
        torch.testing.assert_close(other.state_dict()[name], value)


# -- the estimator -------------------------------------------------------------------


@pytest.mark.parametrize("n_true", [3, 6])  # of one cloud it may make several
def test_number_of_clusters__is_found(n_true):
    X, y = make_blobs(
        300, n_features=6, centers=n_true, cluster_std=0.5, random_state=1
    )
    unseen = small("auto", max_epochs=40, learning_rate=0.01).fit(X)
    assert unseen.n_clusters_ == n_true
    assert adjusted_rand_score(y, unseen.labels_) == 1.0
    numbers = [record["n_clusters"] for record in clustering_history(unseen)]
    assert numbers == sorted(numbers, reverse=True)
    assert len(unseen.cluster_centers_) == len(unseen.cluster_means_) == n_true


def test_history__tells_how_many_clusters_there_were(blobs):
    unseen = small(6, max_epochs=150, learning_rate=0.01).fit(blobs[0])
    numbers = [record["n_clusters"] for record in clustering_history(unseen)]
    assert numbers[0] == 6
    assert numbers[-1] == unseen.n_clusters_ == 3
    assert len(set(unseen.init_labels_)) == 6


@pytest.mark.parametrize(
    ("max_clusters", "n_rows", "expected"),
    [("auto", 60, 6), ("auto", 12, 2), (50, 20, 20), (4, 60, 4)],
)
def test_max_clusters__is_what_it_begins_with(max_clusters, n_rows, expected, blobs):
    unseen = small(max_clusters, max_epochs=0).fit(blobs[0][:n_rows])
    assert len(set(unseen.init_labels_)) == expected


def test_no_share_and_no_neighbours__is_dcn(blobs):
    X, _ = blobs
    dcn = make_small(DCNClustering, 3, clustering_weight=0.2).fit(X)
    unseen = small(3, clustering_weight=0.2, neighbor_weight=0.0, least_share=0.0).fit(
        X
    )
    np.testing.assert_array_equal(unseen.transform(X), dcn.transform(X))
    np.testing.assert_array_equal(unseen.labels_, dcn.labels_)


def test_warm_start__goes_on_with_the_clusters_that_live(blobs):
    unseen = small(6, max_epochs=150, learning_rate=0.01, warm_start=True).fit(blobs[0])
    unseen.set_params(max_epochs=2).fit(blobs[0])
    numbers = [record["n_clusters"] for record in clustering_history(unseen)]
    assert numbers == [3, 3]
