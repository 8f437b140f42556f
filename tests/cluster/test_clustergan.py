"""ClusterGANClustering: an encoder finds what made rows were made from."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

import skdeepcluster.cluster._clustergan as clustergan_module
from skdeepcluster import ClusterGANClustering
from tests.cluster._small import small as make_small
from tests.references import adversarial

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def small(n_clusters=3, **changes):
    settings = {"hidden_layer_sizes": (16, 8), "n_noise": 2, "n_critic_steps": 2}
    return make_small(ClusterGANClustering, n_clusters, **{**settings, **changes})


# -- loss --------------------------------------------------------------------------

SETTINGS = [
    {},
    {"noise_weight": 2.0, "code_weight": 0.5, "penalty_weight": 3.0},
    {"noise_weight": 0.0, "noise_scale": 1.0, "penalty_weight": 0.0},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=range(3))
def test_losses__against_the_references(blobs, monkeypatch, settings):
    expected, drawn, seen, shares = {}, [], [], []

    def penalty(critic, x, x_made, share):
        shares.append(share)
        weights = [weight.detach().double().numpy() for weight in critic.parameters()]

        def by_hand(row):
            for number, (weight, bias) in enumerate(
                zip(weights[::2], weights[1::2], strict=True)
            ):
                row = (row if number == 0 else np.maximum(row, 0)) @ weight.T + bias
            return row[0]

        rows = [each.double().numpy() for each in (x, x_made, share)]
        value = adversarial.gradient_penalty(by_hand, *rows)
        expected["penalty"] = used["penalty_weight"] * value
        return clustergan_penalty(critic, x, x_made, share)

    clustergan_penalty = clustergan_module.gradient_penalty
    monkeypatch.setattr(clustergan_module, "gradient_penalty", penalty)

    class Watched(clustergan_module._Inversion):
        def make(self, like):
            drawn.append(super().make(like))
            return drawn[-1]

        @torch.no_grad()
        def mean_rating(self, x):
            return self.model.critic(x).double().numpy().mean()

        def critic_losses(self, x):
            seen.append(x)
            terms = super().critic_losses(x)
            made = drawn[-1][0]
            expected["critic"] = self.mean_rating(x) - self.mean_rating(made)
            return terms

        def losses(self, batch):
            terms = super().losses(batch)
            made, noise, clusters = drawn[-1]
            with torch.no_grad():
                outputs = self.model.encoder(made).double().numpy()
            error = np.mean((outputs[:, :2] - noise.double().numpy()) ** 2)
            entropy = adversarial.cross_entropy(outputs[:, 2:], clusters.tolist())
            expected["generator"] = self.mean_rating(made)
            expected["noise"] = used["noise_weight"] * error
            expected["codes"] = used["code_weight"] * entropy
            return terms

    monkeypatch.setattr(clustergan_module, "_Inversion", Watched)
    clustering = small(batch_size=60, max_epochs=1, **settings)
    used = clustering.get_params()
    (record,) = clustering.fit(blobs[0]).history_
    # Each update of the critic has its own half of the rows, and its own draws.
    assert len(torch.unique(torch.cat(seen), dim=0)) == 60
    assert [len(x) for x in seen] == [30, 30]
    assert len(drawn) == 3
    assert not torch.equal(*shares)
    assert shares[0].shape == (30, 1)
    for _, noise, clusters in drawn:
        assert noise.shape == (30, 2)
        assert 0.5 < float(noise.std()) / used["noise_scale"] < 1.5
        assert set(clusters.tolist()) == {0, 1, 2}
    assert len(expected) == 5
    for name, value in expected.items():
        assert record[name] == pytest.approx(value, rel=1e-3, abs=1e-6)
    assert record["loss"] == pytest.approx(sum(record[name] for name in expected))


def test_players__have_all_weights_but_the_centroids(blobs):
    clustering = small(max_epochs=1).fit(blobs[0])
    objective = clustergan_module._Inversion(clustering.model_, 0.1, 5, (1, 1, 1))
    critic, generator = objective.players
    names = {id(p): name for name, p in clustering.model_.named_parameters()}
    assert {names[id(p)].split(".")[0] for p in critic} == {"critic"}
    assert {names[id(p)].split(".")[0] for p in generator} == {"decoder", "encoder"}
    assert len(critic) + len(generator) == len(names) - 1
    assert [group["betas"] for group in objective.parameter_groups()] == [
        (0.5, 0.9)
    ] * 2


@pytest.mark.parametrize(("n_rows", "n_steps", "size"), [(10, 5, 10), (1, 3, 1)])
def test_few_rows__are_seen_again_by_each_update(n_rows, n_steps, size, monkeypatch):
    lengths = []

    class Watched(clustergan_module._Inversion):
        def critic_losses(self, x):
            lengths.append(len(x))
            return super().critic_losses(x)

    monkeypatch.setattr(clustergan_module, "_Inversion", Watched)
    X = np.random.default_rng(0).normal(size=(n_rows, 3))
    small(1, n_critic_steps=n_steps, max_epochs=1).fit(X)
    assert lengths == [size] * n_steps


# -- clusters ----------------------------------------------------------------------


def test_embedding__is_noise_and_probabilities_of_codes(blobs):
    X, y = blobs
    clustering = small(max_epochs=40, learning_rate=3e-3).fit(X)
    Z = clustering.transform(X)
    assert Z.shape == (60, 5)
    np.testing.assert_allclose(Z[:, 2:].sum(axis=1), 1, rtol=1e-5)
    distances = np.linalg.norm(Z[:, None] - clustering.cluster_centers_, axis=2)
    np.testing.assert_array_equal(distances.argmin(axis=1), clustering.labels_)
    assert adjusted_rand_score(y, clustering.labels_) > 0.5
    for cluster in range(clustering.n_clusters_):
        mean = Z[clustering.labels_ == cluster].mean(axis=0)
        np.testing.assert_allclose(
            clustering.cluster_centers_[cluster], mean, atol=1e-4
        )


def test_codes__go_with_the_clusters(blobs):
    X, _ = blobs
    clustering = small(max_epochs=40, learning_rate=3e-3).fit(X)
    codes = clustering.model_.codes.numpy()
    assert sorted(codes) == [0, 1, 2]
    own = clustering.transform(X)[:, 2:].argmax(axis=1)
    agreed = np.mean(codes[clustering.labels_] == own)
    others = [np.roll(codes, 1), np.roll(codes, 2), codes[::-1]]
    assert all(agreed >= np.mean(c[clustering.labels_] == own) for c in others)


@pytest.mark.parametrize(
    ("n_features", "expected"), [(1, 1), (2, 1), (16, 5), (200, 30)]
)
def test_noise__is_for_a_third_of_the_features_at_most(n_features, expected):
    X = np.random.default_rng(0).normal(size=(20, n_features))
    clustering = small(2, n_noise="auto", max_epochs=0).fit(X)
    assert clustering.n_components_ == expected + 2


# -- making rows -------------------------------------------------------------------


def test_sample__is_of_the_code_of_the_cluster(blobs):
    clustering = small().fit(blobs[0])
    X, labels = clustering.sample(5, cluster=1)
    assert labels.tolist() == [1] * 5
    rng = np.random.RandomState(0)
    rng.randint(clustering.n_clusters_, size=5)
    noise = torch.from_numpy(0.1 * rng.normal(size=(5, 2))).float()
    code = torch.zeros(5, 3)
    code[:, clustering.model_.codes[1]] = 1
    with torch.no_grad():
        expected = clustering.model_.decoder(torch.cat([noise, code], dim=1)).numpy()
    expected = expected * clustering.scale_ + clustering.center_
    np.testing.assert_allclose(X, expected, rtol=1e-5, atol=1e-5)
    assert set(clustering.sample(60)[1]) == {0, 1, 2}


def test_cluster_without_rows__leaves_with_its_code():
    X = np.repeat([[0.0, 0.0], [5.0, 1.0]], 10, axis=0)
    clustering = small(4)
    with pytest.warns(ConvergenceWarning, match="2 clusters instead of n_clusters=4"):
        clustering.fit(X)
    model = clustering.model_
    assert len(model.codes) == len(model.centers) == 2
    assert model.n_codes == 4
    own = clustering.transform(X)[:, 2:].argmax(axis=1)
    if len(set(own)) == 2:  # each has a code that is its own
        np.testing.assert_array_equal(model.codes.numpy()[clustering.labels_], own)
    assert set(clustering.sample(30)[1]) == {0, 1}
    # Training goes on with those that are left.
    clustering.set_params(warm_start=True, n_clusters=2).fit(X)
    assert clustering.n_clusters_ == 2


# -- images and digits -------------------------------------------------------------


def test_images__by_convolutions():
    images = load_digits().images[:60]
    clustering = small(max_epochs=1).fit(images)
    assert clustering.transform(images).shape == (60, 5)
    assert clustering.sample(3)[0].shape == (3, 64)


def test_digits__far_better_than_chance():
    # Chance is 0.
    X, y = load_digits(n_class=4, return_X_y=True)
    clustering = ClusterGANClustering(
        4, hidden_layer_sizes=(64, 64), max_epochs=20, batch_size=120, random_state=0
    )
    assert adjusted_rand_score(y, clustering.fit_predict(X)) > 0.4
