"""The stretches of the benchmark of photographs, each from the model before."""

import numpy as np
import pytest

from skdeepcluster import ContrastiveClustering


@pytest.fixture
def cifar10(module):
    return module("cifar10")


def test_stretches__go_on_with_the_clusters_that_are_left(cifar10):
    X = np.zeros((40, 6, 6, 3), dtype=np.uint8)  # equal images: one cluster is left
    model = ContrastiveClustering(
        3, network="convolutional", random_state=0, warm_start=True
    )
    known = {"estimator": model, "minutes": 0.0, "epochs": 0}
    for stretch in (1, 2):
        assert cifar10.train(known, X, minutes=0) > 0
        assert known["epochs"] == stretch
    assert known["minutes"] > 0
    assert model.n_clusters == model.n_clusters_ == 1


def test_epochs__fill_the_minutes(cifar10):
    X = np.random.default_rng(0).random((40, 6, 6))
    model = ContrastiveClustering(
        3, network="convolutional", random_state=0, warm_start=True
    )
    known = {"estimator": model, "minutes": 0.0, "epochs": 0}
    cifar10.train(known, X, minutes=0.05)
    assert known["epochs"] == 1 + model.n_iter_ > 2


def test_scan__starts_from_simclr(cifar10, tmp_path):
    with pytest.raises(SystemExit, match="run --method simclr first"):
        cifar10.beginning("scan", tmp_path)
