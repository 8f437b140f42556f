"""Searches on a dask cluster, through joblib, with no code of ours."""

import joblib
import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from skdeepcluster import DECClustering
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
    cluster = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0"
    )
    with cluster, distributed.Client(cluster), joblib.parallel_backend("dask"):
        in_cluster = search().cv_results_["mean_test_score"]
    np.testing.assert_allclose(in_cluster, alone, rtol=1e-4)
