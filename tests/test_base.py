"""What all estimators share beneath their public face."""

import os

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import sparse
from sklearn.frozen import FrozenEstimator
from torch import nn

from skdeepcluster import Autoencoder
from skdeepcluster.base import auto_batch_size, auto_epochs, fingerprint
from skdeepcluster.engine._stage import Stage
from tests._discovery import tiny


@pytest.mark.parametrize(
    ("n_samples", "expected"),
    [(1, 16), (60, 16), (150, 16), (300, 32), (1797, 256), (10**7, 256)],
)
def test_auto_batch_size(n_samples, expected):
    assert auto_batch_size(n_samples) == expected


class _Trainer:
    def __init__(self, steps_per_epoch):
        self.steps_per_epoch = steps_per_epoch


@pytest.mark.parametrize(
    ("max_epochs", "steps_per_epoch", "expected"),
    [
        ("auto", 1, 200),  # many epochs of little data, but not too many
        ("auto", 100, 80),
        ("auto", 10**6, 1),  # one epoch of very much data
        (0, 10**6, 0),  # a number is obeyed exactly
        (7, 1, 7),
        (np.int64(7), 1, 7),
    ],
)
def test_auto_epochs(max_epochs, steps_per_epoch, expected):
    trainer = _Trainer(steps_per_epoch)
    assert auto_epochs(max_epochs, trainer, steps=8000, most=200) == expected


# -- the gate ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["f8", "f4", "u1", "i2", "i8"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_gate__does_not_copy_the_rows(dtype, order):
    X = np.ones((20, 3), dtype=dtype, order=order)
    assert np.shares_memory(tiny(Autoencoder)._gate(X, reset=True), X)


def test_gate__does_not_copy_what_is_large(tmp_path):
    mapped = np.memmap(tmp_path / "X", "f4", "w+", shape=(20, 2, 3))
    images = tiny(Autoencoder)._gate(mapped, reset=True)
    assert images.shape == (20, 6)
    assert np.shares_memory(images, mapped)
    X = sparse.csr_array(np.eye(20, dtype=np.float32))
    assert np.shares_memory(tiny(Autoencoder)._gate(X, reset=True).data, X.data)
    tensor = torch.ones(20, 3)
    X = tiny(Autoencoder)._gate(tensor, reset=True)
    assert np.shares_memory(X, tensor.numpy())


VIEWS_OF_MAPS = {
    "itself": lambda mapped: mapped,
    "slice": lambda mapped: mapped[3:],
    "array": np.asarray,
    "view of a view": lambda mapped: mapped.view(np.ndarray)[:, 1:][2:],
}


@pytest.mark.parametrize("view", VIEWS_OF_MAPS.values(), ids=VIEWS_OF_MAPS)
def test_truncated_file__is_refused_before_it_is_touched(view, tmp_path):
    path = tmp_path / "X"
    mapped = np.memmap(path, "f4", "w+", shape=(4000, 6), offset=8)
    X = view(mapped)
    tiny(Autoencoder)._gate(X, reset=True)
    os.truncate(path, 1000)  # reading on would end this process
    with pytest.raises(ValueError, match=f"X is a memory map of .*{path.name}.* 1000"):
        tiny(Autoencoder)._gate(X, reset=True)


def test_file_truncated_during_a_fit__ends_it_with_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr("skdeepcluster.engine._rows.RESIDENT_BYTES", 0)
    X = np.memmap(tmp_path / "X", "f4", "w+", shape=(4000, 6))
    X[:] = np.random.default_rng(0).normal(size=X.shape)
    step = Stage._step

    def truncating(stage, batch):
        os.truncate(tmp_path / "X", 1000)
        step(stage, batch)

    monkeypatch.setattr(Stage, "_step", truncating)
    with pytest.raises(ValueError, match="truncated"):
        tiny(Autoencoder).fit(X)


def test_truncated_output__is_refused_before_it_is_touched(blobs, tmp_path):
    X, _ = blobs
    autoencoder = tiny(Autoencoder).fit(X)
    out = np.memmap(tmp_path / "Z", "f4", "w+", shape=autoencoder.transform(X).shape)
    os.truncate(tmp_path / "Z", 0)
    with pytest.raises(ValueError, match="out is a memory map"):
        autoencoder.transform(X, out=out)


# -- fingerprints ------------------------------------------------------------------


def mine(**changes):
    return fingerprint(tiny(Autoencoder, **changes))


def test_fingerprint__is_stable():
    assert mine() == mine()
    assert fingerprint(tiny(Autoencoder), np.eye(3)) == fingerprint(
        tiny(Autoencoder), np.eye(3)
    )


def test_fingerprint__ignores_what_changes_no_result():
    assert mine(verbose=2, checkpoint="somewhere") == mine()


@pytest.mark.parametrize(
    "changes",
    [
        {"n_components": 3},
        {"random_state": 1},
        {"hidden_layer_sizes": (8,)},
        {"precision": "bfloat16"},
        {"network": nn.Linear},
    ],
)
def test_fingerprint__knows_parameters(changes):
    assert mine(**changes) != mine()


def test_fingerprint__knows_rows():
    X = np.eye(3)
    assert fingerprint(tiny(Autoencoder), X) != fingerprint(tiny(Autoencoder), 2 * X)


def test_fingerprint__knows_a_module_by_class_form_and_weights():
    class Other(nn.Linear):
        pass

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, second = nn.Linear(3, 2), nn.Linear(3, 2)
        other = Other(3, 2)
    same = nn.Linear(3, 2)
    same.load_state_dict(first.state_dict())
    other.load_state_dict(first.state_dict())
    assert mine(network=first) == mine(network=same)
    assert len({mine(network=n) for n in (first, second, other, nn.ReLU(), None)}) == 5


def test_fingerprint__knows_a_frozen_estimator_by_its_weights(blobs):
    from skdeepcluster import DECClustering

    first, second = (tiny(Autoencoder).fit(blobs[0] * factor) for factor in (1.0, -1.0))
    of_first, of_second = (
        fingerprint(DECClustering(autoencoder=FrozenEstimator(fitted)))
        for fitted in (first, second)
    )
    assert of_first != of_second


def test_fingerprint__of_what_cannot_be_pickled_raises(blobs, tmp_path):
    network = lambda d, k: (nn.Linear(d, k), nn.Linear(k, d))  # noqa: E731
    autoencoder = tiny(Autoencoder, network=network)
    autoencoder.fit(blobs[0])
    with pytest.raises(ValueError, match="'network' of Autoencoder cannot") as caught:
        autoencoder.set_params(checkpoint=tmp_path).fit(blobs[0])
    assert len(str(caught.value)) < 200  # and holds no rows
    assert caught.value.__cause__ is None


def test_html_representation__links_to_the_documentation():
    html = tiny(Autoencoder)._repr_html_()
    assert "readthedocs.io" in html
    assert "skdeepcluster.Autoencoder.html" in html


def test_history__is_ready_for_a_table(blobs):
    table = pd.DataFrame(tiny(Autoencoder).fit(blobs[0]).history_)
    assert list(table["epoch"]) == [0, 1]
    assert table["loss"].dtype == float
