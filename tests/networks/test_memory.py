"""What contrasts remember: a bank of rows, a queue, averaged weights."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skdeepcluster.networks import MLP, MemoryBank, MovingAverage, Queue, build


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


# -- bank --------------------------------------------------------------------------


def test_bank__starts_with_different_vectors_of_length_one():
    vectors = MemoryBank(50, 8, 0.5, seeded()).vectors
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(50))
    assert (vectors @ vectors.T - torch.eye(50)).abs().max() < 0.99


def test_bank__moves_towards_what_it_is_told():
    bank = MemoryBank(5, 3, 0.5, seeded())
    before = bank.vectors.clone()
    z = F.normalize(torch.randn(2, 3, generator=seeded(1)), dim=1)
    bank.update(torch.tensor([4, 1]), z)
    for row, one in zip((4, 1), z, strict=True):
        expected = (0.5 * before[row] + 0.5 * one).numpy()
        expected /= np.linalg.norm(expected)
        np.testing.assert_allclose(bank.vectors[row], expected, rtol=1e-5)
    for row in (0, 2, 3):
        assert torch.equal(bank.vectors[row], before[row])


def test_bank__is_a_part_of_the_state():
    bank, other = MemoryBank(4, 2, 0.5, seeded()), MemoryBank(4, 2, 0.5, seeded(1))
    other.load_state_dict(bank.state_dict())
    assert torch.equal(bank.vectors, other.vectors)
    assert not list(bank.parameters())


# -- queue -------------------------------------------------------------------------


def test_queue__the_last_take_the_place_of_the_first():
    queue = Queue(5, 1, seeded())
    for first in range(0, 9, 3):  # three at a time, which do not fit evenly
        queue.push(torch.arange(first, first + 3.0)[:, None])
    # Of 0 to 8 the last five, each at its place.
    assert queue.vectors[:, 0].tolist() == [5, 6, 7, 8, 4]
    assert int(queue.position) == 4


def test_queue__of_more_than_it_holds_keeps_the_last():
    queue = Queue(3, 1, seeded())
    queue.push(torch.arange(8.0)[:, None])
    assert sorted(queue.vectors[:, 0].tolist()) == [5, 6, 7]
    queue.push(torch.tensor([[9.0]]))
    assert sorted(queue.vectors[:, 0].tolist()) == [6, 7, 9]


# -- averaged weights --------------------------------------------------------------


def test_average__follows_at_the_momentum():
    network = MLP((3, 4, 2), seeded())
    average = MovingAverage(network, 0.9, n_steps=10_000)
    before = network[0].weight.clone()
    with torch.no_grad():
        network[0].weight.add_(1.0)
    average.follow(network)
    torch.testing.assert_close(average.network[0].weight, before + 0.1)
    assert not any(weights.requires_grad for weights in average.parameters())


@pytest.mark.parametrize(
    ("n_steps", "expected"),
    [(0, 0.0), (10, 0.0), (200, 0.9), (2000, 0.99), (1e6, 0.996)],
)
def test_average__looks_back_at_a_part_of_the_steps(n_steps, expected):
    average = MovingAverage(nn.Identity(), 0.996, n_steps)
    assert average.momentum == pytest.approx(expected)


def test_average__has_the_statistics_of_the_network():
    network = MLP((3, 4, 2), seeded(), batch_norm=True)
    average = MovingAverage(network, 0.9, n_steps=100)
    network(torch.randn(8, 3, generator=seeded(1)))
    average.follow(network)
    for own, other in zip(average.network.buffers(), network.buffers(), strict=True):
        assert torch.equal(own, other)


# -- networks with batch normalisation ---------------------------------------------


@pytest.mark.parametrize("sizes", [(3, 2), (3, 5, 2), (3, 5, 4, 2)])
def test_mlp__normalises_before_each_relu_and_is_built_again(sizes):
    network = MLP(sizes, seeded(), batch_norm=True)
    kinds = [type(part).__name__ for part in network]
    assert kinds == ["Linear", "BatchNorm1d", "ReLU"] * (len(sizes) - 2) + ["Linear"]
    again = build(network.config)
    again.load_state_dict(network.state_dict())
    x = torch.randn(6, 3, generator=seeded(1))
    assert torch.equal(network(x), again(x))
