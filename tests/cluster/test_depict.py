"""DEPICTClustering: a head that foretells its targets through noise."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from torch import nn

from skdeepcluster import Autoencoder, DEPICTClustering
from skdeepcluster.cluster import _depict
from skdeepcluster.cluster._depict import NoisySelfTraining
from skdeepcluster.engine import Batch, Group
from skdeepcluster.networks import MLP, AutoencoderHeadModel, ClusterHeads
from tests.cluster._small import clustering_history, rings, unchanged
from tests.cluster._small import small as make_small
from tests.references import noisy_layers, reconstruction, running_means
from tests.references import self_training as targets


def small(n_clusters=3, **changes):
    return make_small(DEPICTClustering, n_clusters, **{"update_interval": 3, **changes})


def weights_of(network):
    layers = [layer for layer in network if isinstance(layer, nn.Linear)]
    return [
        (layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy())
        for layer in layers
    ]


@pytest.fixture
def objective():
    """An autoencoder with two hidden layers, four clusters and fixed targets."""
    generator = torch.Generator().manual_seed(0)
    encoder, decoder = MLP([6, 5, 4, 2], generator), MLP([2, 4, 5, 6], generator)
    heads = ClusterHeads(2, 4, 1, generator=generator)
    model = AutoencoderHeadModel(encoder, decoder, heads)
    first_labels = torch.arange(30) % 4
    weights = {"clustering_weight": 0.5, "layer_weight": 0.2}
    one = NoisySelfTraining(model, first_labels, 0.0, 1, 1.0, dropout=0.3, **weights)
    one.is_learning.fill_(False)
    one.targets.p.copy_(torch.rand(30, 4, generator=generator).softmax(dim=1))
    return one


def batch():
    x = torch.randn(30, 6, generator=torch.Generator().manual_seed(1))
    index = torch.tensor([3, 8, 1, 29, 7])
    return Batch(x[index], index)


# -- loss --------------------------------------------------------------------------


def test_losses__against_the_references(objective):
    objective.bind(torch.Generator().manual_seed(5), Group())
    terms = objective.losses(batch())
    # The same draws: one for the rows and one for each hidden layer.
    noise = torch.Generator().manual_seed(5)
    masks = [
        (torch.rand(5, width, generator=noise) >= 0.3).double().numpy() / 0.7
        for width in (6, 5, 4)
    ]
    x, index = batch().x.double().numpy(), batch().index
    encoder, decoder = map(
        weights_of, (objective.model.encoder, objective.model.decoder)
    )
    z = noisy_layers.activations(encoder, x, masks)[-1]
    rebuilt = noisy_layers.activations(decoder, z)
    clean = noisy_layers.activations(encoder, x)
    heads = objective.model.heads
    logits = z @ heads.weight[0].detach().double().numpy()
    logits += heads.bias[0].detach().double().numpy()
    p = objective.targets.p[index].double().numpy()
    expected = {
        "reconstruction": reconstruction.mean_squared_error(rebuilt[-1], x),
        "clustering": 0.5 * noisy_layers.cross_entropy(p, logits),
        "layers": 0.2 * noisy_layers.layer_error(clean, rebuilt),
    }
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        assert terms[name].item() == pytest.approx(value, rel=1e-5), name


def test_losses__clean_layers_are_constants(objective):
    """With a decoder that rebuilds nothing the encoder has nothing to gain."""
    objective.bind(torch.Generator().manual_seed(5), Group())
    with torch.no_grad():
        for weights in objective.model.decoder.parameters():
            weights.zero_()
    terms = objective.losses(batch())
    assert terms["layers"] > 0
    terms["layers"].backward()
    gradients = [w.grad for w in objective.model.encoder.parameters()]
    assert all(g is None or not g.any() for g in gradients)


def test_loss__of_a_fit_without_noise__against_the_references(blobs):
    X, _ = blobs
    # Steps too short to change anything, so that all batches see the same network.
    settings = {"learning_rate": 1e-20, "max_epochs": 1, "dropout": 0.0}
    depict = small(4, init="kmeans", clustering_weight=0.7, **settings).fit(X)
    q = depict.predict_proba(X).astype(np.float64)
    p = targets.target_distribution(q)
    error = reconstruction.mean_squared_error(
        depict.inverse_transform(depict.transform(X)), X
    )
    (record,) = clustering_history(depict)
    assert record["clustering"] == pytest.approx(
        0.7 * noisy_layers.cross_entropy(p, np.log(q)), rel=1e-3
    )
    assert record["reconstruction"] == pytest.approx(error / depict.scale_**2, rel=1e-3)


# -- start -------------------------------------------------------------------------


def test_losses__while_first_labels_are_learnt_these_are_the_targets(objective):
    objective.bind(torch.Generator().manual_seed(5), Group())
    labels = torch.nn.functional.one_hot(torch.arange(30) % 4, 4).float()
    objective.targets.p.copy_(labels)
    known = objective.losses(batch())["clustering"]
    objective.targets.p.fill_(0.25)
    assert objective.losses(batch())["clustering"] != known
    objective.is_learning.fill_(True)
    objective.bind(torch.Generator().manual_seed(5), Group())
    assert objective.losses(batch())["clustering"] == known


def test_agglomerative_start__the_head_learns_it_first():
    X, y = rings()
    settings = {"dropout": 0.0, "clustering_weight": 10.0, "learning_rate": 0.01}
    depict = DEPICTClustering(
        2,
        autoencoder=unchanged(2),
        init="agglomerative",
        max_epochs=100,
        random_state=0,
        **settings,
    ).fit(X)
    assert adjusted_rand_score(y, depict.labels_) > 0.8


@pytest.mark.parametrize("most", [1, 3])
def test_first_labels__that_cannot_be_learnt__are_given_up(blobs, most, monkeypatch):
    X, _ = blobs
    monkeypatch.setattr(_depict, "_MOST_LOOKS", most)
    monkeypatch.setattr(_depict, "_LEARNT", 1.1)
    settings = {"tol": 1.0, "update_interval": 1, "max_epochs": 9}
    depict = small(**settings).fit(X)
    # With this tolerance the first look that may end it does.
    assert depict.n_iter_ <= max(most - 1, 1)


def test_start__is_the_partition_of_kmeans(blobs):
    X, _ = blobs
    depict = small(n_clusters=5, init="kmeans", max_epochs=0).fit(X)
    np.testing.assert_array_equal(depict.labels_, depict.init_labels_)
    z = depict.transform(X).astype(np.float64)
    centers = np.array([z[depict.labels_ == label].mean(axis=0) for label in range(5)])
    own = running_means.mean_squared_distance(z, centers, depict.labels_)
    d2 = np.square(z[:, None] - centers).sum(axis=2)
    expected = np.exp(-(d2 - d2.min(axis=1, keepdims=True)) / own)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(depict.predict_proba(X), expected, atol=1e-3)


# -- networks ----------------------------------------------------------------------


def test_images__with_convolutions():
    X = load_digits().images[:60]
    autoencoder = Autoencoder(
        network="convolutional", n_components=3, max_epochs=2, batch_size=20
    )
    depict = small(autoencoder=autoencoder).fit(X)
    for record in clustering_history(depict):
        assert record["layers"] > 0
    np.testing.assert_array_equal(depict.predict(X), depict.labels_)
    assert depict.inverse_transform(depict.transform(X)).shape == (60, 64)


def of_a_user(n_features, n_components):
    encoder = nn.Sequential(nn.Linear(n_features, 8), nn.ReLU(), nn.Linear(8, 3))
    return encoder, nn.Linear(3, n_features)


def test_network_of_a_user__has_no_layers_to_rebuild(blobs):
    X, y = blobs
    autoencoder = Autoencoder(network=of_a_user, max_epochs=100, random_state=0)
    depict = small(autoencoder=autoencoder).fit(X)
    assert all("layers" not in record for record in clustering_history(depict))
    assert adjusted_rand_score(y, depict.labels_) > 0.9


# -- training ----------------------------------------------------------------------


def test_blobs__are_found(blobs):
    X, y = blobs
    assert adjusted_rand_score(y, small(max_epochs=20).fit_predict(X)) == 1.0


def test_training__makes_assignments_more_certain(blobs):
    X, _ = blobs
    settings = {"dropout": 0.0, "balance": 0.0, "learning_rate": 0.01}
    before, after = (
        small(6, max_epochs=n, **settings).fit(X).predict_proba(X).max(axis=1)
        for n in (0, 30)
    )
    assert after.mean() > before.mean() + 0.05


def test_dropout__makes_the_loss_larger(blobs):
    X, _ = blobs
    settings = {"learning_rate": 1e-20, "max_epochs": 1}
    losses = [
        clustering_history(small(dropout=share, **settings).fit(X))[0]["reconstruction"]
        for share in (0.0, 0.5)
    ]
    assert losses[1] > 1.2 * losses[0]


def test_balance__pulls_towards_clusters_of_equal_size():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    X[:20] += 2.0
    sizes = [
        np.bincount(small(2, balance=balance, max_epochs=20).fit(X).labels_).min()
        for balance in (0.0, 2.0)
    ]
    assert sizes[1] > sizes[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [("dropout", 1.0), ("dropout", -0.1), ("layer_weight", -1), ("balance", -1.0)],
)
def test_parameter_out_of_range__is_refused(name, value, blobs):
    with pytest.raises(ValueError, match=f"'{name}' parameter of DEPICTClustering"):
        small(**{name: value}).fit(blobs[0])


@pytest.mark.slow
def test_digits__three_seeds_beat_their_start():
    X, y = load_digits(return_X_y=True)
    fits = [DEPICTClustering(10, random_state=seed).fit(X) for seed in range(3)]
    deep, start = (
        np.mean([adjusted_rand_score(y, getattr(depict, name)) for depict in fits])
        for name in ("labels_", "init_labels_")
    )
    assert deep > start
    assert deep > 0.67  # k-means on the pixels
