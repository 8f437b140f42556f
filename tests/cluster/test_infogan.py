"""InfoGANClustering: made rows tell the code that they were made from."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._infogan as infogan_module
from skdeepcluster import InfoGANClustering
from tests.cluster._small import small as make_small
from tests.references import adversarial

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def small(n_clusters=3, **changes):
    settings = {"hidden_layer_sizes": (16, 8), "n_noise": 5}
    return make_small(InfoGANClustering, n_clusters, **{**settings, **changes})


# -- loss --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_continuous", "weight"), [(2, 1.0), (0, 0.5), (3, 0.0)], ids=range(3)
)
def test_losses__against_the_references(blobs, monkeypatch, n_continuous, weight):
    expected, drawn = {}, []

    class Watched(infogan_module._Information):
        def make(self, like):
            drawn.append(super().make(like))
            return drawn[-1]

        @torch.no_grad()
        def judged(self, x):
            """Logits of real, and outputs of the recogniser."""
            h = self.model.encoder(x).clamp_min(0)
            return (
                self.model.discriminator(h).double().numpy(),
                self.model.recogniser(h).double().numpy(),
            )

        def of_codes(self, recognised, noise, clusters):
            n_codes = self.model.n_codes
            return weight * (
                adversarial.cross_entropy(recognised[:, :n_codes], clusters.tolist())
                + adversarial.gaussian_error(
                    recognised[:, n_codes:], noise[:, 5:].double().numpy()
                )
            )

        def discriminator_losses(self, batch):
            real, _ = self.judged(batch.x)
            terms = super().discriminator_losses(batch)
            x, noise, clusters = drawn[-1]
            logits, recognised = self.judged(x)
            of_both = adversarial.taken_for_real(real) + adversarial.taken_for_made(
                logits
            )
            expected["discriminator"] = of_both
            information = self.of_codes(recognised, noise, clusters)
            expected["discriminator_information"] = information
            return terms

        def losses(self, batch):
            terms = super().losses(batch)
            x, noise, clusters = drawn[-1]
            logits, recognised = self.judged(x.detach())
            expected["generator"] = adversarial.taken_for_real(logits)
            expected["information"] = self.of_codes(recognised, noise, clusters)
            return terms

    monkeypatch.setattr(infogan_module, "_Information", Watched)
    clustering = small(
        n_continuous=n_continuous,
        information_weight=weight,
        batch_size=60,
        max_epochs=1,
    )
    (record,) = clustering.fit(blobs[0]).history_
    assert len(drawn) == 2
    assert not torch.equal(drawn[0][1], drawn[1][1])  # new noise
    for _, noise, clusters in drawn:
        assert noise.shape == (60, 5 + n_continuous)
        assert float(noise.abs().max()) <= 1
        assert set(clusters.tolist()) == {0, 1, 2}
    assert len(expected) == 4
    for name, value in expected.items():
        assert record[name] == pytest.approx(value, rel=1e-4, abs=1e-6)
    assert record["loss"] == pytest.approx(sum(record[name] for name in expected))


def test_players__have_weights_and_rates_of_their_own(blobs):
    clustering = small(max_epochs=1).fit(blobs[0])
    objective = infogan_module._Information(clustering.model_, 1.0)
    opponent, generator = objective.players
    everything = {id(weights) for weights in objective.parameters()}
    assert len(opponent) + len(generator) == len(everything)
    assert {id(weights) for weights in opponent + generator} == everything
    of_opponent, of_generator = objective.parameter_groups()
    assert of_opponent["factor"] == 0.2
    assert "factor" not in of_generator
    assert of_opponent["betas"] == of_generator["betas"] == (0.5, 0.999)


def test_training__made_rows_tell_their_code(blobs):
    clustering = small(max_epochs=100).fit(blobs[0])
    first, last = (clustering.history_[at]["information"] for at in (0, -1))
    assert last < first / 2
    made, labels = clustering.sample(300)
    assert np.mean(clustering.predict(made) == labels) > 0.6


# -- making rows -------------------------------------------------------------------


def test_sample__of_one_cluster_or_of_all(blobs):
    clustering = small().fit(blobs[0])
    X, labels = clustering.sample(50)
    assert X.shape == (50, 6)
    assert X.dtype == np.float64
    assert labels.dtype == np.int64
    assert set(labels) == set(range(clustering.n_clusters_))
    again, _ = clustering.sample(50)
    np.testing.assert_array_equal(again, X)
    one, labels = clustering.sample(4, cluster=0)
    assert labels.tolist() == [0, 0, 0, 0]
    assert one.shape == (4, 6)
    assert clustering.sample()[0].shape == (1, 6)


def test_sample__is_of_the_code_of_the_cluster(blobs):
    clustering = small().fit(blobs[0])
    X, _ = clustering.sample(5, cluster=1)
    rng = np.random.RandomState(0)
    rng.randint(clustering.n_clusters_, size=5)
    noise = torch.from_numpy(rng.uniform(-1, 1, size=(5, 7))).float()
    code = torch.zeros(5, 3)
    code[:, clustering.model_.codes[1]] = 1
    with torch.no_grad():
        expected = clustering.model_.decoder(torch.cat([noise, code], dim=1)).numpy()
    expected = expected * clustering.scale_ + clustering.center_
    np.testing.assert_allclose(X, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples must be"),
        ({"n_samples": 2.0}, "n_samples must be"),
        ({"cluster": 9}, "cluster must be None or an int in the range"),
        ({"cluster": -1}, "cluster must be"),
    ],
)
def test_sample__refuses(blobs, arguments, message):
    with pytest.raises(ValueError, match=message):
        small(max_epochs=1).fit(blobs[0]).sample(**arguments)


# -- clusters without rows ---------------------------------------------------------


def test_cluster_that_ends_without_rows__is_dropped_everywhere(blobs, monkeypatch):
    X, _ = blobs

    class Model(infogan_module.InfoGANModel):
        """One of its clusters never gets a row."""

        def __init__(self, *arguments):
            super().__init__(*arguments)
            with torch.no_grad():
                self.recogniser[-1].bias[1] = -1e3

    monkeypatch.setattr(infogan_module, "InfoGANModel", Model)
    clustering = small(4, max_epochs=0)
    with pytest.warns(ConvergenceWarning, match="instead of n_clusters=4"):
        clustering.fit(X)
    n_left = clustering.n_clusters_
    assert 1 <= n_left < 4
    assert clustering.model_.n_clusters == n_left
    assert 1 not in clustering.model_.codes.tolist()
    assert clustering.predict_proba(X).shape == (60, n_left)
    np.testing.assert_array_equal(clustering.predict(X), clustering.labels_)
    _, labels = clustering.sample(40)
    assert set(labels) == set(range(n_left))
    # Training goes on with those that are left.
    clustering.set_params(warm_start=True, n_clusters=n_left, max_epochs=1).fit(X)
    assert clustering.model_.n_codes == 4


# -- images and digits -------------------------------------------------------------


def test_images__by_convolutions():
    images = load_digits().images[:60]
    clustering = small(max_epochs=1).fit(images)
    assert clustering.transform(images).shape == (60, 8)
    X, _ = clustering.sample(3)
    assert X.shape == (3, 64)
    assert small(max_epochs=1, network="mlp").fit(images).image_shape_ == (8, 8)


def test_digits__far_better_than_chance():
    # Chance is 0; over seeds 0 to 4 it is better than 0.25.
    X, y = load_digits(n_class=4, return_X_y=True)
    clustering = InfoGANClustering(
        4, hidden_layer_sizes=(64, 64), max_epochs=30, batch_size=64, random_state=0
    )
    assert adjusted_rand_score(y, clustering.fit_predict(X)) > 0.4
