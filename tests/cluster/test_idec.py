"""IDECClustering: the loss of the paper and the decoder that stays."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import IDECClustering
from skdeepcluster.cluster._shared._centroids import auto_weight
from tests.cluster._small import clustering_history
from tests.cluster._small import small as make_small
from tests.references import reconstruction, self_training


def small(n_clusters=3, **changes):
    return make_small(IDECClustering, n_clusters, **changes)


@pytest.mark.parametrize("weight", [0.1, 2.0])
def test_loss__is_reconstruction_plus_weighted_divergence(blobs, weight):
    X, _ = blobs
    # Steps too short to change anything: the epoch's loss is that of the start.
    idec = small(clustering_weight=weight, learning_rate=1e-20, max_epochs=1).fit(X)
    q = self_training.soft_assignment(idec.transform(X), idec.cluster_centers_, 1.0)
    p = self_training.target_distribution(q, 0.5)
    X_hat = idec.inverse_transform(idec.transform(X))
    error = reconstruction.mean_squared_error(X_hat, X) / idec.scale_**2
    (record,) = clustering_history(idec)
    assert record["reconstruction"] == pytest.approx(error, rel=1e-3)
    divergence = weight * self_training.kl_divergence(p, q)
    assert record["clustering"] == pytest.approx(divergence, rel=1e-3)
    assert record["loss"] == record["reconstruction"] + record["clustering"]


@pytest.mark.parametrize(
    ("n_features", "weight"), [(4, 1.0), (78, 1.0), (784, 0.1), (7840, 0.01)]
)
def test_auto_weight__is_that_of_the_paper_at_its_number_of_features(
    n_features, weight
):
    assert auto_weight("auto", n_features) == pytest.approx(weight, rel=0.01)
    assert auto_weight(0.3, n_features) == 0.3


def test_weight_of_zero__trains_the_autoencoder_alone(blobs):
    X, _ = blobs
    idec = small(clustering_weight=0.0).fit(X)
    # No gradient reaches the centroids: they stay those of k-means.
    start = KMeans(3, n_init=20, random_state=0).fit(idec.autoencoder_.transform(X))
    order = np.lexsort(idec.cluster_centers_.T)
    expected = start.cluster_centers_[np.lexsort(start.cluster_centers_.T)]
    np.testing.assert_allclose(idec.cluster_centers_[order], expected, atol=1e-3)
    losses = [record["reconstruction"] for record in clustering_history(idec)]
    assert losses[-1] < losses[0]


def test_decoder__is_trained_and_the_autoencoder_stays(blobs):
    X, _ = blobs
    idec = small().fit(X)
    start = idec.autoencoder_.model_.decoder.state_dict()
    after = idec.model_.decoder.state_dict()
    assert any(not torch.equal(start[name], after[name]) for name in start)
    unchanged = idec.autoencoder.fit(X)  # the same seed: what it was before
    np.testing.assert_array_equal(
        idec.autoencoder_.transform(X), unchanged.transform(X)
    )


def test_inverse_transform__rebuilds_in_the_units_of_the_rows(blobs):
    X, _ = blobs
    X = 1000 + 50 * X
    idec = small(max_epochs=30).fit(X)
    X_hat = idec.inverse_transform(idec.transform(X))
    assert X_hat.shape == X.shape
    assert np.square(X_hat - X).mean() < 0.3 * X.var(axis=0).mean()
    assert idec.inverse_transform(idec.cluster_centers_).shape == (3, 6)


@pytest.mark.slow
def test_digits__five_seeds_beat_kmeans():
    X, y = load_digits(return_X_y=True)
    deep, plain = [], []
    for seed in range(5):
        idec = IDECClustering(10, random_state=seed)
        deep.append(adjusted_rand_score(y, idec.fit_predict(X)))
        k_means = KMeans(10, n_init=20, random_state=seed)
        plain.append(adjusted_rand_score(y, k_means.fit_predict(X)))
    assert np.mean(deep) > np.mean(plain) + 0.05
