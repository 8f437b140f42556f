"""PCLClustering: views of a row agree with keys, and with prototypes."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._pcl as pcl_module
from skdeepcluster import PCLClustering
from skdeepcluster.cluster._shared._prototypes import concentrations
from tests.cluster._small import small as make_small
from tests.references import contrastive as reference


def small(n_clusters=3, **changes):
    settings = {"hidden_layer_sizes": (16, 8), "projection_size": 6, "n_init": 3}
    return make_small(PCLClustering, n_clusters, **{**settings, **changes})


@pytest.fixture
def objectives(monkeypatch):
    """Those of the fits, with how often prototypes were renewed as `renewals`."""
    kept = []

    class Kept(pcl_module._PrototypicalContrast):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.renewals, renew = [], self.prototypes.renew

            def noted(*given):
                self.renewals.append(given)
                renew(*given)

            self.prototypes.renew = noted
            kept.append(self)

    monkeypatch.setattr(pcl_module, "_PrototypicalContrast", Kept)
    return kept


# -- loss --------------------------------------------------------------------------


def views_by_hand(x):
    return 0.9 * x + 0.1, 1.2 * x + 0.1


SETTINGS = [
    {},
    {"temperature": 0.5, "n_prototypes": (2, 7), "prototype_weight": 0.3},
    {"prototype_weight": 0.0},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=range(3))
def test_loss__against_the_references(blobs, monkeypatch, settings):
    expected = {}

    class Watched(pcl_module._PrototypicalContrast):
        @torch.no_grad()
        def losses(self, batch):
            views = views_by_hand(batch.x)
            z_a, z_b = (self.model.project(x).double().numpy() for x in views)
            for weights in self.average.parameters():  # not those of the network
                weights.mul_(0.9)
            key_a, key_b = (
                self.average.network.project(x).double().numpy() for x in views
            )
            queue = self.queue.vectors.double().numpy()
            tau = used["temperature"]
            instances = reference.info_nce(z_a, key_b, queue, tau)
            instances += reference.info_nce(z_b, key_a, queue, tau)
            expected["instances"] = instances / 2
            parts, start = [], 0
            for number, size in enumerate(sizes):
                here = slice(start, start + size)
                vectors = self.prototypes.vectors[here].double().numpy()
                widths = self.prototypes.temperatures[here].double().numpy()
                labels = self.prototypes.labels[number][batch.index].numpy()
                for z in (z_a, z_b):
                    parts.append(
                        reference.prototype_contrast(z, vectors, widths, labels)
                    )
                start += size
            expected["prototypes"] = used["prototype_weight"] * np.mean(parts)
            with torch.enable_grad():
                return super().losses(batch)

    monkeypatch.setattr(pcl_module, "_PrototypicalContrast", Watched)
    calls = []

    def change(x):
        calls.append(x)
        return views_by_hand(x)[len(calls) - 1]

    # One step of all rows.
    clustering = small(augmentation=change, batch_size=60, max_epochs=1, **settings)
    used = clustering.get_params()
    sizes = settings.get("n_prototypes", (3,))
    (record,) = clustering.fit(blobs[0]).history_
    assert len(expected) == 2
    for name, value in expected.items():
        assert record[name] == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert record["loss"] == pytest.approx(sum(expected.values()), rel=1e-4)
    assert (record["prototypes"] > 0) == (used["prototype_weight"] > 0)


# -- prototypes --------------------------------------------------------------------


def test_prototypes__are_centroids_of_what_the_averaged_network_gives(
    blobs, objectives
):
    X, _ = blobs
    settings = {"n_prototypes": (3, 5), "temperature": 0.3, "batch_size": 60}
    clustering = small(max_epochs=1, **settings).fit(X)
    (objective,) = objectives
    (given,) = objective.renewals  # before the only step, with the first weights
    z = torch.cat([part for _, part in given[0]]).double().numpy()
    first = small(max_epochs=0, **settings).fit(X)
    np.testing.assert_allclose(first.transform(X), z, atol=1e-5)
    prototypes, start = objective.prototypes, 0
    for number, size in enumerate((3, 5)):
        labels = prototypes.labels[number].numpy()
        assert set(labels) == set(range(size))
        centers = np.stack([z[labels == c].mean(axis=0) for c in range(size)])
        here = slice(start, start + size)
        np.testing.assert_allclose(
            prototypes.vectors[here],
            centers / np.linalg.norm(centers, axis=1, keepdims=True),
            atol=1e-4,
        )
        expected = reference.concentrations(z, centers, labels, 0.3)
        np.testing.assert_allclose(prototypes.temperatures[here], expected, rtol=1e-3)
        start += size
    assert clustering.n_clusters_ == 3


def test_prototypes__come_after_a_tenth_of_the_steps(blobs, objectives):
    # Three steps in each of 100 epochs: at least 20 steps apart, first after 30.
    clustering = small(max_epochs=100, batch_size=20).fit(blobs[0])
    (objective,) = objectives
    assert objective.refresh_interval == 20
    assert len(objective.renewals) == 14
    contrasts = [record["prototypes"] for record in clustering.history_]
    assert np.flatnonzero(contrasts)[0] == 6
    assert objective.are_there == 1


@pytest.mark.parametrize(
    ("n_samples", "n_clusters", "expected"),
    [
        (50, 3, [3]),
        (149, 3, [3]),
        (150, 3, [3, 15]),
        (750, 3, [3, 15, 75]),
        (100, 100, [100]),
        (1, 1, [1]),
    ],
)
def test_auto__leaves_ten_rows_to_each_prototype(n_samples, n_clusters, expected):
    assert PCLClustering(n_clusters)._sizes(n_samples) == expected


@pytest.mark.parametrize("n_prototypes", [(), (3, 61)])
def test_n_prototypes__that_cannot_be_raise_before_training(blobs, n_prototypes):
    with pytest.raises(ValueError, match="n_prototypes must name at least one number"):
        small(n_prototypes=n_prototypes).fit(blobs[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_prototypes", 5),
        ("n_prototypes", (0,)),
        ("momentum", 1.0),
        ("temperature", 0.0),
        ("prototype_weight", -1.0),
    ],
)
def test_bad_parameter__raises_and_is_named(blobs, name, value):
    with pytest.raises(ValueError, match=f"'{name}' parameter"):
        small(**{name: value}).fit(blobs[0])


# -- concentrations ----------------------------------------------------------------


def concentrations_of(distances, sizes):
    given = (torch.tensor(one, dtype=torch.float64) for one in (distances, sizes))
    return concentrations(*given, 0.2)


def test_concentrations__have_the_temperature_as_mean_and_are_low_where_rows_are_near():
    found = concentrations_of([1.0, 5.0, 9.0], [10.0, 10.0, 10.0])
    assert float(found.mean()) == pytest.approx(0.2)
    assert found[0] < found[1] < found[2]
    # The same mean distance of more rows is more certain.
    found = concentrations_of([1.0, 10.0], [10.0, 100.0])
    assert found[1] < found[0]


def test_concentrations__of_a_row_alone_are_the_highest():
    found = concentrations_of([0.0, 5.0, 9.0], [1.0, 10.0, 10.0])
    assert found[0] == found[2] > found[1]


@pytest.mark.parametrize("sizes", [[10.0, 10.0], [1.0, 1.0], [0.0, 60.0]])
def test_concentrations__where_all_rows_lie_on_centroids(sizes):
    found = concentrations_of([0.0, 0.0], sizes)
    np.testing.assert_allclose(found, 0.2)


def test_concentrations__are_bounded_below():
    found = concentrations_of([0.0] * 9 + [1.0], [10.0] * 10)
    assert found.min() == pytest.approx(0.02)
    assert found.isfinite().all()


# -- queue -------------------------------------------------------------------------


@pytest.mark.parametrize(("n_rows", "length"), [(5, 1), (60, 6)])
def test_queue__holds_a_tenth_of_the_rows(blobs, objectives, n_rows, length):
    X = blobs[0][:: 60 // n_rows]
    small(2, max_epochs=3).fit(X[:n_rows])
    queue = objectives[0].queue.vectors
    assert queue.shape == (length, 6)
    np.testing.assert_allclose(queue.norm(dim=1), 1, rtol=1e-5)
    # The last keys, of one view of each row.
    assert torch.equal(queue.sort(dim=0).values, last_keys(objectives[0], length))


def last_keys(objective, length):
    return objective.keys[-length:].sort(dim=0).values


# -- clusters ----------------------------------------------------------------------


def test_clusters__are_kmeans_of_projections_of_length_one(blobs):
    X, y = blobs
    clustering = small(temperature=0.5, max_epochs=30, learning_rate=1e-2).fit(X)
    Z = clustering.transform(X)
    assert Z.shape == (60, 6)
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, rtol=1e-5)
    for c, center in enumerate(clustering.cluster_centers_):
        np.testing.assert_allclose(
            center, Z[clustering.labels_ == c].mean(axis=0), atol=1e-4
        )
    assert adjusted_rand_score(y, clustering.labels_) > 0.9


def test_too_large_steps__are_told_of(blobs):
    with pytest.raises(ValueError, match="not finite|is nan|is inf"):
        small(max_epochs=30, learning_rate=1e30, optimizer="sgd").fit(blobs[0])


def test_digits__far_better_than_chance():
    # From scratch in few epochs; over seeds 0 to 4 it is better than 0.5.
    digits = load_digits()
    clustering = PCLClustering(
        10, augmentation="weak", max_epochs=15, n_init=5, random_state=0
    )
    labels = clustering.fit_predict(digits.images[:600])
    assert adjusted_rand_score(digits.target[:600], labels) > 0.3
