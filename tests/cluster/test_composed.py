"""ComposedClustering: published methods are designs, and each choice does its part."""

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from torch import nn

import skdeepcluster.cluster._shared._design as design_module
from skdeepcluster import (
    Autoencoder,
    ComposedClustering,
    DCNClustering,
    DECClustering,
    DKMClustering,
    IDECClustering,
)
from skdeepcluster.cluster._shared._composition import Composition
from skdeepcluster.losses import zipf_prior
from tests.cluster._small import clustering_history
from tests.cluster._small import small as make_small
from tests.references import (
    locality,
    reconstruction,
    running_means,
    self_training,
    sizes,
    soft_kmeans,
)

STEPS = 3  # of an epoch of the blobs


def small(n_clusters=3, **changes):
    return make_small(ComposedClustering, n_clusters, **changes)


# -- published methods -------------------------------------------------------------

DEC = {
    "reconstruction_weight": 0,
    "balance": 1.0,
    "optimizer": "sgd",
    "learning_rate": 0.01,
}
DCN = {"clustering_loss": "kmeans", "center_update": "running_mean"}
DKM = {"clustering_loss": "soft_kmeans", "learning_rate": 1e-4}
PUBLISHED = {
    "DEC": (DECClustering, {}, DEC),
    "DEC without backpropagation": (
        DECClustering,
        {"update_encoder": False},
        {**DEC, "update_encoder": False},
    ),
    "IDEC": (IDECClustering, {}, {}),
    "IDEC, other settings": (
        IDECClustering,
        {"alpha": 2.0, "clustering_weight": 0.3, "balance": 0.5},
        {"alpha": 2.0, "clustering_weight": 0.3, "balance": 0.5},
    ),
    "DCN": (DCNClustering, {}, DCN),
    "DCN, other settings": (
        DCNClustering,
        {"clustering_weight": 0.2},
        {**DCN, "clustering_weight": 0.2, "update_interval": STEPS},
    ),
    "DKM without annealing": (
        DKMClustering,
        {"first_inverse_temperature": 9.0, "inverse_temperature": 9.0},
        {**DKM, "inverse_temperature": 9.0},
    ),
}


@pytest.mark.parametrize("n_runs", [1, 2])
@pytest.mark.parametrize("name", PUBLISHED)
def test_design__of_a_published_method_is_that_method(name, n_runs, monkeypatch):
    if n_runs > 1:  # as one
        monkeypatch.setattr("skdeepcluster.cluster._shared._runs._FEWEST_RUNS", 2)
    cls, of_method, of_design = PUBLISHED[name]
    X = load_digits().data[:120]
    common = {"n_runs": n_runs, "batch_size": 40}
    published = make_small(cls, 5, **common, **of_method).fit(X)
    composed = small(5, **common, **of_design).fit(X)
    np.testing.assert_array_equal(composed.labels_, published.labels_)
    np.testing.assert_array_equal(composed.cluster_centers_, published.cluster_centers_)
    np.testing.assert_array_equal(composed.transform(X), published.transform(X))


def test_design__without_any_loss_is_an_autoencoder_and_kmeans(blobs):
    X, _ = blobs
    composed = small(clustering_loss=None, reconstruction_weight=0).fit(X)
    assert composed.n_iter_ == 0
    z = composed.autoencoder_.transform(X)
    np.testing.assert_array_equal(composed.transform(X), z)
    labels = KMeans(3, n_init=3, random_state=0).fit_predict(z)
    assert adjusted_rand_score(composed.labels_, labels) == 1


# -- losses ------------------------------------------------------------------------


def everything(clustering_loss, **changes):
    """A design with all losses, for one step of all rows."""
    settings = {
        "clustering_loss": clustering_loss,
        "clustering_weight": 0.7,
        "balance_weight": 0.6,
        "size_prior": "zipf",
        "locality_weight": 0.5,
        "augmentation_weight": 0.4,
        "augmentation": halved,
        "reconstruction_weight": 0.3,
        "inverse_temperature": 2.0,
        "batch_size": 60,
        "max_epochs": 1,
    }
    return small(**{**settings, **changes})


def halved(x):
    return 0.5 * x


@pytest.mark.parametrize("clustering_loss", ["kmeans", "soft_kmeans", "hardening"])
def test_losses__against_the_references(blobs, monkeypatch, clustering_loss):
    expected = {}

    class Watched(Composition):
        @torch.no_grad()
        def watch(self, batch):
            model, x = self.model, batch.x.double().numpy()
            state = self.generator.get_state()
            x_near, _ = self.near(batch, self.generator)
            self.generator.set_state(state)

            def embedded(rows):
                return model.embed(rows).double().numpy()

            z, centers = embedded(batch.x), model.centers.double().numpy()
            q = model.log_q(model.embed(batch.x)).exp().double().numpy()
            expected["reconstruction"] = 0.3 * reconstruction.mean_squared_error(
                model.decode(model.embed(batch.x)).double().numpy(), x
            )
            expected["balance"] = 0.6 * sizes.size_divergence(q, zipf_prior(3).numpy())
            similarity = locality.heat_kernel(
                x, x_near.double().numpy(), self.near.width
            )
            expected["locality"] = 0.5 * locality.locality(
                z, embedded(x_near), similarity
            )
            expected["augmentation"] = 0.4 * locality.locality(
                z, embedded(0.5 * batch.x), np.ones(60)
            )
            if clustering_loss == "kmeans":
                nearest = running_means.nearest(z, centers)
                pull = running_means.mean_squared_distance(z, centers, nearest)
            elif clustering_loss == "soft_kmeans":
                d2 = np.square(z[:, None] - centers).sum(axis=2)
                pull = soft_kmeans.soft_kmeans(d2, float(model.sharpness))
            else:
                reference_q = self_training.soft_assignment(z, centers, 1.0)
                np.testing.assert_allclose(q, reference_q, rtol=1e-4, atol=1e-6)
                p = self_training.target_distribution(q, 0.25)
                pull = self_training.kl_divergence(p, q)
            expected["clustering"] = 0.7 * pull

        def losses(self, batch):
            self.watch(batch)
            return super().losses(batch)

    monkeypatch.setattr(design_module, "Composition", Watched)
    (record,) = clustering_history(everything(clustering_loss).fit(blobs[0]))
    assert len(expected) == 5
    for name, value in expected.items():
        assert record[name] == pytest.approx(value, rel=1e-3, abs=1e-6), name
    assert record["loss"] == pytest.approx(sum(expected.values()), rel=1e-3)


def test_warm_up__lets_the_clustering_loss_grow(blobs):
    # Steps too short to change anything, so that all epochs see the same network.
    settings = {"batch_size": 60, "max_epochs": 6, "learning_rate": 1e-20}
    constant = clustering_history(small(**settings).fit(blobs[0]))
    rising = small(**settings, clustering_schedule="warm_up").fit(blobs[0])
    shares = [
        now["clustering"] / whole["clustering"]
        for now, whole in zip(clustering_history(rising), constant, strict=True)
    ]
    np.testing.assert_allclose(shares, [1 / 3, 2 / 3, 1, 1, 1, 1], rtol=1e-4)


def test_warm_up__is_not_cut_short(blobs):
    settings = {"tol": 1.0, "max_epochs": 20, "update_interval": 1}
    assert small(**settings).fit(blobs[0]).n_iter_ == 1
    warmed = small(**settings, clustering_schedule="warm_up").fit(blobs[0])
    assert 10 <= warmed.n_iter_ <= 11


@pytest.mark.parametrize("loss", ["locality", "augmentation"])
def test_rows_that_belong_together__stay_closer_with_more_weight(loss, blobs):
    def distance(weight):
        settings = {"augmentation": "noise", "learning_rate": 0.01, "max_epochs": 20}
        composed = small(**{f"{loss}_weight": weight}, **settings).fit(blobs[0])
        last = clustering_history(composed)[-1]
        return last[loss] / weight

    assert distance(3.0) < 0.7 * distance(1e-6)


def test_size_prior__decides_how_large_clusters_are():
    X = np.random.default_rng(0).uniform(size=(100, 2))

    def largest(prior):
        settings = {"balance_weight": 1.0, "max_epochs": 20, "clustering_weight": 0.1}
        labels = small(size_prior=prior, **settings).fit(X).labels_
        return np.bincount(labels).max() / len(X)

    assert largest([8, 1, 1]) > largest("uniform") + 0.05


# -- centroids ---------------------------------------------------------------------


def test_center_update__kmeans_ends_at_means(blobs):
    X, _ = blobs
    composed = small(clustering_loss="kmeans", center_update="kmeans").fit(X)
    z = composed.transform(X)
    means = [z[composed.labels_ == k].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(composed.cluster_centers_, means, atol=1e-4)


@pytest.mark.parametrize("center_update", ["running_mean", "kmeans"])
def test_center_update__without_gradient(center_update, blobs, monkeypatch):
    seen = []

    class Watched(Composition):
        def after_step(self, batch):
            seen.append(self.model.centers.requires_grad)
            super().after_step(batch)

    monkeypatch.setattr(design_module, "Composition", Watched)
    small(center_update=center_update).fit(blobs[0])
    assert len(seen) == 12
    assert not any(seen)


def test_centers__that_no_loss_moves_follow_the_rows(blobs):
    X, _ = blobs
    composed = small(clustering_loss=None, max_epochs=10).fit(X)
    z = composed.transform(X)
    assert composed.n_iter_ == 10
    means = [z[composed.labels_ == k].mean(axis=0) for k in range(3)]
    np.testing.assert_allclose(composed.cluster_centers_, means, atol=1e-4)


def test_recluster__gives_the_best_of_kmeans_and_keeps_numbers():
    X = load_digits().data[:200]
    trained = small(8).fit(X)
    again = small(8, recluster=True).fit(X)
    np.testing.assert_array_equal(again.transform(X), trained.transform(X))
    kmeans = KMeans(8, n_init=3, random_state=1).fit(again.transform(X))
    assert again.inertia_ < 1.1 * kmeans.inertia_
    assert np.mean(again.labels_ == trained.labels_) > 0.6


# -- features ----------------------------------------------------------------------


@pytest.mark.parametrize("network", [None, "convolutional"])
def test_features__of_all_layers_are_the_embedding(network):
    X = load_digits().images[:80]
    autoencoder = Autoencoder(
        3, hidden_layer_sizes=(16, 8), network=network, max_epochs=3, random_state=0
    )
    composed = small(features="all", autoencoder=autoencoder).fit(X)
    width = 16 + 8 + 3 if network is None else 32 + 64 + 128 + 3
    assert composed.n_components_ == width
    assert composed.transform(X).shape == (80, width)
    assert composed.cluster_centers_.shape == (3, width)
    assert len(composed.get_feature_names_out()) == width
    assert composed.autoencoder_.n_components_ == 3
    flat = X.reshape(80, -1)
    error = np.square(composed.inverse_transform(composed.transform(X)) - flat).mean()
    assert error < 0.8 * flat.var(axis=0).mean()


def test_features__of_a_network_of_ones_own_are_refused(blobs):
    parts = nn.Linear(6, 2), nn.Linear(2, 6)
    autoencoder = Autoencoder(2, network=lambda *sizes: parts, max_epochs=1)
    with pytest.raises(ValueError, match="features='all' needs a network whose"):
        small(features="all", autoencoder=autoencoder).fit(blobs[0])
    frozen = FrozenEstimator(autoencoder.fit(blobs[0]))
    with pytest.raises(ValueError, match="features='all' needs a network whose"):
        small(features="all", autoencoder=frozen).fit(blobs[0])


# -- options -----------------------------------------------------------------------


COLLAPSING = [
    {"clustering_loss": "kmeans"},
    {"clustering_loss": "soft_kmeans"},
    {"clustering_loss": "kmeans", "locality_weight": 0.1},
    {"clustering_loss": None, "locality_weight": 0.1},
    {"clustering_loss": None, "augmentation_weight": 0.1, "balance_weight": 1.0},
]


@pytest.mark.parametrize("design", COLLAPSING)
def test_design__that_nothing_holds_is_refused(design, blobs):
    with pytest.raises(ValueError, match="all of them end in one point"):
        small(reconstruction_weight=0, **design).fit(blobs[0])
    small(reconstruction_weight=0, update_encoder=False, **design).fit(blobs[0])
    small(**design).fit(blobs[0])


def test_update_encoder__false_leaves_network_and_decoder(blobs):
    X, _ = blobs
    settings = {"reconstruction_weight": 0, "locality_weight": 1.0}
    composed = small(update_encoder=False, **settings).fit(X)
    z = composed.autoencoder_.transform(X)
    np.testing.assert_array_equal(composed.transform(X), z)
    np.testing.assert_array_equal(
        composed.inverse_transform(z), composed.autoencoder_.inverse_transform(z)
    )
    (record, *_) = clustering_history(composed)
    assert "locality" not in record
    with pytest.raises(ValueError, match="set 'gradient'"):
        small(update_encoder=False, center_update="kmeans").fit(X)


def test_inverse_transform__goes_with_the_decoder(blobs):
    assert hasattr(small().fit(blobs[0]), "inverse_transform")
    dropped = small(reconstruction_weight=0).fit(blobs[0])
    assert not hasattr(dropped, "inverse_transform")
    assert dropped.model_.decoder is None
    # It is the fitted model that has one, or has none.
    assert not hasattr(
        dropped.set_params(reconstruction_weight=1.0), "inverse_transform"
    )
    kept = small().fit(blobs[0]).set_params(reconstruction_weight=0)
    assert kept.inverse_transform(kept.transform(blobs[0])).shape == blobs[0].shape


@pytest.mark.parametrize(
    "change",
    [{"features": "all"}, {"clustering_loss": "soft_kmeans"}],
    ids=["features", "soft_kmeans"],
)
def test_warm_start__of_another_design_is_refused(change, blobs):
    composed = small(warm_start=True).fit(blobs[0])
    with pytest.raises(ValueError, match="design that is asked for"):
        composed.set_params(**change).fit(blobs[0])
    dropped = small(warm_start=True, reconstruction_weight=0).fit(blobs[0])
    with pytest.raises(ValueError, match="design that is asked for"):
        dropped.set_params(reconstruction_weight=1.0).fit(blobs[0])


@pytest.mark.parametrize("clustering_loss", ["kmeans", "soft_kmeans", "hardening"])
def test_warm_start__goes_on_with_all_layers(clustering_loss, blobs):
    composed = small(
        features="all", clustering_loss=clustering_loss, warm_start=True
    ).fit(blobs[0])
    before = composed.labels_
    composed.set_params(center_update="running_mean").fit(blobs[0])
    assert adjusted_rand_score(before, composed.labels_) == 1
    assert composed.n_components_ == 19


def test_images__need_views_of_images(blobs):
    with pytest.raises(ValueError, match="'strong' changes images"):
        small(augmentation="strong", augmentation_weight=0.1).fit(blobs[0])
    small(augmentation="strong").fit(blobs[0])  # not asked for
    images = load_digits().images[:40]
    record, *_ = clustering_history(
        small(augmentation_weight=0.1, max_epochs=1).fit(images)
    )
    assert record["augmentation"] > 0


def test_other_clusterers__go_behind_it_in_a_pipeline(blobs):
    X, y = blobs
    twice = make_pipeline(small(), KMeans(3, n_init=3, random_state=0))
    assert adjusted_rand_score(y, twice.fit_predict(X)) > 0.95


def test_digits__better_than_kmeans():
    X, y = load_digits(return_X_y=True)
    X, y = X[:1000], y[:1000]
    composed = ComposedClustering(
        10,
        autoencoder=Autoencoder(max_epochs=30, random_state=0),
        features="all",
        balance_weight=0.1,
        clustering_schedule="warm_up",
        max_epochs=20,
        random_state=0,
    )
    score = adjusted_rand_score(y, composed.fit_predict(X))
    k_means = KMeans(10, n_init=20, random_state=0).fit_predict(X)
    assert score > adjusted_rand_score(y, k_means)
