"""A clustering composed of the parts that published ones are made of."""

from collections.abc import Callable
from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment
from sklearn.frozen import FrozenEstimator
from sklearn.utils.metaestimators import available_if

from skdeepcluster.base import DecoderMixin
from skdeepcluster.cluster._shared._assignments import SoftAssignmentMixin
from skdeepcluster.cluster._shared._design import DesignClusterer
from skdeepcluster.cluster._shared._size_prior import SIZE_PRIORS
from skdeepcluster.engine import derive_seed
from skdeepcluster.initialization import (
    kmeans_centers,
    lloyd,
    mean_square,
    with_all_layers,
)
from skdeepcluster.networks import (
    CentroidModel,
    SoftKMeansModel,
)
from skdeepcluster.representation import (
    AUGMENTATIONS,
    Autoencoder,
)
from skdeepcluster.utils import Integers, Reals


def _has_decoder(estimator):
    if hasattr(estimator, "model_"):
        return estimator.model_.decoder is not None
    return estimator._keeps_decoder


class ComposedClustering(SoftAssignmentMixin, DecoderMixin, DesignClusterer):
    r"""A clustering composed of the parts that published ones are made of.

    Most methods that go on from an autoencoder differ in a few choices: what is
    clustered, what pulls rows to centroids, which other losses hold the embedding, how
    they are weighted in the course of training, and what moves the centroids. Here
    each choice is a parameter, so that a search can go through designs. DEC, IDEC and
    DCN are some of them, and IDEC is the default; take :class:`IDECClustering` and its
    relatives where one of them is meant. Columns in different units belong through a
    StandardScaler first.

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
    features : {"last", "all"}, default="last"
        What is clustered: the embedding of the autoencoder; or the outputs of all
        layers of its encoder side by side, of images the means of their feature maps,
        each scaled to the same share of the variance.
    clustering_loss : str or None, default="hardening"
        What pulls rows to centroids. ``"kmeans"`` is the squared distance to the
        nearest one, as in DCN; ``"soft_kmeans"`` to all of them, each as likely as it
        is near, as in DKM; ``"hardening"`` is the divergence from targets that are the
        soft assignments sharpened, as in DEC. None: nothing does.
    clustering_weight : float or "auto", default="auto"
        Weight of the clustering loss, in range [0, inf). ``"auto"`` is 78.4 divided by
        the number of features, but at most 1, for ``"hardening"``, 0.05 for the other
        two, and 1 where nothing is reconstructed.
    clustering_schedule : {"constant", "warm_up"}, default="constant"
        Whether the clustering loss has its weight from the start, or it grows evenly
        from zero over the first half of the steps, during which `tol` stops nothing.
    center_update : {"gradient", "running_mean", "kmeans"}, default="gradient"
        What moves the centroids: the optimiser, as it moves the network; the rows of
        each batch, of which they are running means; or k-means, begun where they are,
        at each look at all rows and at the end. Without a loss that depends on
        centroids it is ``"kmeans"`` in any case.
    update_encoder : bool, default=True
        Whether the network is trained as well. Without, only centroids are, by
        gradient, and the losses that do not depend on them are left out.
    reconstruction_weight : float, default=1.0
        Weight of the reconstruction error in range [0, inf). At 0 the decoder is
        dropped, and with it ``inverse_transform``.
    balance_weight : float, default=0.0
        Weight of the divergence, in nats, of the mean assignment of a batch from
        `size_prior`, in range [0, inf). At 0 `size_prior` does not count.
    size_prior : {"uniform", "zipf"} or array-like, default="uniform"
        Which sizes of clusters are expected: equal ones, sizes that fall as one over
        their rank, or a positive number for each cluster, in any order, which are
        divided by their sum.
    locality_weight : float, default=0.0
        Weight of the squared distance between a row and one of its 10 nearest
        neighbours in the input, in range [0, inf).
    augmentation_weight : float, default=0.0
        Weight of the squared distance between a row and a random view of it, in range
        [0, inf). At 0 no views are made.
    augmentation : str or callable, default="auto"
        How views are made, anew in every step. Of images: ``"strong"`` crops, turns
        and colours them, ``"weak"`` moves them a little. Of other rows:
        ``"corruption"`` gives three tenths of the features the values of other rows,
        ``"noise"`` adds a tenth of their standard deviation, ``"neighbors"`` moves a
        row up to half the way to one of its ten nearest neighbours. ``"auto"`` is
        ``"strong"`` for images, ``"neighbors"`` for rows of fewer than 10 features,
        else ``"corruption"``. A callable is given a batch and returns it
        changed: of images as (n, channels, height, width) with values in [0, 1], of
        other rows centred and scaled.
    alpha : float, default=1.0
        Degrees of freedom of Student's t-distribution in range (0, inf).
    balance : float, default=0.25
        Exponent of the soft frequencies that the targets are divided by, in range
        [0, inf). At 1, as published, the targets pull strongly towards clusters of
        equal size; at 0 not at all.
    inverse_temperature : float, default=28.1
        How much nearer a centroid of ``"soft_kmeans"`` must be to count alone, in range
        (0, inf): the distances are in parts of their mean square at the start.
    recluster : bool, default=False
        Whether k-means anew in the trained embedding gives the last centroids, the best
        of `n_init` runs. Clusters keep the number of the one whose rows they share.
    update_interval : int or "auto", default="auto"
        Optimiser steps between two looks at all rows, which renew labels, targets and,
        with ``"kmeans"``, centroids, in range [1, inf). ``"auto"`` is half an epoch but
        at least 20 steps for ``"hardening"``, else an epoch.
    tol : float, default=0.001
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
    learning_rate : float, default=0.001
        Step size, in range (0, inf).
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
    DECClustering, IDECClustering, DCNClustering : Designs that have been published.
    skdeepcluster.metrics.make_clustering_scorer : A score for searches.

    Notes
    -----
    With the embedding :math:`z_i`, centroids :math:`\mu_j`, :math:`d` features and the
    decoder :math:`g` the loss is, as a mean over rows,

    .. math::

        L = w_r \frac{1}{d} \lVert x_i - g(z_i) \rVert^2 + w_c(t) C_i
        + w_b \mathrm{KL}(\bar{q} \Vert u)
        + w_l e^{-\lVert x_i - x_j \rVert^2 / h} \lVert z_i - z_j \rVert^2
        + w_a \lVert z_i - f(T(x_i)) \rVert^2.

    The clustering loss :math:`C_i` is :math:`\lVert z_i - \mu_{s_i} \rVert^2` with the
    label :math:`s_i` that the row got last; or :math:`\sum_j r_{ij} \lVert z_i - \mu_j
    \rVert^2`, where :math:`r_{ij}` is a softmax of minus the squared distances; or
    :math:`\sum_j p_{ij} \log (p_{ij} / q_{ij})` with the assignments and targets of
    :class:`DECClustering`. The mean :math:`\bar{q}` of the assignments of a batch and
    the prior :math:`u` are both sorted, for clusters have no names. :math:`x_j` is one
    of the 10 nearest neighbours of :math:`x_i`, drawn anew in each step, :math:`h` the
    median of their squared distances, and :math:`T` a random view.

    Rows that are only pulled together end in one point. The squared distances to
    centroids, neighbours and views therefore need the reconstruction error or, of the
    last two, ``"hardening"``; ``fit`` refuses designs that have neither.

    A design without any loss is an autoencoder and the first clusters. What is joint
    from the start has ``Autoencoder(max_epochs=0)``. Clusters of the embedding by
    another clusterer need no parameter: every clusterer here is a transformer and goes
    before it in a Pipeline.

    With ``features="all"`` the embedding is the wide one throughout: `n_components_`,
    ``transform``, `cluster_centers_`; ``inverse_transform`` decodes its last part.
    Centre and scale of the layers are those of the pre-trained network.

    Where no loss pulls rows to centroids softly, ``predict_proba`` is the
    t-distribution of DEC around centroids that were not trained for it; labels are
    always those of the nearest centroid. Of several processes each has the neighbours
    among its own rows.

    Departures from [1]_: first clusters (`init`) give the centroids also of a design
    that is joint from the start; neighbours are drawn one by one; the similarity of a
    row and its view is minus their squared distance.

    References
    ----------
    .. [1] E. Aljalbout, V. Golkov, Y. Siddiqui, M. Strobel, D. Cremers (2018).
       Clustering with deep learning: taxonomy and new methods.
       doi:10.48550/arXiv.1801.07648

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import Autoencoder, ComposedClustering
    >>> X, _ = load_iris(return_X_y=True)
    >>> design = ComposedClustering(
    ...     3,
    ...     autoencoder=Autoencoder(max_epochs=20),
    ...     clustering_loss="soft_kmeans",
    ...     locality_weight=0.01,
    ...     max_epochs=10,
    ...     random_state=0,
    ... )
    >>> make_pipeline(StandardScaler(), design).fit_predict(X).shape
    (150,)
    """

    _parameter_rules = {
        **DesignClusterer._parameter_rules,
        "features": ["last", "all"],
        "clustering_loss": [None, "kmeans", "soft_kmeans", "hardening"],
        "clustering_weight": ["auto", Reals(0)],
        "clustering_schedule": ["constant", "warm_up"],
        "center_update": ["gradient", "running_mean", "kmeans"],
        "update_encoder": [True, False],
        "reconstruction_weight": [Reals(0)],
        "balance_weight": [Reals(0)],
        "size_prior": SIZE_PRIORS,
        "locality_weight": [Reals(0)],
        "augmentation_weight": [Reals(0)],
        "augmentation": [*AUGMENTATIONS, callable],
        "alpha": [Reals(0, closed="neither")],
        "balance": [Reals(0)],
        "inverse_temperature": [Reals(0, closed="neither")],
        "recluster": [True, False],
        "update_interval": ["auto", Integers(1)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        autoencoder: Autoencoder | FrozenEstimator | None = None,
        features: Literal["last", "all"] = "last",
        clustering_loss: Literal["kmeans", "soft_kmeans", "hardening"]
        | None = "hardening",
        clustering_weight: float | Literal["auto"] = "auto",
        clustering_schedule: Literal["constant", "warm_up"] = "constant",
        center_update: Literal["gradient", "running_mean", "kmeans"] = "gradient",
        update_encoder: bool = True,
        reconstruction_weight: float = 1.0,
        balance_weight: float = 0.0,
        size_prior: Literal["uniform", "zipf"] | ArrayLike = "uniform",
        locality_weight: float = 0.0,
        augmentation_weight: float = 0.0,
        augmentation: str | Callable = "auto",
        alpha: float = 1.0,
        balance: float = 0.25,
        inverse_temperature: float = 28.1,
        recluster: bool = False,
        update_interval: int | Literal["auto"] = "auto",
        tol: float = 1e-3,
        init: Literal["auto", "agglomerative", "kmeans"] = "auto",
        n_init: int = 20,
        n_runs: int = 1,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 1e-3,
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
        self.features = features
        self.clustering_loss = clustering_loss
        self.clustering_weight = clustering_weight
        self.clustering_schedule = clustering_schedule
        self.center_update = center_update
        self.update_encoder = update_encoder
        self.reconstruction_weight = reconstruction_weight
        self.balance_weight = balance_weight
        self.size_prior = size_prior
        self.locality_weight = locality_weight
        self.augmentation_weight = augmentation_weight
        self.augmentation = augmentation
        self.alpha = alpha
        self.balance = balance
        self.inverse_temperature = inverse_temperature
        self.recluster = recluster
        self.update_interval = update_interval
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

    inverse_transform = available_if(_has_decoder)(DecoderMixin.inverse_transform)

    def _first_model(self, trainer, autoencoder, seed):
        if self.features == "all":
            autoencoder = with_all_layers(trainer, autoencoder)
            self.n_components_ = autoencoder.encoder.n_outputs
        centers, z = self._first_centers(trainer, autoencoder, seed)
        decoder = autoencoder.decoder if self._keeps_decoder else None
        if self.clustering_loss != "soft_kmeans":
            return CentroidModel(autoencoder.encoder, centers, self.alpha, decoder)
        model = SoftKMeansModel(autoencoder.encoder, centers, decoder)
        model.scale.fill_(mean_square(z, centers))
        model.inverse_temperature.fill_(self.inverse_temperature)
        return model

    def _renew(self, model):
        super()._renew(model)
        if isinstance(model, SoftKMeansModel):
            model.inverse_temperature.fill_(self.inverse_temperature)

    def _finish(self, trainer, objective):
        if not self.recluster and self._center_update() != "kmeans":
            return
        model = objective.model
        z = trainer.passes(model.embed, self.n_components_)
        if not self.recluster:
            model.centers.data.copy_(lloyd(z, model.centers.data))
            return
        seed = derive_seed(trainer.seed, "recluster")
        before = z.apply(model.nearest)
        centers, labels = kmeans_centers(z, self.n_clusters, self.n_init, seed)
        # Clusters keep the number of the one with whom they share most rows.
        k = len(centers)
        shared = z.group.sum(torch.bincount(before * k + labels, minlength=k * k))
        _, numbers = linear_sum_assignment(-shared.view(k, k).cpu().numpy())
        model.centers.data.copy_(centers[torch.from_numpy(numbers).to(z.device)])
