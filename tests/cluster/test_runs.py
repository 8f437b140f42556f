"""Several runs of one clusterer, of which one is kept."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from torch import nn

from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.cluster._shared import _runs
from skdeepcluster.cluster._shared._runs import Run, most_agreed, pays_as_one, run_seeds
from skdeepcluster.engine import Group
from skdeepcluster.inspection import TrainingDisplay
from tests._discovery import CLUSTERERS, outputs, parameter_names
from tests.cluster._small import small

each_clusterer = pytest.mark.parametrize(
    "cls", [cls for cls in CLUSTERERS if "n_runs" in parameter_names(cls)]
)


def of_run(clusterer, number):
    """The records of one run's training."""
    records = [r for r in clusterer.history_ if r["stage"] != "runs"]
    return [r for r in records if r["run"] == number]


def summary(clusterer):
    return [r for r in clusterer.history_ if r["stage"] == "runs"]


@pytest.fixture(autouse=True)
def few_runs_train_as_one(monkeypatch):
    monkeypatch.setattr(_runs, "_FEWEST_RUNS", 2)


def with_free_seed(cls, **changes):
    """A small clusterer whose autoencoder takes its seed from the fit."""
    clusterer = small(cls, **changes)
    return clusterer.set_params(autoencoder__random_state=None)


# -- which run is kept -------------------------------------------------------------


def made(labels, losses):
    history = [[{"loss": loss}] for loss in losses]
    runs = [Run(None, None, np.zeros(6), records) for records in history]
    return most_agreed(runs, [np.array(own) for own in labels])


def test_kept__is_the_run_that_agrees_most():
    one, other = [0, 0, 0, 1, 1, 1], [0, 0, 1, 1, 2, 2]
    renamed, odd = [1, 1, 1, 0, 0, 0], [0, 1, 0, 1, 0, 1]
    kept, records = made([odd, one, renamed, other], [0.1, 0.4, 0.3, 0.2])
    assert kept == 2  # as good as run 1, with a smaller loss
    assert [r["kept"] for r in records] == [False, False, True, False]
    assert [r["lowest_loss"] for r in records] == [True, False, False, False]
    labels = [odd, one, renamed, other]
    for number, record in enumerate(records):
        scores = [
            adjusted_rand_score(labels[number], labels[i])
            for i in range(4)
            if i != number
        ]
        assert record["agreement"] == pytest.approx(np.mean(scores))
        assert record["run"] == number


def test_seeds__the_first_is_the_seed_itself():
    assert run_seeds(7, 1) == [7]
    assert run_seeds(7, 3)[:2] == run_seeds(7, 2)
    assert run_seeds(7, 3)[0] == 7
    assert len({*run_seeds(7, 20), *run_seeds(8, 20)}) == 40


# -- as one ------------------------------------------------------------------------


@each_clusterer
def test_first_run__is_the_fit_alone(cls, blobs):
    X, _ = blobs
    many = with_free_seed(cls, n_runs=3, max_epochs=3).fit(X)
    alone = with_free_seed(cls, max_epochs=3).fit(X)
    assert len(of_run(many, 0)) == len(alone.history_)
    for record, expected in zip(of_run(many, 0), alone.history_, strict=True):
        is_noisy = cls.__name__ in ("DEPICTClustering", "VaDEClustering")
        if is_noisy and record["stage"] == "clustering":
            continue  # its noise is another
        assert record["loss"] == pytest.approx(expected["loss"], rel=1e-2)


@each_clusterer
def test_runs__differ_and_the_kept_one_is_whole(cls, blobs):
    X, y = blobs
    many = with_free_seed(cls, n_runs=3).fit(X)
    records = summary(many)
    kept = next(r["run"] for r in records if r["kept"])
    losses = [of_run(many, number)[0]["loss"] for number in range(3)]
    assert len(set(losses)) == 3
    assert records[kept]["agreement"] == max(r["agreement"] for r in records)
    own = of_run(many, kept)
    assert many.n_iter_ == sum(r["stage"] == "clustering" for r in own)
    assert many.n_iter_ == records[kept]["epoch"]
    assert records[kept]["loss"] == own[-1]["loss"]
    assert [r["loss"] for r in own if r["stage"] == "pretraining"] == [
        r["loss"] for r in many.autoencoder_.history_
    ]
    np.testing.assert_array_equal(many.labels_, many.predict(X))
    assert adjusted_rand_score(y, many.labels_) > 0.9
    assert adjusted_rand_score(many.labels_, many.init_labels_) > 0.9


@each_clusterer
def test_runs__are_repeatable(cls, blobs):
    X, _ = blobs
    one, other = (with_free_seed(cls, n_runs=2).fit(X) for _ in range(2))
    for name, values in outputs(one, X).items():
        np.testing.assert_array_equal(values, outputs(other, X)[name])


def test_runs__from_one_autoencoder(blobs):
    X, _ = blobs
    frozen = FrozenEstimator(small(DECClustering).autoencoder.fit(X))
    for autoencoder in (frozen, clone(frozen.estimator)):
        many = small(DECClustering, n_runs=3, autoencoder=autoencoder).fit(X)
        pretraining = [
            [r["loss"] for r in of_run(many, number) if r["stage"] == "pretraining"]
            for number in range(3)
        ]
        assert pretraining[0] == pretraining[1] == pretraining[2]
        assert len({of_run(many, number)[-1]["loss"] for number in range(3)}) == 3


def test_runs__that_converge_stop_for_themselves(blobs):
    X, _ = blobs
    settings = {"tol": 0.5, "max_epochs": 50, "update_interval": 3}
    many = with_free_seed(DECClustering, n_runs=3, **settings).fit(X)
    assert all(r["epoch"] < 50 for r in summary(many))


def test_memory__keeps_the_autoencoders_of_all_runs(blobs, tmp_path, monkeypatch):
    X, _ = blobs
    settings = {"n_runs": 2, "memory": str(tmp_path)}
    first = with_free_seed(DECClustering, **settings).fit(X)
    monkeypatch.setattr(Autoencoder, "_fit_runs", None)
    again = with_free_seed(DECClustering, **settings).fit(X)
    np.testing.assert_array_equal(first.transform(X), again.transform(X))


def test_display__shows_the_run_that_was_kept(blobs):
    many = with_free_seed(DECClustering, n_runs=3).fit(blobs[0])
    kept = next(r["run"] for r in summary(many) if r["kept"])
    panels = TrainingDisplay(many.history_).panels
    assert {panel.stage for panel in panels} == {"pretraining", "clustering"}
    expected = [r["loss"] for r in of_run(many, kept) if r["stage"] == "pretraining"]
    np.testing.assert_array_equal(panels[0].curves["reconstruction"], expected)


def test_warm_start__goes_on_with_the_run_that_was_kept(blobs):
    many = with_free_seed(DECClustering, n_runs=2, warm_start=True).fit(blobs[0])
    many.fit(blobs[0])
    assert {r["stage"] for r in many.history_} == {"clustering"}
    assert "run" not in many.history_[0]


def test_runs__without_an_epoch(blobs):
    many = with_free_seed(DECClustering, n_runs=2, max_epochs=0).fit(blobs[0])
    assert [r["epoch"] for r in summary(many)] == [0, 0]
    assert many.n_iter_ == 0


# -- one after the other -----------------------------------------------------------


class Dropping(nn.Module):
    """A user's network that draws random numbers and counts batches."""

    def __init__(self, n_features, n_components):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Linear(n_features, 8), nn.BatchNorm1d(8), nn.Linear(8, n_components)
        )
        self.decoder = nn.Sequential(
            nn.Linear(n_components, 8), nn.Dropout(0.1), nn.Linear(8, n_features)
        )


def dropping(n_features, n_components):
    module = Dropping(n_features, n_components)
    return module.encoder, module.decoder


@pytest.mark.parametrize(
    ("n_runs", "widths", "device", "expected"),
    [
        (10, [64, 128, 64, 10], "cpu", True),
        (10, [64, 500, 500, 10], "cpu", False),
        (1, [64, 128, 64, 10], "cpu", False),
        (2, [784, 500, 500, 2000, 10], "cuda", True),
    ],
)
def test_what_trains_as_one(n_runs, widths, device, expected):
    assert pays_as_one(n_runs, widths, torch.device(device)) == expected


@pytest.mark.parametrize(
    "changes",
    [
        {"network": dropping},
        {"layerwise": True, "linear_path": False},
        {"hidden_layer_sizes": (700, 100)},
    ],
    ids=["network", "layerwise", "wide"],
)
def test_runs__that_cannot_train_as_one_are_fits_with_their_seeds(changes, blobs):
    X, _ = blobs
    nested = {f"autoencoder__{name}": value for name, value in changes.items()}
    many = with_free_seed(DECClustering, n_runs=2).set_params(**nested).fit(X)
    for number, seed in enumerate(run_seeds(0, 2)):
        alone = with_free_seed(DECClustering, random_state=seed)
        alone.set_params(**nested).fit(X)
        assert [r["loss"] for r in of_run(many, number)] == [
            r["loss"] for r in alone.history_
        ]
        if summary(many)[number]["kept"]:
            np.testing.assert_array_equal(many.transform(X), alone.transform(X))


def test_rows_that_are_not_kept__train_one_after_the_other(blobs, monkeypatch):
    X, _ = blobs
    monkeypatch.setattr("skdeepcluster.engine._rows.RESIDENT_BYTES", X.size)
    many = with_free_seed(DECClustering, n_runs=2).fit(X)
    alone = with_free_seed(DECClustering).fit(X)
    assert [r["loss"] for r in of_run(many, 0)] == [r["loss"] for r in alone.history_]


def test_distributed__is_refused(blobs, monkeypatch):
    def alone(distributed, device):
        return Group()

    monkeypatch.setattr("skdeepcluster.base._estimator.join_group", alone)
    clusterer = small(DECClustering, n_runs=2, distributed=True)
    with pytest.raises(ValueError, match="n_runs=2 and distributed=True"):
        clusterer.fit(blobs[0])
