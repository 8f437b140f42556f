"""IDFDClustering: rows are told from each other by features that are kept apart."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._idfd as idfd_module
from skdeepcluster import IDFDClustering
from tests.cluster._small import small as make_small
from tests.references import instances as reference


def small(n_clusters=3, **changes):
    settings = {"hidden_layer_sizes": (16, 8), "projection_size": 6}
    return make_small(IDFDClustering, n_clusters, **{**settings, **changes})


@pytest.fixture
def objectives(monkeypatch):
    """The objectives of the fits; each keeps its memory and z of every step."""
    made = []

    class Watched(idfd_module._Instances):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.seen = []
            made.append(self)

        def losses(self, batch):
            before = self.bank.vectors.clone()
            terms = super().losses(batch)
            self.seen.append((batch.index.clone(), self.z.clone(), before))
            return terms

    monkeypatch.setattr(idfd_module, "_Instances", Watched)
    return made


# -- loss --------------------------------------------------------------------------


SETTINGS = [
    {},
    {"feature_temperature": 0.5, "feature_weight": 3.0},
    {"variant": "idfo", "instance_temperature": 0.3},
    {"variant": "idfo", "feature_weight": 0.1},
    {"variant": "id"},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=range(5))
@pytest.mark.parametrize("most", [2**14, 7])
def test_loss__against_the_references(blobs, objectives, monkeypatch, settings, most):
    monkeypatch.setattr(idfd_module, "_COMPARED", most)
    drawn = []
    draw = torch.randint
    monkeypatch.setattr(
        idfd_module.torch,
        "randint",
        lambda *a, **k: drawn.append(draw(*a, **k)) or drawn[-1],
    )
    # One step of all rows.
    clustering = small(
        augmentation=lambda x: 1.1 * x + 0.1, batch_size=60, max_epochs=1
    )
    (record,) = clustering.set_params(**settings).fit(blobs[0]).history_
    used = clustering.get_params()
    (objective,) = objectives
    ((index, z, vectors),) = objective.seen
    z, vectors = z.double().numpy(), vectors.double().numpy()
    expected = reference.instance_discrimination(
        z,
        vectors,
        index.tolist(),
        used["instance_temperature"],
        drawn[0].tolist() if most < 60 else None,
    )
    assert record["instances"] == pytest.approx(expected, rel=1e-4)
    total = record["instances"]
    weight = used["feature_weight"]
    if used["variant"] == "idfd":
        weight = 1.0 if weight == "auto" else weight
        expected = reference.feature_decorrelation(z, used["feature_temperature"])
    elif used["variant"] == "idfo":
        weight = 10.0 if weight == "auto" else weight
        expected = reference.feature_orthogonality(z)
    if used["variant"] == "id":
        assert "features" not in record
    else:
        assert record["features"] == pytest.approx(weight * expected, rel=1e-4)
        total += record["features"]
    assert record["loss"] == pytest.approx(total)


def test_memory__moves_half_way_to_what_the_step_saw(blobs, objectives):
    small(max_epochs=2).fit(blobs[0])
    seen = objectives[0].seen
    assert len(seen) == 6
    after = [before for _, _, before in seen[1:]] + [objectives[0].bank.vectors]
    for (index, z, before), now in zip(seen, after, strict=True):
        expected = before.clone()
        middle = (before[index] + z) / 2
        expected[index] = middle / middle.norm(dim=1, keepdim=True)
        np.testing.assert_allclose(now, expected, atol=1e-6)


def test_training__lets_both_terms_fall(blobs):
    X, _ = blobs
    records = small(max_epochs=30, learning_rate=1e-2).fit(X).history_
    for name in ("instances", "features"):
        assert records[-1][name] < records[0][name]


@pytest.mark.parametrize("variant", ["idfd", "idfo"])
def test_features__are_kept_apart(blobs, variant):
    X, _ = blobs

    def between(weight):
        settings = {"max_epochs": 40, "learning_rate": 1e-2}
        clustering = small(variant=variant, feature_weight=weight, **settings)
        return reference.feature_orthogonality(clustering.fit(X).transform(X))

    assert between(10.0) < 0.8 * between(0.0)


# -- what it says ------------------------------------------------------------------


def test_labels__are_the_nearest_centroids_of_the_projection(blobs):
    X, y = blobs
    clustering = small(max_epochs=30, learning_rate=1e-2).fit(X)
    Z = clustering.transform(X)
    assert Z.shape == (60, clustering.n_components_) == (60, 6)
    np.testing.assert_allclose(np.linalg.norm(Z, axis=1), 1, rtol=1e-5)
    offsets = Z[:, None] - clustering.cluster_centers_
    nearest = np.square(offsets).sum(axis=2).argmin(axis=1)
    np.testing.assert_array_equal(nearest, clustering.labels_)
    np.testing.assert_array_equal(clustering.predict(X), clustering.labels_)
    assert adjusted_rand_score(y, clustering.labels_) > 0.9


def test_many_rows__are_told_from_some(blobs, monkeypatch):
    X, y = blobs
    monkeypatch.setattr(idfd_module, "_COMPARED", 20)
    clustering = small(max_epochs=30, learning_rate=1e-2).fit(X)
    assert adjusted_rand_score(y, clustering.labels_) > 0.9


def test_warm_start__does_not_forget(blobs):
    X, _ = blobs
    clustering = small(max_epochs=30, learning_rate=1e-2, warm_start=True).fit(X)
    labels = clustering.labels_
    clustering.set_params(max_epochs=1, learning_rate=1e-6).fit(X)
    np.testing.assert_array_equal(clustering.labels_, labels)


def test_one_row__is_one_cluster(blobs):
    assert small(1).fit(blobs[0][:1]).labels_.tolist() == [0]


# -- digits ------------------------------------------------------------------------


def test_digits__far_better_than_chance():
    digits = load_digits()
    clustering = IDFDClustering(10, augmentation="weak", max_epochs=15, random_state=0)
    labels = clustering.fit_predict(digits.images[:600])
    assert adjusted_rand_score(digits.target[:600], labels) > 0.3
