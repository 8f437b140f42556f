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
from sklearn.decomposition import TruncatedSVD
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer

import skdeepcluster
from skdeepcluster import (
    BYOL,
    Autoencoder,
    DECClustering,
    DeepBeliefNetwork,
    SimCLR,
)
from skdeepcluster.engine import resolve_precision
from skdeepcluster.metrics import clustering_accuracy

SCORES = {
    "acc": clustering_accuracy,
    "nmi": normalized_mutual_info_score,
    "ari": adjusted_rand_score,
}
MEASURED = [*SCORES, "seconds"]

K_MEANS = "KMeans"
LATENT = "TruncatedSVD + KMeans"
TWO_STEP = "Autoencoder + KMeans"
MIXTURE = "Autoencoder + GaussianMixture"
CONTRAST = "SimCLR + KMeans"
BOOTSTRAP = "BYOL + KMeans"
BELIEF = "DeepBeliefNetwork + KMeans"
SCAN, CC = "SCANClustering", "ContrastiveClustering"
DCEC, DEPICT = "DCECClustering", "DEPICTClustering"
COMPOSED = "ComposedClustering"
IIC, SWAV, PCL = "IICClustering", "SwAVClustering", "PCLClustering"
IDFD, DEEPCLUSTER = "IDFDClustering", "DeepCluster"
DAC, PICA, IMSAT = "DACClustering", "PICAClustering", "IMSATClustering"
TEMI, TURTLE = "TEMIClustering", "TURTLEClustering"
BEHIND_CONTRAST = {f"SimCLR + {method}": method for method in (TEMI, TURTLE)}
JULE, ENSEMBLE = "JULEClustering", "SCEDAEClustering"
INFOGAN, CLUSTERGAN = "InfoGANClustering", "ClusterGANClustering"
TWO_SPACES = "CMSCDCCAClustering"  # of flat rows, the two halves of the columns
DESIGNS = {  # of ComposedClustering, by what is not at its default
    ", ".join(f"{name}={value!r}" for name, value in changes.items()): changes
    for changes in [
        {"features": "all"},
        {"clustering_loss": None},
        {"clustering_loss": "kmeans"},
        {"clustering_loss": "soft_kmeans"},
        {"clustering_schedule": "warm_up"},
        {"center_update": "running_mean"},
        {"center_update": "kmeans"},
        {"update_encoder": False},
        {"reconstruction_weight": 0.0},
        {"balance_weight": 0.1},
        {"balance_weight": 0.1, "size_prior": "zipf"},
        {"locality_weight": 0.1},
        {"augmentation_weight": 0.03},
        {"recluster": True},
        {"init": "kmeans"},
    ]
}


def deep_clusterers():
    """The public clusterers that go on from an autoencoder, by name."""
    public = [getattr(skdeepcluster, name) for name in skdeepcluster.__all__]
    return {
        cls.__name__: cls
        for cls in public
        if inspect.isclass(cls)
        and issubclass(cls, ClusterMixin)
        and {"autoencoder", "n_clusters", "max_epochs"}
        <= inspect.signature(cls).parameters.keys()
    }


FROM_AUTOENCODER = [TWO_STEP, MIXTURE, *deep_clusterers()]
FROM_VIEWS = [CONTRAST, BOOTSTRAP, CC, IIC, PICA, SWAV, DAC, PCL, IDFD, DEEPCLUSTER]
METHODS = [  # of flat rows, where DCEC is IDEC; of views, an embedding and a clusterer
    # Composed without settings is IDEC as well.
    *(m for m in (K_MEANS, *FROM_AUTOENCODER, ENSEMBLE) if m not in (DCEC, COMPOSED)),
    *(BELIEF, CONTRAST, CC, SCAN, TEMI, TURTLE, IMSAT),
    *(JULE, INFOGAN, CLUSTERGAN, TWO_SPACES),
]
METHODS_OF_IMAGES = [
    *(K_MEANS, TWO_STEP, DCEC, DEPICT, *FROM_VIEWS, SCAN, *BEHIND_CONTRAST),
    *(IMSAT, JULE, INFOGAN, CLUSTERGAN),
]


class Starts:
    """Learners that methods start from, each fitted when it is first asked for.

    Of images the autoencoder is convolutional.
    """

    def __init__(self, X, seed):
        self.X, self.seed = X, seed

    @functools.cached_property
    def autoencoder(self):
        """The autoencoder, and its seconds."""
        network = "convolutional" if self.X.ndim > 2 else None
        return timed_fit(Autoencoder(network=network, random_state=self.seed), self.X)

    @functools.cached_property
    def simclr(self):
        """SimCLR, and its seconds."""
        return timed_fit(SimCLR(random_state=self.seed), self.X)

    @functools.cached_property
    def byol(self):
        """BYOL, and its seconds."""
        return timed_fit(BYOL(random_state=self.seed), self.X)

    @functools.cached_property
    def belief(self):
        """The deep belief network, and its seconds."""
        return timed_fit(DeepBeliefNetwork(random_state=self.seed), self.X)

    def of(self, method):
        """That of a method, and its seconds; None where it has none."""
        if method in FROM_AUTOENCODER or method in DESIGNS:
            return self.autoencoder
        from_simclr = method in (CONTRAST, *BEHIND_CONTRAST)
        if from_simclr or (method == SCAN and self.X.ndim > 2):
            return self.simclr
        if method == BOOTSTRAP:
            return self.byol
        if method == BELIEF:
            return self.belief
        return None, 0.0


def timed_fit(estimator, X):
    begin = time.perf_counter()
    return estimator.fit(X), time.perf_counter() - begin


def cluster(method, X, n_clusters, seed, start):
    """Labels by one method, from the learner that it starts from."""
    k_means = KMeans(n_clusters, n_init=20, random_state=seed)
    if method == K_MEANS:
        return k_means.fit_predict(X.reshape(X.shape[0], -1))
    if method == LATENT:
        svd = TruncatedSVD(100, random_state=seed)
        return make_pipeline(svd, Normalizer(), k_means).fit_predict(X)
    if method in (TWO_STEP, CONTRAST, BOOTSTRAP, BELIEF):
        return k_means.fit_predict(start.transform(X))
    if method in BEHIND_CONTRAST:
        cls = getattr(skdeepcluster, BEHIND_CONTRAST[method])
        return cls(n_clusters, random_state=seed).fit_predict(start.transform(X))
    if method == MIXTURE:
        mixture = GaussianMixture(
            n_clusters, covariance_type="diag", n_init=10, random_state=seed
        )
        # In float32 the variance of a narrow cluster can come out negative.
        return mixture.fit_predict(start.transform(X).astype(np.float64))
    # Frozen: as with a learner of the same seed, but not trained once more.
    given = {} if start is None else {part_of(method): FrozenEstimator(start)}
    changes = {}
    if method == COMPOSED or method in DESIGNS:
        method, changes = COMPOSED, DESIGNS.get(method, {})
    cls = getattr(skdeepcluster, method)
    return cls(n_clusters, random_state=seed, **given, **changes).fit_predict(X)


def part_of(method):
    """The name of the parameter for what it starts from."""
    return "representation" if method == SCAN else "autoencoder"


def measure(method, X, y, seed, starts):
    """Scores and seconds of one clustering."""
    start, before = starts.of(method)
    begin = time.perf_counter()
    labels = cluster(method, X, len(np.unique(y)), seed, start)
    seconds = before + time.perf_counter() - begin
    scores = {name: float(score(y, labels)) for name, score in SCORES.items()}
    return {**scores, "seconds": seconds}


def precision(learner):
    """The kind of numbers in which its network was trained; nothing without one."""
    if learner is None:
        return ""
    device = torch.device(learner.device_)
    dtype = resolve_precision(learner.precision, device, learner.model_)
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
