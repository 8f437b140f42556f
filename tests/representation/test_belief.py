"""DeepBeliefNetwork: restricted Boltzmann machines, one on top of the other."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.neural_network import BernoulliRBM

from skdeepcluster import DeepBeliefNetwork
from skdeepcluster.engine import Trainer
from skdeepcluster.representation import _belief
from tests._discovery import FROM_AUTOENCODER, assert_same_outputs, outputs, tiny

each_clusterer = pytest.mark.parametrize("cls", FROM_AUTOENCODER)


def small(**changes):
    settings = {
        "n_components": 3,
        "hidden_layer_sizes": (16,),
        "max_epochs": 3,
        "batch_size": 20,
        "random_state": 0,
    }
    return DeepBeliefNetwork(**{**settings, **changes})


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


@pytest.fixture
def shares():
    """300 rows of probabilities of ones: two patterns with noise."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 2, size=(2, 12))
    rows = np.repeat(patterns, 150, axis=0)
    return np.where(rng.random(rows.shape) < 0.1, 1 - rows, rows).astype(np.float64)


@pytest.fixture
def objectives(monkeypatch):
    """Every machine that is trained."""
    made = []

    class Kept(_belief.ContrastiveDivergence):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(_belief, "ContrastiveDivergence", Kept)
    return made


# -- one layer ---------------------------------------------------------------------


@pytest.mark.parametrize("n_gibbs_steps", [1, 3])
def test_step__is_that_of_contrastive_divergence(n_gibbs_steps, shares, monkeypatch):
    """One step with all rows, against NumPy with the same draws of hidden units."""
    steps, draws = [], []

    class Watched(_belief.ContrastiveDivergence):
        def drawn(self, inputs):
            draws.append((inputs.double().numpy(), super().drawn(inputs)))
            return draws[-1][1]

        def losses(self, batch):
            up, down = self.model
            before = [p.detach().double().numpy() for p in (up.weight, down.bias)]
            v = self.below(batch.x).detach().double().numpy()
            terms = super().losses(batch)
            gradients = torch.autograd.grad(
                terms["free_energy"], (up.weight, down.bias), retain_graph=True
            )
            steps.append((v, before, gradients, up.bias.detach().double().numpy()))
            return terms

    monkeypatch.setattr(_belief, "ContrastiveDivergence", Watched)
    small(max_epochs=1, batch_size=300, n_gibbs_steps=n_gibbs_steps).fit(shares)
    v, (weight, visible_bias), gradients, hidden_bias = steps[0]
    np.testing.assert_allclose(np.sort(v, axis=0), np.sort(shares, axis=0), atol=1e-6)
    sampled = v
    for inputs, h in draws[:n_gibbs_steps]:
        np.testing.assert_allclose(inputs, sampled @ weight.T + hidden_bias, atol=1e-5)
        assert set(h.unique().tolist()) == {0.0, 1.0}
        sampled = sigmoid(h.numpy() @ weight + visible_bias)
    h, h_sampled = (sigmoid(rows @ weight.T + hidden_bias) for rows in (v, sampled))
    update = (h.T @ v - h_sampled.T @ sampled) / len(v)
    np.testing.assert_allclose(-gradients[0], update, atol=1e-5)
    np.testing.assert_allclose(-gradients[1], (v - sampled).mean(axis=0), atol=1e-5)


def machine(objectives):
    """The first layer as one of scikit-learn."""
    up, down = objectives[0].model
    rbm = BernoulliRBM(n_components=up.out_features, random_state=0)
    rbm.components_ = up.weight.detach().double().numpy()
    rbm.intercept_visible_ = down.bias.detach().double().numpy()
    rbm.intercept_hidden_ = up.bias.detach().double().numpy()
    rbm.n_features_in_ = up.in_features
    return rbm


def test_first_layer__is_as_good_as_that_of_scikit_learn(shares, objectives):
    small(max_epochs=40, learning_rate=0.01, fine_tune=False).fit(shares)
    ours = machine(objectives)
    other = BernoulliRBM(16, learning_rate=0.1, batch_size=20, n_iter=40)
    other.set_params(random_state=0).fit(shares)
    likelihoods = [rbm.score_samples(shares).mean() for rbm in (ours, other)]
    assert likelihoods[0] > likelihoods[1] - 0.5
    assert likelihoods[0] > -12 * np.log(2) + 2  # of fair coins


def test_hidden_units__are_drawn_as_often_as_is_probable():
    up, down = torch.nn.Linear(2, 3), torch.nn.Linear(3, 2)
    objective = _belief.ContrastiveDivergence(
        up, down, None, 1, visible="bernoulli", hidden="bernoulli"
    )
    objective.generator = torch.Generator().manual_seed(0)
    inputs = torch.tensor([-1.0, 0.0, 2.0]).expand(20_000, 3)
    drawn = objective.drawn(inputs).mean(dim=0)
    torch.testing.assert_close(drawn, inputs[0].sigmoid(), atol=0.02, rtol=0)
    objective.gaussian["gaussian_hidden"] = True
    drawn = objective.drawn(inputs)
    torch.testing.assert_close(drawn.mean(dim=0), inputs[0], atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.std(dim=0), torch.ones(3), atol=0.05, rtol=0)


# -- the stack ---------------------------------------------------------------------


def test_stages__are_layers_and_then_all_of_them(blobs):
    network = small(hidden_layer_sizes=(16, 8)).fit(blobs[0])
    stages = [record["stage"] for record in network.history_]
    names = ["layer-1", "layer-2", "layer-3", "pretraining"]
    assert stages == [name for name in names for _ in range(3)]
    assert network.n_iter_ == 3
    alone = small(hidden_layer_sizes=(16, 8), fine_tune=False).fit(blobs[0])
    assert [record["stage"] for record in alone.history_] == stages[:9]
    assert alone.n_iter_ == 0


def test_layers__see_what_is_below_and_have_units_of_their_kind(blobs, objectives):
    X, _ = blobs
    network = small(hidden_layer_sizes=(16, 8), fine_tune=False).fit(X)
    kinds = [tuple(one.gaussian.values()) for one in objectives]
    assert kinds == [(True, False), (False, False), (False, True)]
    x = torch.from_numpy((X - network.center_) / network.scale_).float()
    layers = network.model_.encoder.layers
    h = torch.sigmoid(layers[1](torch.sigmoid(layers[0](x))))
    torch.testing.assert_close(objectives[2].below(x), h)
    with torch.no_grad():
        Z = layers[2](h)
    np.testing.assert_allclose(network.transform(X), Z, rtol=1e-5, atol=1e-6)


def test_without_fine_tuning__the_decoder_is_the_transpose(blobs):
    model = small(hidden_layer_sizes=(16, 8), fine_tune=False).fit(blobs[0]).model_
    downs = list(model.decoder.layers)[::-1]
    for up, down in zip(model.encoder.layers, downs, strict=True):
        assert torch.equal(down.weight, up.weight.T)
    assert all(p.requires_grad for p in model.parameters())


def test_fine_tuning__rebuilds_the_rows_better(shares):
    scores = [
        small(max_epochs=20, learning_rate=0.01, fine_tune=tune).fit(shares)
        for tune in (False, True)
    ]
    before, after = (network.score(shares) for network in scores)
    assert after > before
    assert after > -0.5 * shares.var(axis=0).mean()


def test_warm_start__without_fine_tuning_trains_the_layers_on(blobs):
    network = small(fine_tune=False, warm_start=True).fit(blobs[0])
    Z = network.transform(blobs[0])
    network.fit(blobs[0])
    assert [r["stage"] for r in network.history_] == ["layer-1"] * 3 + ["layer-2"] * 3
    assert not np.array_equal(network.transform(blobs[0]), Z)


# -- visible units -----------------------------------------------------------------


def test_warm_start__keeps_the_units_and_what_they_need(shares):
    network = small(warm_start=True).fit(shares)
    Z = network.transform(shares)
    with pytest.raises(ValueError, match=r"visible='bernoulli' needs values in \[0, 1"):
        network.fit(100 * shares)
    with pytest.raises(ValueError, match="goes on with the bernoulli units"):
        network.set_params(visible="gaussian").fit(shares)
    np.testing.assert_array_equal(network.transform(shares), Z)


def test_visible__auto_looks_at_the_values(shares, blobs):
    assert small().fit(shares).visible_ == "bernoulli"
    assert small(visible="gaussian").fit(shares).visible_ == "gaussian"
    assert small().fit(shares + 0.01).visible_ == "gaussian"
    assert small().fit(-shares).visible_ == "gaussian"
    assert small().fit(blobs[0]).visible_ == "gaussian"


def test_shares__come_back_as_shares(shares):
    network = small().fit(shares)
    rebuilt = network.inverse_transform(10 * network.transform(shares))
    assert rebuilt.min() > -1e-6
    assert rebuilt.max() < 1 + 1e-6


def test_visible_bias__begins_with_the_frequencies(shares):
    network = small(max_epochs=0).fit(shares)
    rebuilt = network.inverse_transform(network.transform(shares))
    np.testing.assert_allclose(rebuilt.mean(axis=0), shares.mean(axis=0), atol=0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"visible": "bernoulli"}, r"values in \[0, 1\].*MinMaxScaler"),
        ({"hidden_layer_sizes": ()}, r"at least one layer.* Got \(\)"),
    ],
)
def test_settings_that_do_not_fit__raise_before_training(
    changes, message, blobs, monkeypatch
):
    monkeypatch.setattr(Trainer, "train", lambda *_, **__: pytest.fail("trained"))
    with pytest.raises(ValueError, match=message):
        small(**changes).fit(blobs[0])


# -- as the start of a clusterer ---------------------------------------------------


@each_clusterer
def test_start_of_a_clusterer(cls, blobs):
    X, y = blobs
    network = small(max_epochs=100, learning_rate=0.01)
    clusterer = tiny(cls, n_clusters=3, n_init=10, autoencoder=network).fit(X)
    assert adjusted_rand_score(y, clusterer.labels_) == 1.0
    assert isinstance(clusterer.autoencoder_, DeepBeliefNetwork)
    np.testing.assert_array_equal(clusterer.predict(X), clusterer.labels_)
    stages = {record["stage"] for record in clusterer.history_}
    assert stages == {"layer-1", "layer-2", "pretraining", "clustering"}
    frozen = FrozenEstimator(clusterer.autoencoder_)
    of_frozen = clone(clusterer).set_params(autoencoder=frozen).fit(X)
    assert_same_outputs(outputs(of_frozen, X), outputs(clusterer, X))


# -- data --------------------------------------------------------------------------


def test_digits__far_better_than_chance():
    X, y = load_digits(return_X_y=True)
    network = small(
        n_components=10,
        hidden_layer_sizes=(64,),
        max_epochs=15,
        batch_size=64,
        learning_rate=0.01,
    )
    Z = network.fit_transform(X[:1000])
    labels = KMeans(10, n_init=3, random_state=0).fit_predict(Z)
    assert adjusted_rand_score(y[:1000], labels) > 0.35
