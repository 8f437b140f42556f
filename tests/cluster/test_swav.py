"""SwAVClustering: one view foretells the cluster of the other."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._swav as swav_module
from skdeepcluster import SwAVClustering
from tests.cluster._small import small as make_small
from tests.references.transport import sinkhorn, soft_cross_entropy


def small(n_clusters=3, **changes):
    settings = {"hidden_layer_sizes": (16, 8), "projection_size": 6}
    return make_small(SwAVClustering, n_clusters, **{**settings, **changes})


# -- loss --------------------------------------------------------------------------


def views_by_hand(x):
    return 0.9 * x + 0.1, 1.2 * x + 0.1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_overclusters", [0, 7])
@pytest.mark.parametrize(
    "settings", [{}, {"temperature": 0.3, "code_temperature": 0.2}]
)
def test_loss__against_the_references(blobs, monkeypatch, n_overclusters, settings):
    expected = {}

    def swapped(heads, h):
        z = heads.layers(h)[0].double().numpy()
        z /= np.linalg.norm(z, axis=1, keepdims=True)
        c = heads.weight[0].double().numpy()
        c /= np.linalg.norm(c, axis=0, keepdims=True)
        s_a, s_b = (z @ c).reshape(2, 60, -1)
        q_a, q_b = (sinkhorn(s, used["code_temperature"], 3) for s in (s_a, s_b))
        ahead = soft_cross_entropy(s_a / used["temperature"], q_b)
        return (ahead + soft_cross_entropy(s_b / used["temperature"], q_a)) / 2

    class Watched(swav_module._SwappedAssignments):
        @torch.no_grad()
        def watch(self, x):
            h = self.model.encoder(torch.cat(views_by_hand(x)))
            expected["clusters"] = swapped(self.model.heads, h)
            if n_overclusters:
                expected["overclusters"] = swapped(self.overclusters, h)

        def losses(self, batch):
            self.watch(batch.x)
            return super().losses(batch)

    monkeypatch.setattr(swav_module, "_SwappedAssignments", Watched)
    calls = []

    def change(x):
        calls.append(x)
        return views_by_hand(x)[len(calls) - 1]

    # One step of all rows.
    clustering = small(
        augmentation=change,
        batch_size=60,
        max_epochs=1,
        n_overclusters=n_overclusters,
        **settings,
    )
    used = clustering.get_params()
    (record,) = clustering.fit(blobs[0]).history_
    assert record["stage"] == "clustering"
    assert ("overclusters" in record) == (n_overclusters > 0)
    for name, value in expected.items():
        assert record[name] == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert record["loss"] == pytest.approx(sum(expected.values()), rel=1e-4)


def test_training__foretells_and_finds_the_blobs(blobs):
    X, y = blobs
    clustering = small(max_epochs=80, learning_rate=1e-2, batch_size=30).fit(X)
    first, last = clustering.history_[0], clustering.history_[-1]
    for name in ("clusters", "overclusters"):
        assert last[name] < first[name] - 0.2
    assert adjusted_rand_score(y, clustering.labels_) > 0.9


# -- prototypes --------------------------------------------------------------------


def test_prototypes__stay_for_the_first_twentieth_of_the_steps(blobs, monkeypatch):
    moved = []

    class Watched(swav_module._SwappedAssignments):
        def after_step(self, batch):
            super().after_step(batch)
            first = self.first_clusters, self.first_overclusters
            now = self.model.heads.weight, self.overclusters.weight
            moved.append(
                [not torch.equal(a, b) for a, b in zip(first, now, strict=True)]
            )

    monkeypatch.setattr(swav_module, "_SwappedAssignments", Watched)
    small(max_epochs=14).fit(blobs[0])  # 42 steps
    assert moved == [[False, False]] * 2 + [[True, True]] * 40


def test_assignments__are_cosines_with_prototypes(blobs):
    X, _ = blobs
    clustering = small(temperature=0.2, max_epochs=20, learning_rate=1e-2).fit(X)
    model = clustering.model_
    x = torch.from_numpy((X - clustering.center_) / clustering.scale_).float()
    with torch.no_grad():
        z = model.heads.features(model.encoder(x))[0]
        c = torch.nn.functional.normalize(model.heads.weight[0], dim=0)
        p = (z @ c / 0.2).softmax(dim=1)
    assert z.shape == (60, 6)
    np.testing.assert_allclose(z.norm(dim=1), 1, rtol=1e-5)
    np.testing.assert_allclose(clustering.predict_proba(X), p, rtol=1e-3, atol=1e-6)


def test_warm_start__goes_on_with_the_same_clusters(blobs):
    X, _ = blobs
    clustering = small(max_epochs=30, learning_rate=1e-2, warm_start=True).fit(X)
    labels = clustering.labels_
    clustering.set_params(max_epochs=1, learning_rate=1e-6).fit(X)
    assert np.mean(clustering.labels_ == labels) > 0.9


# -- overclustering ----------------------------------------------------------------


@pytest.mark.parametrize(("given", "number"), [("auto", 6), (4, 4), (0, None)])
def test_overclusters__train_the_encoder_and_are_dropped(
    blobs, monkeypatch, given, number
):
    objectives = []

    class Kept(swav_module._SwappedAssignments):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            objectives.append(self)

    monkeypatch.setattr(swav_module, "_SwappedAssignments", Kept)
    clustering = small(n_overclusters=given).fit(blobs[0])
    (objective,) = objectives
    if number is None:
        assert objective.overclusters is None
    else:
        assert objective.overclusters.n_clusters == number
    parts = dict(clustering.model_.named_children())
    assert list(parts) == ["encoder", "heads"]
    assert clustering.model_.n_clusters == clustering.n_clusters_


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("projection_size", 0),
        ("temperature", 0.0),
        ("code_temperature", 0.0),
        ("n_overclusters", -1),
    ],
)
def test_bad_parameters(blobs, name, value):
    with pytest.raises(ValueError, match=name):
        small(**{name: value}).fit(blobs[0])


# -- digits ------------------------------------------------------------------------


def test_digits__far_better_than_chance():
    # From scratch in few epochs.
    digits = load_digits()
    clustering = SwAVClustering(
        10, augmentation="weak", max_epochs=15, batch_size=75, random_state=0
    )
    labels = clustering.fit_predict(digits.images[:600])
    assert adjusted_rand_score(digits.target[:600], labels) > 0.3
