"""DACClustering: pairs of rows that are sure come first, the others later."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._dac as dac_module
from skdeepcluster import DACClustering
from tests.cluster._small import small as make_small
from tests.references.pairs import confident_pairs

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def small(n_clusters=3, **changes):
    settings = {"hidden_layer_sizes": (16, 8)}
    return make_small(DACClustering, n_clusters, **{**settings, **changes})


@pytest.fixture
def objectives(monkeypatch):
    """Every objective that a fit makes, with the thresholds of its steps."""
    made = []

    class Kept(dac_module._ConfidentPairs):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.seen = []
            made.append(self)

        def losses(self, batch):
            self.seen.append([float(value) for value in self.thresholds()])
            return super().losses(batch)

    monkeypatch.setattr(dac_module, "_ConfidentPairs", Kept)
    return made


# -- loss --------------------------------------------------------------------------


@pytest.mark.parametrize("thresholds", [(0.95, 0.455), (0.8, 0.7)])
def test_loss__against_the_reference(blobs, monkeypatch, thresholds):
    expected = []

    def view(x):
        return 1.2 * x + 0.1

    class Watched(dac_module._ConfidentPairs):
        @torch.no_grad()
        def watch(self, x):
            assign = self.model.assign
            p, p_clean = (assign(rows).double().numpy() for rows in (view(x), x))
            expected.extend(confident_pairs(p, p_clean, *thresholds))

        def losses(self, batch):
            self.watch(batch.x)
            return super().losses(batch)

    monkeypatch.setattr(dac_module, "_ConfidentPairs", Watched)
    # One step of all rows.
    clustering = small(
        augmentation=view,
        batch_size=60,
        max_epochs=1,
        upper_threshold=thresholds[0],
        lower_threshold=thresholds[1],
    )
    (record,) = clustering.fit(blobs[0]).history_
    loss, used = expected
    assert 0 < used < 1
    assert record["stage"] == "clustering"
    assert record["pairs"] == record["loss"] == pytest.approx(loss, rel=1e-4)
    assert record["used"] == pytest.approx(used)


def test_training__finds_blobs_and_uses_all_pairs_at_the_end(blobs):
    X, y = blobs
    # With seed 0 all rows end in one cluster, with 6 of the seeds from 1 to 7 in three.
    clustering = small(
        max_epochs=80,
        learning_rate=1e-2,
        batch_size=30,
        augmentation="neighbors",
        random_state=1,
    ).fit(X)
    used = [record["used"] for record in clustering.history_]
    assert used[0] < 1
    assert used[-1] == 1
    assert adjusted_rand_score(y, clustering.labels_) > 0.9


# -- thresholds --------------------------------------------------------------------


def test_thresholds__close_and_meet_in_the_last_step(blobs, objectives):
    small(max_epochs=4).fit(blobs[0])
    ((upper, lower),) = [np.transpose(one.seen) for one in objectives]
    assert len(upper) == 12
    np.testing.assert_allclose(upper, np.linspace(0.95, 0.5, 12), rtol=1e-6)
    np.testing.assert_allclose(lower, np.linspace(0.455, 0.5, 12), rtol=1e-6)


def test_thresholds__of_the_user(blobs, objectives):
    small(max_epochs=1, upper_threshold=0.8, lower_threshold=0.25).fit(blobs[0])
    np.testing.assert_allclose(
        objectives[0].seen, [[0.8, 0.25], [0.55, 0.275], [0.3, 0.3]], rtol=1e-6
    )


def test_thresholds__that_cross_raise(blobs):
    with pytest.raises(ValueError, match=r"lower_threshold=0\.9.*upper_threshold=0\.8"):
        small(upper_threshold=0.8, lower_threshold=0.9).fit(blobs[0])


@pytest.mark.parametrize("name", ["upper_threshold", "lower_threshold"])
@pytest.mark.parametrize("value", [0, 1, 1.2, None])
def test_bad_parameters(blobs, name, value):
    with pytest.raises(ValueError, match=name):
        small(**{name: value}).fit(blobs[0])


# -- start -------------------------------------------------------------------------


def test_head__starts_as_twice_the_identity(blobs, monkeypatch):
    weights = []

    class Kept(dac_module._ConfidentPairs):
        def __init__(self, model, *arguments):
            super().__init__(model, *arguments)
            assert model.heads.n_hidden == 4
            weights.append(model.heads.weight.detach().clone())

    monkeypatch.setattr(dac_module, "_ConfidentPairs", Kept)
    small(4, max_epochs=0).fit(blobs[0])
    assert torch.equal(weights[0], 2 * torch.eye(4)[None])


def test_start__has_pairs_on_both_sides():
    # Of three clusters; nothing but these pairs keeps them apart.
    generator = np.random.default_rng(0)
    p = np.exp(2 * np.maximum(generator.normal(size=(300, 3)), 0))
    unit = p / np.linalg.norm(p, axis=1, keepdims=True)
    cosines = unit @ unit.T
    assert 0.15 < np.mean(cosines < 0.455) < 0.25
    assert 0.15 < np.mean(cosines >= 0.95) < 0.25


# -- digits ------------------------------------------------------------------------


def test_digits__far_better_than_chance():
    # From scratch in few epochs.
    digits = load_digits()
    clustering = DACClustering(
        10, augmentation="weak", max_epochs=20, batch_size=75, random_state=0
    )
    labels = clustering.fit_predict(digits.images[:600])
    assert adjusted_rand_score(digits.target[:600], labels) > 0.3
