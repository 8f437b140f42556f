"""Deep Convolutional Embedded Clustering."""

from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from sklearn.frozen import FrozenEstimator

from skdeepcluster.cluster._idec import IDECClustering
from skdeepcluster.initialization import lloyd
from skdeepcluster.representation import Autoencoder


class DCECClustering(IDECClustering):
    r"""Deep Convolutional Embedded Clustering: IDEC on images.

    Like :class:`IDECClustering`, but the autoencoder is convolutional: it knows which
    pixels are neighbours. Use it on images of one kind, such as digits or scanned
    symbols; photographs of things need contrastive methods. Rows that are no images go
    through a fully connected autoencoder, as IDEC's do. It shares the pull towards
    clusters of equal size.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    autoencoder : Autoencoder, FrozenEstimator or None, default=None
        The representation to start from. It is cloned and fitted first, with a seed
        derived from `random_state` where its own is None. None is
        ``Autoencoder(network="convolutional")``. A fitted one within a
        :class:`sklearn.frozen.FrozenEstimator` is not fitted again; a copy of its
        network is fine-tuned and the original stays as it is. Where it is fitted
        here, `device` and `checkpoint` are those of this estimator.
    clustering_weight : float or "auto", default="auto"
        Weight of the clustering term beside the reconstruction error, in range
        [0, inf). ``"auto"`` is 78.4 divided by the number of features, but at most 1.
    alpha : float, default=1.0
        Degrees of freedom of Student's t-distribution in range (0, inf).
    balance : float, default=0.25
        Exponent of the soft frequencies that the targets are divided by, in range
        [0, inf). At 1, as published, the targets pull strongly towards clusters of
        equal size; at 0 not at all.
    recluster : bool, default=False
        Whether k-means in the trained embedding, begun at the trained centroids, gives
        the last ones.
    update_interval : int or "auto", default="auto"
        Optimiser steps between two renewals of the targets, in range [1, inf).
        ``"auto"`` is half an epoch but at least 20 steps.
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
    IDECClustering : The same with a fully connected network.
    Autoencoder : The representation alone, to put any clusterer behind.

    Notes
    -----
    The loss is that of :class:`IDECClustering`. Images come as arrays of shape
    (n_samples, height, width) or with an axis for channels, or as flat rows with
    ``Autoencoder(network="convolutional", image_shape=...)``.

    The variant of [2]_ renews its targets once in an epoch, weighs the divergence
    summed over a batch as much as the error, and ends with k-means: set
    `update_interval` to the steps of an epoch, `clustering_weight` to `batch_size` and
    `recluster` to True.

    Departures from [1]_: rows are scaled, and `clustering_weight` and `balance` are as
    for :class:`IDECClustering`; a linear map stands beside encoder and decoder; batches
    are shuffled; a centroid without rows is moved or, at the end, dropped; at sides
    that are no multiple of 8 the smallest feature maps are rounded up, where the
    paper's lose a border. From [2]_: the network is that of [1]_, and the last k-means
    has one start.

    References
    ----------
    .. [1] X. Guo, X. Liu, E. Zhu, J. Yin (2017). Deep clustering with convolutional
       autoencoders. Neural Information Processing, Lecture Notes in Computer Science
       10635, 373-382. doi:10.1007/978-3-319-70096-0_39
    .. [2] E. Aljalbout, V. Golkov, Y. Siddiqui, M. Strobel, D. Cremers (2018).
       Clustering with deep learning: taxonomy and new methods.
       doi:10.48550/arXiv.1801.07648

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import Autoencoder, DCECClustering
    >>> images = load_digits().images[:200]
    >>> autoencoder = Autoencoder(network="convolutional", max_epochs=2)
    >>> dcec = DCECClustering(10, autoencoder=autoencoder, max_epochs=2, random_state=0)
    >>> dcec.fit_predict(images).shape
    (200,)
    >>> dcec.image_shape_
    (8, 8)
    """

    _parameter_rules = {
        **IDECClustering._parameter_rules,
        "recluster": [True, False],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        autoencoder: Autoencoder | FrozenEstimator | None = None,
        clustering_weight: float | Literal["auto"] = "auto",
        alpha: float = 1.0,
        balance: float = 0.25,
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
        super().__init__(
            n_clusters,
            autoencoder=autoencoder,
            clustering_weight=clustering_weight,
            alpha=alpha,
            balance=balance,
            update_interval=update_interval,
            tol=tol,
            init=init,
            n_init=n_init,
            n_runs=n_runs,
            optimizer=optimizer,
            learning_rate=learning_rate,
            max_epochs=max_epochs,
            batch_size=batch_size,
            memory=memory,
            precision=precision,
            device=device,
            distributed=distributed,
            checkpoint=checkpoint,
            random_state=random_state,
            verbose=verbose,
            warm_start=warm_start,
        )
        self.recluster = recluster

    def _default_learner(self):
        return Autoencoder(network="convolutional")

    def _finish(self, trainer, objective):
        model = objective.model
        if self.recluster:
            z = trainer.passes(model.embed, self.n_components_)
            model.centers.data.copy_(lloyd(z, model.centers.data))
