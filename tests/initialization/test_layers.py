"""From an autoencoder to one that embeds by all layers."""

import numpy as np
import pytest
import torch

from skdeepcluster.engine import Rows, Trainer
from skdeepcluster.initialization import with_all_layers
from skdeepcluster.networks import MLP, AutoencoderModel

CPU = torch.device("cpu")


def trainer(X):
    rows = Rows(np.asarray(X, dtype=float), np.zeros(X.shape[1]), 1.0, CPU)
    return Trainer(rows, batch_size=16, seed=0)


def model(*widths):
    seeded = torch.Generator().manual_seed(0)
    return AutoencoderModel(MLP(widths, seeded), MLP(widths[::-1], seeded))


@pytest.fixture
def X():
    return np.random.default_rng(0).normal(size=(50, 6)) + 3


def test_all_layers__share_the_variance_of_the_embedding(X):
    start = model(6, 30, 8, 2)
    wide = with_all_layers(trainer(X), start)
    x = torch.from_numpy(X).float()
    with torch.no_grad():
        z, embedding = wide.embed(x), start.embed(x)
    assert z.shape == (50, 40)
    np.testing.assert_allclose(z.mean(dim=0), 0, atol=1e-5)
    total = embedding.var(dim=0, correction=0).sum().item()
    for part in z.split([30, 8, 2], dim=1):
        own = part.var(dim=0, correction=0).sum().item()
        assert own == pytest.approx(total / 3, rel=1e-4)


def test_all_layers__are_rebuilt_as_before(X):
    start = model(6, 30, 2)
    wide = with_all_layers(trainer(X), start)
    x = torch.from_numpy(X).float()
    torch.testing.assert_close(
        wide.reconstruct(x), start.reconstruct(x), rtol=1e-4, atol=1e-5
    )


def test_all_layers__of_equal_rows_are_zero_and_rebuilt(X):
    same = np.repeat(X[:1], 20, axis=0)
    start = model(6, 5, 2)
    wide = with_all_layers(trainer(same), start)
    x = torch.from_numpy(same).float()
    np.testing.assert_allclose(wide.embed(x).detach(), 0, atol=1e-5)
    torch.testing.assert_close(
        wide.reconstruct(x), start.reconstruct(x), rtol=1e-4, atol=1e-5
    )
