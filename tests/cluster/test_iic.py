"""IICClustering: the cluster of one view tells that of another."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._iic as iic_module
from skdeepcluster import IICClustering
from tests.cluster._small import small as make_small
from tests.references.mutual_information import mutual_information


def small(n_clusters=3, **changes):
    settings = {"hidden_layer_sizes": (16, 8), "n_heads": 2}
    return make_small(IICClustering, n_clusters, **{**settings, **changes})


@pytest.fixture
def objectives(monkeypatch):
    """Every objective that a fit makes."""
    made = []

    class Kept(iic_module._Information):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            made.append(self)

    monkeypatch.setattr(iic_module, "_Information", Kept)
    return made


# -- loss --------------------------------------------------------------------------


def views_by_hand(x):
    return 0.9 * x + 0.1, 1.2 * x + 0.1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_overclusters", [0, 7])
@pytest.mark.parametrize("entropy_weight", [0.0, 1.0, 1.5])
def test_loss__against_the_references(
    blobs, monkeypatch, n_overclusters, entropy_weight
):
    expected = {}

    def of_heads(logits):
        p = logits.softmax(dim=2).double().numpy()  # (heads, both views, clusters)
        return [
            -mutual_information(*one.reshape(2, 60, -1), entropy_weight) for one in p
        ]

    class Watched(iic_module._Information):
        @torch.no_grad()
        def watch(self, x):
            h = self.model.encoder(torch.cat(views_by_hand(x)))
            expected["clusters"] = of_heads(self.model.heads(h))
            if n_overclusters:
                expected["overclusters"] = of_heads(self.overclusters(h))

        def losses(self, batch):
            self.watch(batch.x)
            return super().losses(batch)

    monkeypatch.setattr(iic_module, "_Information", Watched)
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
        entropy_weight=entropy_weight,
    )
    (record,) = clustering.fit(blobs[0]).history_
    assert record["stage"] == "clustering"
    assert ("overclusters" in record) == (n_overclusters > 0)
    for name, values in expected.items():
        assert len(values) == 2
        assert record[name] == pytest.approx(np.mean(values), rel=1e-4, abs=1e-6)
    means = [np.mean(values) for values in expected.values()]
    assert record["loss"] == pytest.approx(sum(means), rel=1e-4, abs=1e-6)
    np.testing.assert_allclose(
        clustering.head_losses_, expected["clusters"], rtol=1e-4, atol=1e-6
    )


def test_training__lets_both_terms_fall_towards_their_least(blobs):
    X, y = blobs
    clustering = small(
        max_epochs=80,
        learning_rate=1e-2,
        batch_size=30,
        augmentation="neighbors",
    ).fit(X)
    first, last = clustering.history_[0], clustering.history_[-1]
    assert last["overclusters"] < first["overclusters"] - 0.3
    # The weight is 1.5.
    assert -2 * np.log(3) <= last["clusters"] < -1.6 * np.log(3)
    assert adjusted_rand_score(y, clustering.labels_) > 0.9


# -- heads -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("losses", "n_empty", "best"),
    [([-1.0, -3.0, -2.0], 0, 1), ([-1.0, -3.0, -2.0], 1, 2)],
)
def test_head_that_is_kept__has_most_clusters_and_then_the_least_loss(
    blobs, monkeypatch, losses, n_empty, best
):
    class Decided(iic_module._Information):
        """Head 1 has clusters without rows."""

        def after_step(self, batch):
            heads = self.model.heads
            with torch.no_grad():
                heads.weight.zero_()[:, :3, :3] = 10 * torch.eye(3)
                heads.bias.zero_()[1, 0, :n_empty] = -1e6
                self.head_losses.copy_(torch.tensor(losses))

    monkeypatch.setattr(iic_module, "_Information", Decided)
    clustering = small(n_heads=3, max_epochs=1).fit(blobs[0])
    assert clustering.best_head_ == best
    np.testing.assert_allclose(clustering.head_losses_, losses)
    assert clustering.model_.heads.n_heads == 1
    assert clustering.predict_proba(blobs[0]).shape == (60, clustering.n_clusters_)


def test_head_losses__are_means_over_the_last_epoch(blobs, monkeypatch):
    seen = []

    class Watched(iic_module._Information):
        def _of(self, heads, h):
            result = super()._of(heads, h)
            seen.append(result.detach().numpy().copy())
            return result

    monkeypatch.setattr(iic_module, "_Information", Watched)
    # Three steps in the only epoch.
    clustering = small(max_epochs=1, n_overclusters=0).fit(blobs[0])
    assert len(seen) == 3
    np.testing.assert_allclose(
        clustering.head_losses_, np.mean(seen, axis=0), rtol=1e-5
    )


def test_head_losses__look_back_at_one_epoch(blobs, objectives):
    small().fit(blobs[0])
    (objective,) = objectives
    assert objective.steps_per_epoch == 3
    before = objective.head_losses.clone()
    objective._remember(before + 3)
    torch.testing.assert_close(objective.head_losses, before + 1)


def test_warm_start__goes_on_with_the_head_that_was_kept(blobs):
    X, _ = blobs
    clustering = small(max_epochs=30, learning_rate=1e-2, warm_start=True).fit(X)
    labels = clustering.labels_
    clustering.set_params(max_epochs=1, learning_rate=1e-6).fit(X)
    assert np.mean(clustering.labels_ == labels) > 0.9
    assert clustering.head_losses_.shape == (1,)
    assert clustering.best_head_ == 0


# -- overclustering ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_clusters", "n_samples", "number"),
    [(3, 1000, 15), (3, 60, 6), (3, 30, 0), (1, 60, 5), (1, 10, 0), (1, 1, 0)],
)
def test_overclusters__are_five_for_each_cluster_if_there_are_rows(
    n_clusters, n_samples, number
):
    assert IICClustering(n_clusters)._n_overclusters(n_samples) == number


@pytest.mark.parametrize(
    ("settings", "n_samples", "size"),
    [
        ({}, 100_000, 256),
        ({"n_clusters": 20}, 100_000, 500),  # five for each of 100
        ({"n_clusters": 20, "n_overclusters": 0}, 100_000, 256),
        ({"n_clusters": 30, "n_overclusters": 0}, 100_000, 300),
        ({"n_overclusters": 1000}, 2000, 2000),
        ({"n_clusters": 1}, 1, 1),
    ],
)
def test_batch__has_rows_of_every_overcluster(settings, n_samples, size):
    assert IICClustering(**settings)._auto_batch_size(n_samples) == size


@pytest.mark.parametrize(("given", "number"), [("auto", 6), (4, 4), (0, None)])
def test_overclusters__train_the_encoder_and_are_dropped(
    blobs, objectives, given, number
):
    clustering = small(n_overclusters=given).fit(blobs[0])
    (objective,) = objectives
    if number is None:
        assert objective.overclusters is None
    else:
        assert objective.overclusters.n_clusters == number
        assert objective.overclusters.n_heads == 2
    assert [name for name, _ in clustering.model_.named_children()] == [
        "encoder",
        "heads",
    ]
    assert clustering.model_.heads.n_clusters == clustering.n_clusters_


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n_heads", 0),
        ("n_overclusters", -1),
        ("n_overclusters", None),
        ("n_overclusters", "many"),
        ("entropy_weight", -0.1),
    ],
)
def test_bad_parameters(blobs, name, value):
    with pytest.raises(ValueError, match=name):
        small(**{name: value}).fit(blobs[0])


def test_one_row__is_one_cluster(blobs):
    assert small(1).fit(blobs[0][:1]).labels_.tolist() == [0]


# -- digits ------------------------------------------------------------------------


def test_digits__far_better_than_chance():
    # From scratch in few epochs.
    digits = load_digits()
    clustering = IICClustering(
        10, augmentation="weak", max_epochs=15, batch_size=75, random_state=0
    )
    labels = clustering.fit_predict(digits.images[:600])
    assert adjusted_rand_score(digits.target[:600], labels) > 0.3
