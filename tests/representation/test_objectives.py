"""What the stages of an autoencoder minimise: layer by layer, corrupted rows."""

import numpy as np
import pytest
import torch
from torch import nn

import skdeepcluster.representation._objectives as objectives
from skdeepcluster.engine import Batch
from skdeepcluster.networks import MLP
from tests.references import reconstruction
from tests.representation._small import small

# -- layer by layer ----------------------------------------------------------------


def layers(sequence):
    """Weights and biases of the linear maps, in float64."""
    return [
        (layer.weight.detach().double().numpy(), layer.bias.detach().double().numpy())
        for layer in sequence
        if isinstance(layer, nn.Linear)
    ]


def test_layerwise__stages_come_one_by_one(plane):
    autoencoder = small(
        layerwise=True, linear_path=False, hidden_layer_sizes=(9, 7), max_epochs=5
    ).fit(plane)
    stages = [record["stage"] for record in autoencoder.history_]
    expected = ["layer-1"] * 3 + ["layer-2"] * 3 + ["layer-3"] * 3
    assert stages == expected + ["pretraining"] * 5
    assert autoencoder.n_iter_ == 5


def test_layerwise__each_layer_rebuilds_what_is_below(plane, monkeypatch):
    monkeypatch.setattr(objectives, "_LAYER_DROPOUT", 0.0)
    # Steps too short to change anything: the weights are those of the start.
    autoencoder = small(
        layerwise=True,
        linear_path=False,
        hidden_layer_sizes=(9, 7),
        max_epochs=1,
        learning_rate=1e-20,
    ).fit(plane)
    up = layers(autoencoder.model_.encoder)
    down = layers(autoencoder.model_.decoder)[::-1]
    h = (plane - autoencoder.center_) / autoencoder.scale_
    for number in range(3):
        hidden = h @ up[number][0].T + up[number][1]
        if number < 2:
            hidden = np.maximum(hidden, 0)
        h_hat = hidden @ down[number][0].T + down[number][1]
        if number > 0:
            h_hat = np.maximum(h_hat, 0)
        expected = reconstruction.mean_squared_error(h_hat, h)
        record = autoencoder.history_[number]
        assert record["loss"] == pytest.approx(expected, rel=1e-4)
        h = hidden


@pytest.mark.parametrize(("layer", "share"), [(0, 0.0), (1, 0.2), (2, 0.2)])
def test_layerwise__drops_inputs_and_hidden_values_and_trains_no_other_layer(
    layer, share
):
    weights = torch.Generator().manual_seed(0)
    encoder, decoder = MLP([50, 40, 30, 20], weights), MLP([20, 30, 40, 50], weights)
    objective = objectives.LayerReconstruction(encoder, decoder, layer)
    objective.generator = torch.Generator().manual_seed(1)
    seen = []
    up, down = objective.model
    up.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    down.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    x = torch.rand(200, 50, generator=weights) + 0.1
    loss = objective.losses(Batch(x, torch.arange(200)))["reconstruction"]
    loss.backward()
    with torch.no_grad():
        h = x
        for part in list(encoder)[: 2 * layer]:
            h = part(h)
        positive = h > 0
        assert (seen[0][positive] == 0).float().mean() == pytest.approx(share, abs=0.03)
        kept = positive & (seen[0] != 0)
        torch.testing.assert_close(seen[0][kept], h[kept] / (1 - share))
        hidden = up(seen[0])
        positive = hidden != 0
        expected = 0.0 if layer == 2 else 0.2  # nothing is dropped from the embedding
        lost = (seen[1][positive] == 0).float().mean()
        assert lost == pytest.approx(expected, abs=0.03)
        # What is rebuilt is the whole of h, not what the layer was given.
        torch.testing.assert_close(loss, (down(seen[1]) - h).square().mean())
    trained = [i for i in range(3) if encoder[2 * i].weight.grad is not None]
    assert trained == [layer]
    trained = [i for i in range(3) if decoder[2 * i].weight.grad is not None]
    assert trained == [2 - layer]


# -- corruption --------------------------------------------------------------------


class Recorder(nn.Module):
    """Passes rows on and remembers what it saw while training."""

    seen: list = []

    def forward(self, x):
        if self.training:
            Recorder.seen.append(x.detach().clone())
        return x


@pytest.fixture
def recorded(monkeypatch):
    monkeypatch.setattr(Recorder, "seen", [])

    def network(n_features, n_components):
        return Recorder(), nn.Linear(n_features, n_features)

    return network


def test_corruption__replaces_a_share_of_the_features_by_their_mean(plane, recorded):
    small(corruption=0.3, network=recorded, max_epochs=20, batch_size=80).fit(plane)
    seen = torch.stack(Recorder.seen)
    # The mean of a centred feature is zero.
    assert (seen == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)
    per_feature = (seen == 0).float().mean(dim=(0, 1))
    assert torch.all((per_feature - 0.3).abs() < 0.05)
    assert not torch.equal(seen[0] == 0, seen[1] == 0)


def test_corruption__the_loss_asks_for_the_clean_rows(plane, recorded):
    settings = {"network": recorded, "max_epochs": 1, "batch_size": 80}
    noisy = small(corruption=0.5, **settings).fit(plane).history_[0]["loss"]
    [x] = Recorder.seen
    clean = small(corruption=0.0, **settings).fit(plane).history_[0]["loss"]
    assert (x == 0).any()
    # From the same weights what is hidden cannot be rebuilt.
    assert noisy != pytest.approx(clean, rel=1e-3)


def test_no_corruption__rows_come_as_they_are(plane, recorded):
    small(network=recorded, max_epochs=2, batch_size=80).fit(plane)
    for seen in Recorder.seen:
        assert torch.all(seen != 0)


def test_corruption__ends_with_training(plane):
    autoencoder = small(corruption=0.5, max_epochs=2).fit(plane)
    np.testing.assert_array_equal(
        autoencoder.transform(plane), autoencoder.transform(plane)
    )
