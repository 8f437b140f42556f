"""The methods that the benchmarks compare, their scores, and what is recorded."""

import functools
import inspect
import os
import platform
import time
from pathlib import Path

import numpy as np
import scipy
import sklearn
import torch
from sklearn.base import ClusterMixin
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture

import skdeepcluster
from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.engine import resolve_precision
from skdeepcluster.metrics import clustering_accuracy

SCORES = {
    "acc": clustering_accuracy,
    "nmi": normalized_mutual_info_score,
    "ari": adjusted_rand_score,
}
MEASURED = [*SCORES, "seconds"]

K_MEANS = "KMeans"
TWO_STEP = "Autoencoder + KMeans"
MIXTURE = "Autoencoder + GaussianMixture"


def deep_clusterers():
    """The public clusterers that begin with an autoencoder, by name."""
    public = [getattr(skdeepcluster, name) for name in skdeepcluster.__all__]
    return {
        cls.__name__: cls
        for cls in public
        if inspect.isclass(cls)
        and issubclass(cls, ClusterMixin)
        and "autoencoder" in inspect.signature(cls).parameters
    }


METHODS = [K_MEANS, TWO_STEP, MIXTURE, *deep_clusterers()]


def pretrain(X, seed):
    """The autoencoder that the methods share, and its seconds."""
    begin = time.perf_counter()
    autoencoder = Autoencoder(random_state=seed).fit(X)
    return autoencoder, time.perf_counter() - begin


def cluster(method, X, n_clusters, seed, autoencoder):
    """Labels by one method; k-means on the input needs no autoencoder."""
    k_means = KMeans(n_clusters, n_init=20, random_state=seed)
    if method == K_MEANS:
        return k_means.fit_predict(X)
    if method == TWO_STEP:
        return k_means.fit_predict(autoencoder.transform(X))
    if method == MIXTURE:
        mixture = GaussianMixture(
            n_clusters, covariance_type="diag", n_init=10, random_state=seed
        )
        # In float32 the variance of a narrow cluster can come out negative.
        return mixture.fit_predict(autoencoder.transform(X).astype(np.float64))
    # Frozen: as with Autoencoder(random_state=seed), but not trained once more.
    return deep_clusterers()[method](
        n_clusters, autoencoder=FrozenEstimator(autoencoder), random_state=seed
    ).fit_predict(X)


def measure(method, X, y, seed, pretrained):
    """Scores and seconds of one clustering; `pretrained()` is called where needed."""
    autoencoder, before = (None, 0.0) if method == K_MEANS else pretrained()
    begin = time.perf_counter()
    labels = cluster(method, X, len(np.unique(y)), seed, autoencoder)
    seconds = before + time.perf_counter() - begin
    scores = {name: float(score(y, labels)) for name, score in SCORES.items()}
    return {**scores, "seconds": seconds}


def precision(autoencoder):
    """The kind of numbers in which the network was trained."""
    device = torch.device(autoencoder.device_)
    dtype = resolve_precision(autoencoder.precision, device, autoencoder.model_)
    return "float32" if dtype is None else str(dtype).removeprefix("torch.")


@functools.cache
def prepare_process(threads):
    """Set the threads; load libraries and warm them up, outside all times."""
    torch.set_num_threads(threads)
    X = np.random.default_rng(0).normal(size=(50, 4))
    DECClustering(2, autoencoder=Autoencoder(max_epochs=1), max_epochs=1).fit(X)


def environment():
    """Hardware and versions."""
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        models = [ln.split(":")[1].strip() for ln in lines if ln.startswith("model n")]
        cpu = models[0] if models else cpu
    has_gpu = torch.cuda.is_available()
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name() if has_gpu else "cpu",
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scipy": scipy.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__,
        "skdeepcluster": skdeepcluster.__version__,
    }
