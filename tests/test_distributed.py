"""Fits that real processes share."""

import os
import signal
import socket
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.datasets import make_blobs
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.cluster._shared import _centroids
from skdeepcluster.engine import Group, _checkpoint
from tests._discovery import ESTIMATORS, parameter_names, tiny
from tests.cluster._small import rings, unchanged

SHARED = [cls for cls in ESTIMATORS if "distributed" in parameter_names(cls)]
SECONDS = 120  # after which a process counts as hanging
# One in every run of the tests, one that starts from k-means.
first = DECClustering
others = [cls for cls in SHARED if cls not in (first, Autoencoder)]
each_clusterer = pytest.mark.parametrize(
    "cls", [first, *(pytest.param(cls, marks=pytest.mark.slow) for cls in others)]
)
CLUSTER_ROWS = """
import os, sys
import numpy as np
import torch
from skdeepcluster import Autoencoder, DECClustering

torch.set_num_threads(1)
folder, rank, size = sys.argv[1], int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
X = np.load(folder + "/rows.npy", mmap_mode="r")
own = X[rank * len(X) // size : (rank + 1) * len(X) // size]
dec = DECClustering(
    3, autoencoder=Autoencoder(max_epochs=20), distributed=True, random_state=0
).fit(own)
np.savez(f"{folder}/{rank}.npz", labels=dec.labels_, centers=dec.cluster_centers_)
"""
# Of 300 rows, the shares of two and of three processes.
SHARDS = {2: [0, 90, 300], 3: [0, 150, 200, 300]}


@pytest.fixture(scope="module")
def blobs():
    """300 rows around three far centres, sorted by the centre."""
    X, y = make_blobs(300, 6, centers=10 * np.eye(3, 6), random_state=0)
    order = np.argsort(y)
    return X[order], y[order]


def clusterer(cls, **changes):
    settings = {
        "n_clusters": 3,
        "max_epochs": 8,
        "batch_size": 32,
        "n_init": 4,
        "autoencoder": Autoencoder(
            3, hidden_layer_sizes=(16,), max_epochs=20, batch_size=32
        ),
    }
    return tiny(cls, **settings | changes)


def shared_fit(
    cls, X, folder, rank, size, port, sabotage=None, checkpoint=None, **changes
):
    """One of the processes; it leaves what it has learnt."""
    os.environ |= {
        "RANK": str(rank),
        "WORLD_SIZE": str(size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    torch.set_num_threads(1)
    if checkpoint is not None:
        _checkpoint.SECONDS_BETWEEN = 0.0
    if sabotage is not None:
        sabotage(rank)
    start, stop = SHARDS[size][rank : rank + 2]
    estimator = clusterer(cls, distributed=True, checkpoint=checkpoint, **changes)
    try:
        estimator.fit(X[start:stop])
    except (RuntimeError, ValueError) as error:
        (folder / f"{rank}.error").write_text(str(error))
        raise SystemExit(1) from error
    np.savez(
        folder / f"{rank}.npz",
        labels=estimator.labels_,
        init_labels=estimator.init_labels_,
        predicted=estimator.predict(X[start:stop]),
        n_clusters=estimator.n_clusters_,
        means=estimator.cluster_means_,
        inertia=getattr(estimator, "inertia_", 0.0),  # without centroids none
        loss=[record["loss"] for record in estimator.history_],
        changed=[r["changed"] for r in estimator.history_ if "changed" in r],
        **{f"model_{n}": w for n, w in estimator.model_.state_dict().items()},
    )


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def run(processes):
    return partial(run_together, processes)


def run_together(context, cls, X, folder, size, **more):
    """All processes together: their exit codes, and what they left."""
    port = free_port()
    target = partial(shared_fit, cls, X, folder, size=size, port=port, **more)
    processes = [context.Process(target=target, args=(rank,)) for rank in range(size)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(SECONDS)
    hanging = [process for process in processes if process.is_alive()]
    for process in hanging:
        process.kill()
    assert not hanging
    codes = [process.exitcode for process in processes]
    files = [folder / f"{rank}.npz" for rank in range(size)]
    return codes, [dict(np.load(file)) for file in files if file.exists()]


@each_clusterer
@pytest.mark.parametrize("size", [pytest.param(2, marks=pytest.mark.slow), 3])
def test_processes_with_uneven_rows__end_with_one_model(
    cls, size, blobs, tmp_path, run
):
    X, y = blobs
    codes, results = run(cls, X, tmp_path, size)
    assert codes == [0] * size
    one, *rest = results
    for other in rest:
        for name in one.keys() - {"labels", "init_labels", "predicted"}:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)
    for result in results:
        np.testing.assert_array_equal(result["labels"], result["predicted"])
    labels = np.concatenate([result["labels"] for result in results])
    # As good as in one process, and about all rows.
    alone = clusterer(cls).fit(X)
    assert adjusted_rand_score(y, labels) > adjusted_rand_score(y, alone.labels_) - 0.1
    means = [X[labels == label].mean(axis=0) for label in range(one["n_clusters"])]
    np.testing.assert_allclose(one["means"], means)
    assert len(one["loss"]) == len(alone.history_)
    assert one["loss"][19] == pytest.approx(alone.history_[19]["loss"], rel=0.3)


@pytest.mark.parametrize("most_rows", [20_000, 200])
def test_merging__is_of_the_rows_of_all(most_rows, tmp_path, run):
    X, y = (part[:300] for part in rings())
    codes, results = run(
        first,
        X,
        tmp_path,
        2,
        sabotage=partial(merge_fewer_rows, most_rows),
        n_clusters=2,
        init="agglomerative",
        autoencoder=unchanged(2),
        max_epochs=0,
    )
    assert codes == [0, 0]
    labels = np.concatenate([result["init_labels"] for result in results])
    assert adjusted_rand_score(y, labels) > 0.95
    np.testing.assert_array_equal(
        results[0]["model_centers"], results[1]["model_centers"]
    )


def merge_fewer_rows(most_rows, rank):
    _centroids.MOST_ROWS = most_rows


@pytest.mark.slow
def test_torchrun__starts_them(blobs, tmp_path):
    X, y = blobs
    np.save(tmp_path / "rows.npy", X)
    script = tmp_path / "cluster_rows.py"
    script.write_text(CLUSTER_ROWS)
    command = "-m torch.distributed.run --nproc-per-node=2 --master-addr=127.0.0.1"
    arguments = [*command.split(), f"--master-port={free_port()}", script, tmp_path]
    subprocess.run([sys.executable, *arguments], check=True, timeout=SECONDS)
    results = [np.load(tmp_path / f"{rank}.npz") for rank in range(2)]
    labels = np.concatenate([result["labels"] for result in results])
    assert adjusted_rand_score(y, labels) > 0.9
    np.testing.assert_array_equal(results[0]["centers"], results[1]["centers"])


def die_at_the_third_checkpoint(rank):
    """The last process is killed; the others are not told."""
    if rank == 0:
        return
    save, left = torch.save, [3]

    def counted(state, file):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        save(state, file)

    torch.save = counted


@each_clusterer
def test_process_that_dies__ends_the_others_and_all_go_on(cls, blobs, tmp_path, run):
    X, _ = blobs
    unbroken, broken, resumed = (tmp_path / name for name in "abc")
    for folder in (unbroken, broken, resumed):
        folder.mkdir()
    _, expected = run(cls, X, unbroken, 2)
    checkpoint = str(tmp_path / "checkpoint")
    codes, results = run(
        cls,
        X,
        broken,
        2,
        sabotage=die_at_the_third_checkpoint,
        checkpoint=checkpoint,
    )
    assert codes == [1, -signal.SIGKILL]
    assert results == []
    assert "Another process of this distributed fit" in (broken / "0.error").read_text()
    codes, results = run(cls, X, resumed, 2, checkpoint=checkpoint)
    assert codes == [0, 0]
    for result, wanted in zip(results, expected, strict=True):
        for name in wanted:
            np.testing.assert_array_equal(result[name], wanted[name], err_msg=name)
    assert list((tmp_path / "checkpoint").iterdir()) == []


def test_rows_that_one_process_cannot_take__end_all(blobs, tmp_path, run):
    X = blobs[0].copy()
    X[-1, 0] = np.nan
    codes, results = run(first, X, tmp_path, 2)
    assert codes == [1, 1]
    assert results == []
    told, own = ((tmp_path / f"{rank}.error").read_text() for rank in range(2))
    assert "rows of process 1 of this distributed fit are refused: Input X" in told
    assert "contains NaN" in told
    assert own.startswith("Input X contains NaN")


def test_rows_of_other_columns_in_another_process__raise(blobs, monkeypatch):
    def gather_objects(group, value):
        return [value, (5, None)]

    monkeypatch.setattr(Group, "gather_objects", gather_objects)
    with pytest.raises(ValueError, match="process 1 .* have 5 features.* 0 have 6"):
        clusterer(first).fit(blobs[0])


@pytest.mark.parametrize("cls", SHARED)
def test_no_other_process__is_refused(cls, blobs, monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="distributed=True.*torchrun"):
        tiny(cls, distributed=True).fit(blobs[0])
