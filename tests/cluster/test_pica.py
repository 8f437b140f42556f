"""PICAClustering: clusters share no rows with each other, in any view."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._pica as pica_module
from skdeepcluster import PICAClustering
from tests.cluster._small import small as make_small
from tests.references.contrastive import partition_uncertainty
from tests.references.mutual_information import mean_entropy


def small(n_clusters=3, **changes):
    settings = {"hidden_layer_sizes": (16, 8), "n_heads": 2}
    return make_small(PICAClustering, n_clusters, **{**settings, **changes})


# -- loss --------------------------------------------------------------------------


def views_by_hand(x):
    return 0.9 * x + 0.1, 1.2 * x + 0.1


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("n_overclusters", [0, 7])
@pytest.mark.parametrize("entropy_weight", [0.0, 2.0])
def test_loss__against_the_references(
    blobs, monkeypatch, n_overclusters, entropy_weight
):
    expected = {}

    def of_head(p_a, p_b):
        imbalance = np.log(p_a.shape[1]) - mean_entropy(p_a)
        return partition_uncertainty(p_a, p_b) + entropy_weight * imbalance

    def of_heads(logits):
        p = logits.softmax(dim=2).double().numpy()  # (heads, both views, clusters)
        return [of_head(*one.reshape(2, 60, -1)) for one in p]

    class Watched(pica_module._Confidence):
        @torch.no_grad()
        def watch(self, x):
            h = self.model.encoder(torch.cat(views_by_hand(x)))
            expected["clusters"] = of_heads(self.model.heads(h))
            if n_overclusters:
                expected["overclusters"] = of_heads(self.overclusters(h))

        def losses(self, batch):
            self.watch(batch.x)
            return super().losses(batch)

    monkeypatch.setattr(pica_module, "_Confidence", Watched)
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


def test_training__lets_the_loss_fall_towards_its_least(blobs):
    X, y = blobs
    clustering = small(
        max_epochs=80, learning_rate=1e-2, batch_size=30, augmentation="neighbors"
    ).fit(X)
    first, last = clustering.history_[0], clustering.history_[-1]
    least = np.log(1 + 2 / np.e)
    assert least <= last["clusters"] < least + 0.1 < first["clusters"]
    assert last["overclusters"] < first["overclusters"]
    assert adjusted_rand_score(y, clustering.labels_) > 0.9


# -- heads -------------------------------------------------------------------------


def test_head_that_is_kept__has_most_clusters_and_then_the_least_loss(
    blobs, monkeypatch
):
    class Decided(pica_module._Confidence):
        """Head 1 has the least loss, and a cluster without rows."""

        def after_step(self, batch):
            heads = self.model.heads
            with torch.no_grad():
                heads.weight.zero_()[:, :3, :3] = 10 * torch.eye(3)
                heads.bias.zero_()[1, 0, 0] = -1e6
                self.head_losses.copy_(torch.tensor([1.5, 1.0, 1.2]))

    monkeypatch.setattr(pica_module, "_Confidence", Decided)
    clustering = small(n_heads=3, max_epochs=1).fit(blobs[0])
    assert clustering.best_head_ == 2
    np.testing.assert_allclose(clustering.head_losses_, [1.5, 1.0, 1.2])
    assert clustering.model_.heads.n_heads == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [("n_heads", 0), ("n_overclusters", -1), ("entropy_weight", -0.1)],
)
def test_bad_parameters(blobs, name, value):
    with pytest.raises(ValueError, match=name):
        small(**{name: value}).fit(blobs[0])


# -- digits ------------------------------------------------------------------------


def test_digits__far_better_than_chance():
    # From scratch in few epochs.
    digits = load_digits()
    clustering = PICAClustering(
        10, augmentation="weak", max_epochs=15, batch_size=75, random_state=0
    )
    labels = clustering.fit_predict(digits.images[:600])
    assert adjusted_rand_score(digits.target[:600], labels) > 0.3
