"""Deep k-Means."""

from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from sklearn.frozen import FrozenEstimator

from skdeepcluster.base import DecoderMixin
from skdeepcluster.cluster._shared._assignments import SoftAssignmentMixin
from skdeepcluster.cluster._shared._centroids import CentroidClusterer
from skdeepcluster.cluster._shared._objectives import CentroidObjective
from skdeepcluster.cluster._shared._pulls import TowardsAllCenters
from skdeepcluster.initialization import mean_square
from skdeepcluster.losses import mean_squared_error
from skdeepcluster.networks import SoftKMeansModel
from skdeepcluster.representation import Autoencoder
from skdeepcluster.utils import Reals

_N_LEVELS = 40  # of the inverse temperature, as in the paper


class AnnealedKMeans(CentroidObjective):
    """Rebuild the rows from embeddings near centroids, ever less of which count."""

    def __init__(
        self, model, n_samples, tol, refresh_interval, clustering_weight, last, n_steps
    ):
        super().__init__(model, n_samples, tol, refresh_interval)
        self.clustering_weight, self.pull = clustering_weight, TowardsAllCenters()
        # The model has the first one, or that with which the fit before ended.
        levels = annealed(float(model.inverse_temperature), last)
        self.register_buffer("levels", levels.to(model.centers.device))
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        # Of steps; until then `tol` stops nothing.
        self.n_annealing = 0 if levels[0] == levels[-1] else n_steps // 2
        model.inverse_temperature.fill_(levels[0 if self.n_annealing else -1])

    def refresh(self, trainer):
        _, labels, _ = self.label_all(trainer)
        return self.settle(labels) and bool(self.step >= self.n_annealing)

    def losses(self, batch):
        z = self.model.embed(batch.x)
        distance = self.pull(self.model, z, batch)
        return {
            "reconstruction": mean_squared_error(self.model.decode(z), batch.x),
            "clustering": self.clustering_weight * distance,
        }

    @torch.no_grad()
    def after_step(self, batch):
        """The next inverse temperature, once its share of the steps is over."""
        self.step += 1
        level = self.step * _N_LEVELS // max(1, self.n_annealing)
        level = level.clamp(max=_N_LEVELS - 1).reshape(1)
        self.model.inverse_temperature.copy_(self.levels.gather(0, level).squeeze(0))


def annealed(first: float, last: float) -> torch.Tensor:
    """The paper's inverse temperatures, from one to another.

    There are 40, each the one before times a constant to the power of
    ``1 / log(n)**2``, n = 2, 3, and so on. From 0.1 to 28.1 the constant is 2.
    """
    powers = torch.arange(2, _N_LEVELS + 1, dtype=torch.float64).log() ** -2
    share = torch.cat([torch.zeros(1), powers.cumsum(0) / powers.sum()])
    return (first * (last / first) ** share).float()


class DKMClustering(SoftAssignmentMixin, DecoderMixin, CentroidClusterer):
    r"""Deep k-Means: k-means whose labels are soft at first, trained with the network.

    An autoencoder embeds the rows and a first clustering places centroids in the
    embedding. Then network and centroids are trained together, by gradient: rows move
    towards the centroids, weighted by how near these are, and must still be rebuilt.
    Weights are spread over several centroids at first and are almost those of k-means
    at the end, so that rows between clusters decide late. It assumes what k-means
    assumes, but of the embedding: round clusters of similar width. Unlike
    :class:`DECClustering` it has no targets that ask for clusters of equal size.
    Columns in different units belong through a StandardScaler first.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    autoencoder : Autoencoder, FrozenEstimator or None, default=None
        The representation to start from. It is cloned and fitted first, with a seed
        derived from `random_state` where its own is None. None is ``Autoencoder()``
        with its defaults. A fitted one within a
        :class:`sklearn.frozen.FrozenEstimator` is not fitted again; a copy of its
        network is fine-tuned and the original stays as it is. Where it is fitted
        here, `device` and `checkpoint` are those of this estimator.
    clustering_weight : float, default=0.05
        Weight of the clustering term beside the reconstruction error, in range
        [0, inf).
    first_inverse_temperature : float, default=5.0
        How sharply a row prefers its nearest centroid at the start, in range (0, inf),
        in parts of the mean squared distance of the rows to the nearest of the first
        centroids. Far below 1 rows and centroids draw together. The same as
        `inverse_temperature`: no annealing.
    inverse_temperature : float, default=28.1
        The same once half of the steps are over, in range (0, inf). From some hundreds
        on labels are hard.
    tol : float, default=0.0001
        Stop when the share of rows whose label changed between two looks at all rows is
        below this, in range [0, 1].
    init : {"auto", "agglomerative", "kmeans"}, default="auto"
        The first clusters of the embedding: those of k-means, or clusters that merge
        two by two along its nearest neighbours, as in :class:`JULEClustering`; of more
        than 20,000 rows a sample merges, and each row goes with the nearest of these.
        ``"auto"`` makes both and takes the merged ones if they suit the graph of the
        neighbours better.
    n_init : int, default=20
        Number of k-means runs of which the best is taken, in range [1, inf).
    n_runs : int, default=1
        Number of fits, each with a seed of its own, of which the one is kept whose
        labels agree most with those of the others (mean adjusted Rand index), in range
        [1, inf). They train as one where that is faster: on a GPU, and many small
        networks on a CPU.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.0001
        Step size, in range (0, inf). With longer steps a wide network can move rows
        away from centroids, which move by no more than this in a step.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` spends a budget of optimiser
        steps: 200 epochs for small data, fewer the more rows there are. A number is
        obeyed exactly.
    batch_size : int or "auto", default="auto"
        Rows per optimiser step in range [1, inf). ``"auto"`` is 256, for small data an
        eighth of the rows but at least 16.
    memory : str, joblib.Memory or None, default=None
        Where to keep what is fitted first: fits that differ only in what comes after
        pre-training pre-train once. Needs an integer `random_state`, here or there.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the training steps. ``"auto"`` is bfloat16 where the hardware multiplies it
        natively and the layers are wide enough to gain, else float32. Everything after
        training is float32.
    device : str or torch.device, default="auto"
        Where to compute. ``"auto"`` is a CUDA device if there is one, else the CPU.
    distributed : bool, default=False
        Whether the processes that torchrun has started train one model together, each
        on the rows that it is given. `batch_size` is then that of all of them, and
        every process ends with the same model and its own `labels_`.
    checkpoint : str or path-like, default=None
        Folder in which a fit leaves its progress, in a subfolder of its own, so that
        the same fit started again goes on where it was interrupted. The subfolder is
        removed when the fit ends. Needs an integer `random_state`.
    random_state : int, RandomState instance or None, default=None
        Source of all randomness. With an integer, fits are repeatable on one machine
        with one set of versions and one number of threads.
    verbose : int, default=0
        0 is silent, 1 shows one progress bar per stage (where tqdm is installed and on
        a terminal), 2 logs one line per epoch to the logger ``"skdeepcluster"``.
    warm_start : bool, default=False
        Whether a fit goes on from the model of the fit before, on rows that may be
        others but have the same columns. Scaling and shape of the model stay, clusters
        keep their numbers, and a fit that fails leaves everything as it was.

    Attributes
    ----------
    labels_ : ndarray of shape (n_samples,), int64
        Cluster of each training row, the same as ``predict`` gives.
    cluster_centers_ : ndarray of shape (n_clusters_, n_components_)
        Centroids in the embedding space.
    cluster_means_ : ndarray of shape (n_clusters_, n_features_in_)
        Mean of the training rows of each cluster, in the units of `X`.
    n_clusters_ : int
        Number of clusters that have training rows; below `n_clusters` only after a
        ConvergenceWarning.
    inertia_ : float
        Sum of squared distances of the embedded training rows to their centroid.
    init_labels_ : ndarray of shape (n_samples,), int64
        Labels of `init` in the autoencoder's space, before the clustering stage.
    autoencoder_ : Autoencoder
        The fitted representation from which the clustering stage started.
    model_ : torch.nn.Module
        The trained network with its centroids, with ``embed`` and ``assign``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs of the clustering stage.
    history_ : list of dict
        One record per epoch and stage: stage, epoch, loss and its terms, learning rate
        and seconds; in the clustering stage also the share of labels that changed and
        the size of the smallest cluster. With `n_runs` above 1 each has the number of
        its run, and a last stage ``"runs"`` says for each run how many epochs it took,
        with which loss it ended, how well its labels agree with those of the others and
        whether it was kept. ``pandas.DataFrame(history_)`` makes it a table.
    image_shape_ : tuple of int or None
        Shape of one row where `X` had more than two dimensions.
    center_ : ndarray of shape (n_features_in_,)
        Mean of each feature, subtracted before everything else.
    scale_ : float
        The one number that all features are divided by: the root of the mean variance
        of the features.
    device_ : str
        Device on which `model_` is.
    n_features_in_ : int
        Number of features (of an image: of all its pixels and channels).
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, where `X` had string names for all of them.

    Raises
    ------
    ValueError
        From ``fit``, when a parameter or `X` is refused or the loss is not finite.
    MemoryError
        From ``fit``, when the device runs out of memory.

    See Also
    --------
    DCNClustering : Hard labels and centroids that are running means.
    IDECClustering : Soft assignments that are sharpened by targets.
    Autoencoder : The representation alone, to put any clusterer behind.

    Notes
    -----
    With the embedding :math:`z_i`, centroids :math:`\mu_j`, :math:`d` features and the
    decoder :math:`g` the loss is, as a mean over rows,

    .. math::

        L &= \frac{1}{d} \lVert x_i - g(z_i) \rVert^2
        + w \textstyle\sum_j r_{ij} \lVert z_i - \mu_j \rVert^2 \\
        r_{ij} &\propto \exp(- a \lVert z_i - \mu_j \rVert^2 / s)

    where the :math:`r_{ij}` of a row sum to one and are differentiated as well, and
    :math:`s` is the mean squared distance of the rows to the means of the first
    clusters, which stays. The inverse temperature :math:`a` has 40 values, each for one
    eightieth of the steps of `max_epochs` and the last one for the rest of them, with

    .. math:: a_{n+1} = c^{1 / \log^2 (n + 1)} a_n

    and the :math:`c` that leads from `first_inverse_temperature` to
    `inverse_temperature`. Before the last of them `tol` stops nothing.
    ``predict_proba`` is :math:`r`, and labels are its largest. With `warm_start` the
    inverse temperature goes on from where it was. The paper's :math:`\lambda` belongs
    to a reconstruction error that is summed over features: :math:`w = \lambda / d`.

    Departures from [1]_: it has one variant with k-means on a trained autoencoder and
    :math:`a = 1000` throughout, and one with random networks and centroids and
    :math:`a` from 0.1 to 28.1 (:math:`c = 2`), while here :math:`a` rises also after a
    start from clusters (`init`), from `first_inverse_temperature`, and is relative to
    the scale :math:`s`; it rises over half of the training, so that the rest can stop
    early; the learning rate is a tenth of the paper's; labels are those of the trained
    network and not of when a row was last in a batch; rows are shuffled, not drawn with
    replacement; the size of the embedding is that of the autoencoder and not the number
    of clusters; a centroid without rows is moved to the row farthest from all others,
    and dropped if it ends without rows.

    References
    ----------
    .. [1] M. Moradi Fard, T. Thonet, E. Gaussier (2020). Deep k-Means: jointly
       clustering with k-Means and learning representations. Pattern Recognition Letters
       138, 185-192. doi:10.1016/j.patrec.2020.07.028

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import Autoencoder, DKMClustering
    >>> X, _ = load_iris(return_X_y=True)
    >>> dkm = DKMClustering(3, autoencoder=Autoencoder(max_epochs=20), random_state=0)
    >>> labels = make_pipeline(StandardScaler(), dkm).fit_predict(X)
    >>> dkm.inverse_transform(dkm.cluster_centers_).shape
    (3, 4)
    """

    _parameter_rules = {
        **CentroidClusterer._parameter_rules,
        "clustering_weight": [Reals(0)],
        "first_inverse_temperature": [Reals(0, closed="neither")],
        "inverse_temperature": [Reals(0, closed="neither")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        autoencoder: Autoencoder | FrozenEstimator | None = None,
        clustering_weight: float = 0.05,
        first_inverse_temperature: float = 5.0,
        inverse_temperature: float = 28.1,
        tol: float = 1e-4,
        init: Literal["auto", "agglomerative", "kmeans"] = "auto",
        n_init: int = 20,
        n_runs: int = 1,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 1e-4,
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        memory: str | Memory | None = None,
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        device: str | torch.device = "auto",
        distributed: bool = False,
        checkpoint: str | PathLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ):
        self.n_clusters = n_clusters
        self.autoencoder = autoencoder
        self.clustering_weight = clustering_weight
        self.first_inverse_temperature = first_inverse_temperature
        self.inverse_temperature = inverse_temperature
        self.tol = tol
        self.init = init
        self.n_init = n_init
        self.n_runs = n_runs
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.memory = memory
        self.precision = precision
        self.device = device
        self.distributed = distributed
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _first_model(self, trainer, autoencoder, seed):
        encoder, decoder = autoencoder.encoder, autoencoder.decoder
        centers, z = self._first_centers(trainer, autoencoder, seed)
        model = SoftKMeansModel(encoder, centers, decoder).to(trainer.device)
        model.scale.fill_(mean_square(z, centers))
        model.inverse_temperature.fill_(self.first_inverse_temperature)
        return model

    def _objective(self, trainer, model):
        return AnnealedKMeans(
            model,
            trainer.n_samples,
            self.tol,
            trainer.steps_per_epoch,
            self.clustering_weight,
            self.inverse_temperature,
            self._n_epochs(trainer) * trainer.steps_per_epoch,
        )
