"""DCNClustering: network, labels and centroids by turns, as in the paper."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from torch import nn

from skdeepcluster import Autoencoder, DCNClustering
from skdeepcluster.cluster._dcn import KMeansFriendly
from skdeepcluster.engine import Batch, Rows, Trainer
from skdeepcluster.networks import MLP, CentroidModel
from tests.cluster._small import clustering_history
from tests.cluster._small import small as make_small
from tests.references import reconstruction, running_means


def small(n_clusters=3, **changes):
    return make_small(DCNClustering, n_clusters, **changes)


@pytest.fixture
def objective():
    """Four centroids in the plane and 30 rows that are embedded as they are."""
    encoder = MLP([2, 2])
    with torch.no_grad():
        encoder[0].weight.copy_(torch.eye(2))
        encoder[0].bias.zero_()
    centers = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [9.0, 9.0]])
    model = CentroidModel(encoder, centers, decoder=encoder)
    return KMeansFriendly(model, 30, 0.0, 1, clustering_weight=0.3)


@pytest.mark.parametrize("weight", [0.1, 2.0])
def test_loss__is_reconstruction_plus_weighted_distance(blobs, weight):
    X, _ = blobs
    # Steps too short to change anything, so that all batches see the same network.
    dcn = small(clustering_weight=weight, learning_rate=1e-20, max_epochs=1).fit(X)
    z = dcn.autoencoder_.transform(X).astype(np.float64)
    X_hat = dcn.inverse_transform(z)
    error = reconstruction.mean_squared_error(X_hat, X) / dcn.scale_**2
    (record,) = clustering_history(dcn)
    assert record["reconstruction"] == pytest.approx(error, rel=1e-3)
    # The centroids start at the means of their rows and hardly leave them.
    start = KMeans(3, n_init=3, random_state=0).fit(z).cluster_centers_
    labels = running_means.nearest(z, start)
    distance = running_means.mean_squared_distance(z, start, labels)
    assert record["clustering"] == pytest.approx(weight * distance, rel=0.05)
    assert record["loss"] == record["reconstruction"] + record["clustering"]


def test_losses__measure_the_distance_to_the_centroid_of_the_label(objective):
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    objective.pull.assigned.copy_(torch.arange(30) % 4)  # not the nearest ones
    index = torch.tensor([3, 8, 1, 29])
    terms = objective.losses(Batch(x[index], index))
    expected = 0.3 * running_means.mean_squared_distance(
        x[index].double().numpy(),
        objective.model.centers.double().numpy(),
        (index % 4).numpy(),
    )
    assert terms["clustering"].item() == pytest.approx(expected, rel=1e-6)
    assert terms["reconstruction"].item() == 0.0


def test_after_step__moves_centroids_as_row_after_row_would(objective):
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    objective.pull.assigned.fill_(3)
    start = objective.model.centers.clone().double().numpy()
    index = torch.arange(0, 30, 2)
    objective.after_step(Batch(x[index], index))
    z = x[index].double().numpy()
    labels = running_means.nearest(z, start)
    centers, counts = running_means.moved_centers(z, start, labels, np.full(4, 100.0))
    np.testing.assert_allclose(objective.model.centers, centers, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(objective.means.counts, counts)
    np.testing.assert_array_equal(objective.pull.assigned[index], labels)
    assert (objective.pull.assigned[1::2] == 3).all()  # the rows of other batches


def test_refresh__moves_a_centroid_without_rows_and_forgets_its_count(objective):
    """The fourth centroid is far from all rows."""
    X = np.random.default_rng(0).normal(size=(30, 2))
    rows = Rows(X, np.zeros(2), 1.0, torch.device("cpu"))
    objective.means.counts.fill_(5000)
    objective.refresh(Trainer(rows, batch_size=10, seed=0))
    distances = np.linalg.norm(X[:, None] - [[0, 0], [1, 0], [0, 1]], axis=2)
    farthest = X[distances.min(axis=1).argmax()]
    np.testing.assert_allclose(objective.model.centers[3], farthest, rtol=1e-6)
    assert objective.means.counts.tolist() == [5000, 5000, 5000, 100]
    nearest = running_means.nearest(X, objective.model.centers.double().numpy())
    np.testing.assert_array_equal(objective.pull.assigned, nearest)
    np.testing.assert_array_equal(objective.labels, nearest)


def test_after_step__neither_drops_nor_counts_batch_statistics():
    encoder = nn.Sequential(nn.BatchNorm1d(2), nn.Dropout(0.5))
    model = CentroidModel(encoder, torch.eye(2), decoder=nn.Identity())
    objective = KMeansFriendly(model, 30, 0.0, 1, clustering_weight=0.3).train()
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    objective.after_step(Batch(x, torch.arange(30)))
    assert int(encoder[0].num_batches_tracked) == 0
    assert encoder.training
    centers, _ = running_means.moved_centers(
        x.double().numpy() / np.sqrt(1 + 1e-5),
        np.eye(2),
        objective.pull.assigned.numpy(),
        np.full(2, 100.0),
    )
    np.testing.assert_allclose(model.centers, centers, rtol=1e-5)


def test_centroids__are_not_trained_by_gradient(objective):
    x = torch.randn(30, 2, generator=torch.Generator().manual_seed(0))
    sum(objective.losses(Batch(x, torch.arange(30))).values()).backward()
    assert objective.model.centers.grad is None
    assert objective.model.encoder[0].weight.grad is not None


def test_labels__are_nearest_also_where_probabilities_are_all_alike():
    """One row far away leaves all others within a thousandth of one another."""
    X = np.vstack([np.repeat(np.eye(3), 20, axis=0), [[1e6, 0, 0]]])
    dcn = small(n_clusters=4, max_epochs=0).fit(X)
    assert sorted(np.bincount(dcn.labels_)) == [1, 20, 20, 20]


def test_weight__decides_how_close_rows_are_to_their_centroid(blobs):
    X, _ = blobs
    loose, tight = (
        small(clustering_weight=weight, max_epochs=30).fit(X) for weight in (0.01, 3.0)
    )
    assert tight.inertia_ < 0.8 * loose.inertia_
    errors = [clustering_history(dcn)[-1]["reconstruction"] for dcn in (loose, tight)]
    assert errors[0] < errors[1]


def test_labels__are_those_of_the_nearest_centroid(blobs):
    X, y = blobs
    dcn = small().fit(X)
    nearest = running_means.nearest(dcn.transform(X), dcn.cluster_centers_)
    np.testing.assert_array_equal(dcn.labels_, nearest)
    assert adjusted_rand_score(y, dcn.labels_) == 1.0
    assert not hasattr(dcn, "predict_proba")


def test_tolerance__stops_when_labels_stay(blobs):
    X, _ = blobs
    assert small(tol=0.01, max_epochs=50).fit(X).n_iter_ < 10
    assert small(tol=0.0, max_epochs=50).fit(X).n_iter_ == 50


def test_clusters_without_rows_are_dropped():
    X = np.repeat([[0.0, 0.0, 1.0], [5.0, 5.0, 0.0]], 20, axis=0)
    with pytest.warns(UserWarning, match="ended with 2 clusters"):
        dcn = small(autoencoder=Autoencoder(max_epochs=2), n_clusters=3).fit(X)
    assert dcn.cluster_centers_.shape == (2, dcn.n_components_)
    assert dcn.predict(X).max() == 1


@pytest.mark.slow
def test_digits__five_seeds_beat_their_start():
    X, y = load_digits(return_X_y=True)
    fits = [DCNClustering(10, random_state=seed).fit(X) for seed in range(5)]
    deep, start = (
        np.mean([adjusted_rand_score(y, getattr(dcn, name)) for dcn in fits])
        for name in ("labels_", "init_labels_")
    )
    assert deep > start
    assert deep > 0.67  # k-means on the pixels
