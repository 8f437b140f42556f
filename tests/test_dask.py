"""Searches on a dask cluster, through joblib, with no code of ours."""

import contextlib

import joblib
import numpy as np
import pytest
import torch
from sklearn.model_selection import GridSearchCV
from threadpoolctl import threadpool_info

from skdeepcluster import DECClustering
from skdeepcluster.engine import Callback
from skdeepcluster.metrics import make_clustering_scorer
from tests._discovery import tiny

distributed = pytest.importorskip("dask.distributed")

pytestmark = pytest.mark.slow


def test_grid_search__is_the_same_on_a_local_cluster(blobs, tmp_path):
    X, _ = blobs

    def search():
        return GridSearchCV(
            tiny(DECClustering, memory=str(tmp_path)),
            {"n_clusters": [2, 3, 4]},
            scoring=make_clustering_scorer("silhouette"),
            cv=2,
            error_score="raise",
        ).fit(X)

    alone = search().cv_results_["mean_test_score"]
    with local_cluster(), joblib.parallel_backend("dask"):
        in_cluster = search().cv_results_["mean_test_score"]
    np.testing.assert_allclose(in_cluster, alone, rtol=1e-4)


@contextlib.contextmanager
def local_cluster():
    """Two workers with one thread each, as processes."""
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster) as client:
        yield client


def threads_while_training(X):
    """Of torch and of the libraries that scikit-learn uses, in the middle of a fit."""
    seen = []

    class Look(Callback):
        def on_epoch_end(self, record):
            pools = [pool["num_threads"] for pool in threadpool_info()]
            seen.append([torch.get_num_threads(), *pools])

    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr(
        "skdeepcluster.base._estimator.progress_callbacks", lambda verbose: [Look()]
    )
    tiny(DECClustering).fit(X)
    monkeypatch.undo()
    return seen


def test_workers__do_not_take_more_threads_than_they_have(blobs, monkeypatch):
    # As a user's shell has it; the tests themselves may run with less.
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with local_cluster() as client:
        seen = client.submit(threads_while_training, blobs[0]).result()
    assert seen
    assert all(n_threads == 1 for numbers in seen for n_threads in numbers)
