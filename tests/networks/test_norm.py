"""Batch normalisation in passes that are not to be remembered."""

import pytest
import torch
from torch import nn

from skdeepcluster.networks import fixed_averages


def make_network():
    norm = nn.BatchNorm1d(3, track_running_stats=False)
    return nn.Sequential(nn.BatchNorm1d(3), nn.ReLU(), norm)


def test_fixed_averages__statistics_are_those_of_the_batch():
    network, x = make_network(), 5 + torch.randn(20, 3)
    with fixed_averages(network):
        found = network(x)
    before = {n: v.clone() for n, v in make_network().state_dict().items()}
    assert all(torch.equal(v, before[n]) for n, v in network.state_dict().items())
    assert torch.equal(found, network(x))
    assert network[0].num_batches_tracked == 1
    assert not torch.equal(network[0].running_mean, before["0.running_mean"])


def test_fixed_averages__after_an_error_all_is_as_before():
    network = make_network()
    with pytest.raises(ZeroDivisionError), fixed_averages(network):
        raise ZeroDivisionError
    assert [network[0].track_running_stats, network[2].track_running_stats] == [
        True,
        False,
    ]
