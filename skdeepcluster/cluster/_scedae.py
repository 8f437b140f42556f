"""Spectral clustering via an ensemble of deep autoencoders."""

import copy
import itertools
import math
from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from scipy.linalg import eigh
from scipy.sparse import csr_array
from sklearn.frozen import FrozenEstimator
from torch import Tensor

from skdeepcluster.cluster._shared._base import DeepClusterer
from skdeepcluster.cluster._shared._centroids import CentersMixin
from skdeepcluster.cluster._shared._runs import learn_as_one, run_seeds
from skdeepcluster.cluster._shared._sub_estimator import SubEstimatorMixin
from skdeepcluster.engine import Passes, Rows, blocks_of, derive_seed, resolve_seed
from skdeepcluster.initialization import kmeans_centers
from skdeepcluster.networks import CentroidModel, LandmarkEncoder, SumOfEncoders
from skdeepcluster.representation import Autoencoder
from skdeepcluster.utils import Integers

# Of squared singular values, of which the largest is one; below it is rounding.
_LEAST = 1e-10


class SCEDAEClustering(SubEstimatorMixin, CentersMixin, DeepClusterer):
    r"""SC-EDAE: spectral clustering of what several autoencoders make of the rows.

    Autoencoders that differ in their first weights embed the rows. In each embedding a
    row is described by the few landmarks next to it; two rows are similar as far as
    they share landmarks, in as many embeddings as possible. Spectral clustering of
    this similarity finds the clusters, which need not be round, in time that grows with
    the rows and not with their square. Nothing is trained after the autoencoders: there
    is no loss to balance. Prefer :class:`DECClustering` where several autoencoders
    cost too much, and k-means where clusters are round and rows few. Columns in
    different units belong through a StandardScaler first.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    autoencoder : Autoencoder, FrozenEstimator or None, default=None
        What the members of the ensemble are copies of. They are fitted first, each with
        a seed derived from its `random_state` or, where that is None, from that of this
        estimator. None is ``Autoencoder(likelihood="bernoulli")``, which has no linear
        path: they have only their first weights to differ in. A fitted one within a
        :class:`sklearn.frozen.FrozenEstimator` is not fitted again, and is then the
        only member. `device` and `checkpoint` are those of this estimator.
    n_autoencoders : int, default=6
        Number of autoencoders in range [1, inf).
    vary : {"weights", "epochs", "layers"}, default="weights"
        In what the members differ: in their first weights alone; or also in the number
        of their epochs, in equal steps up to that of `autoencoder`; or also in the
        order of their hidden layers, which then need different widths. A module as
        `network` gives all of them its own first weights: give a function that makes
        one.
    n_landmarks : int, default=100
        Landmarks in each embedding, found by k-means, in range [`n_clusters`, inf);
        never more than there are distinct rows.
    n_nearest : int, default=5
        Landmarks that a row has a weight for, in range [1, inf): the nearest ones.
    n_init : int, default=20
        Number of k-means runs in the spectral embedding, of which the best is kept, in
        range [1, inf).
    memory : str, joblib.Memory or None, default=None
        Where to keep what is fitted first: fits that differ only in what comes after
        pre-training pre-train once. Needs an integer `random_state`, here or there.
    device : str or torch.device, default="auto"
        Where to compute. ``"auto"`` is a CUDA device if there is one, else the CPU.
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
    singular_values_ : ndarray of shape (n_components_,), float64
        Of the matrix of affinities, falling from one: as many ones as there are groups
        of rows that share no landmark, and a gap behind the number of clusters where
        that is clear.
    autoencoders_ : list of Autoencoder
        The fitted members of the ensemble.
    model_ : torch.nn.Module
        The encoders with landmarks, spectral embedding and centroids, with ``embed``
        and ``label``.
    n_components_ : int
        Size of the embedding.
    history_ : list of dict
        One record per autoencoder, as ``run``, and epoch: stage, epoch, loss and its
        terms, learning rate and seconds; none after a warm start.
        ``pandas.DataFrame(history_)`` makes it a table.
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
    DECClustering : Fine-tunes one autoencoder for round clusters.
    Autoencoder : One member, to put any clusterer behind.
    sklearn.cluster.SpectralClustering : The same of the rows and all their pairs.

    Notes
    -----
    With the embedding :math:`z_i` of a row by the :math:`l`-th of :math:`m`
    autoencoders and the landmarks :math:`u_j` there, the affinities are

    .. math::

        Z^{(l)}_{ij} = \frac{\exp(-\lVert z_i - u_j \rVert^2 / 2 \sigma_i^2)}
        {\sum_{j'} \exp(-\lVert z_i - u_{j'} \rVert^2 / 2 \sigma_i^2)}

    over the `n_nearest` landmarks, zero for all others, with :math:`\sigma_i^2`, the
    mean of the squared distances of the row to these. Side by side, each column divided
    by the root of its sum, they are the matrix

    .. math::

        \bar Z = \frac{1}{\sqrt m} \bigl[ Z^{(1)} D_1^{-1/2} \mid \dots \mid
        Z^{(m)} D_m^{-1/2} \bigr] = U S V^T .

    The embedding is :math:`\sqrt n \, U`, of `n_clusters` columns, which for any row,
    new or not, is :math:`\sqrt n \, \bar z V S^{-1}`; k-means divides it. The first
    column is constant where all rows hang together. :math:`V` and :math:`S` come from
    the square matrix :math:`\bar Z^T \bar Z`, of `n_autoencoders` times `n_landmarks`
    rows, which is summed over blocks of rows.

    A warm start keeps autoencoders, landmarks and :math:`V`, and moves the centroids.

    Departures from [1]_: the widths of the autoencoders and their training are those of
    this package; members with other numbers of epochs or orders of layers differ in
    their first weights, too; the width of the kernel is that of each row; the factor
    :math:`\sqrt n`, which k-means does not notice.

    References
    ----------
    .. [1] S. Affeldt, L. Labiod, M. Nadif (2020). Spectral clustering via ensemble deep
       autoencoder learning (SC-EDAE). Pattern Recognition 108, 107522.
       doi:10.1016/j.patcog.2020.107522

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import Autoencoder, SCEDAEClustering
    >>> X, _ = load_iris(return_X_y=True)
    >>> ensemble = SCEDAEClustering(
    ...     3, autoencoder=Autoencoder(max_epochs=5), n_autoencoders=3, random_state=0
    ... )
    >>> labels = make_pipeline(StandardScaler(), ensemble).fit_predict(X)
    >>> len(ensemble.autoencoders_)
    3
    """

    # Nothing is trained here: these are for members of the ensemble to have.
    batch_size, precision = "auto", "auto"
    _learners = (Autoencoder,)

    _parameter_rules = {
        **{
            name: DeepClusterer._parameter_rules[name]
            for name in (
                "n_clusters",
                "device",
                "checkpoint",
                "random_state",
                "verbose",
                "warm_start",
            )
        },
        **SubEstimatorMixin._sub_estimator_rules,
        "autoencoder": [None, Autoencoder, FrozenEstimator],
        "n_autoencoders": [Integers(1)],
        "vary": ["weights", "epochs", "layers"],
        "n_landmarks": [Integers(1)],
        "n_nearest": [Integers(1)],
        "n_init": [Integers(1)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        autoencoder: Autoencoder | FrozenEstimator | None = None,
        n_autoencoders: int = 6,
        vary: Literal["weights", "epochs", "layers"] = "weights",
        n_landmarks: int = 100,
        n_nearest: int = 5,
        n_init: int = 20,
        memory: str | Memory | None = None,
        device: str | torch.device = "auto",
        checkpoint: str | PathLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ):
        self.n_clusters = n_clusters
        self.autoencoder = autoencoder
        self.n_autoencoders = n_autoencoders
        self.vary = vary
        self.n_landmarks = n_landmarks
        self.n_nearest = n_nearest
        self.n_init = n_init
        self.memory = memory
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _default_learner(self):
        return Autoencoder(likelihood="bernoulli")

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        self._check_learner(X)
        if self.n_landmarks < self.n_clusters:
            raise ValueError(
                "Each cluster needs a landmark: n_landmarks should be >= "
                f"n_clusters={self.n_clusters}. Got {self.n_landmarks}."
            )
        if self.vary == "layers" and not isinstance(self.autoencoder, FrozenEstimator):
            learner = self._unfitted_learner()
            if learner.network is not None or len(_orders(learner, X, 2)) < 2:
                raise ValueError(
                    "vary='layers' needs hidden layers of different widths to put in "
                    "other orders, such as autoencoder=Autoencoder("
                    "hidden_layer_sizes=(500, 750, 1000)). Got "
                    f"hidden_layer_sizes={learner.hidden_layer_sizes!r} and "
                    f"network={learner.network!r}."
                )

    def _fit(self, X, seed, checkpoint, start):
        if start is None:
            self.autoencoders_ = self._fit_members(X, seed, checkpoint)
            self.center_ = self.autoencoders_[0].center_
            self.scale_ = self.autoencoders_[0].scale_
        rows = self._rows(X)
        rows.keep_on_device()
        self.history_ = []
        if start is None:
            for number, member in enumerate(self.autoencoders_):
                self.history_ += [{**r, "run": number} for r in member.history_]
            encoder = self._spectral_embedding(rows, seed)
        else:
            encoder = copy.deepcopy(start.encoder)
        z = Passes(rows, encoder, self.n_components_, self._group)
        centers, _ = kmeans_centers(
            z,
            self.n_clusters,
            self.n_init,
            derive_seed(seed, "centers"),
            None if start is None else start.centers,
        )
        self.model_ = CentroidModel(encoder, centers).to(rows.device).eval()
        self._label_rows(X)

    def _fit_members(self, X, seed, checkpoint) -> list[Autoencoder]:
        """The autoencoders: frozen, from the cache, or fitted now."""
        if isinstance(self.autoencoder, FrozenEstimator):
            return self._fit_learners(X, [seed], checkpoint)
        learner = self._unfitted_learner()
        own = learner.random_state
        first = derive_seed(seed, self._part) if own is None else resolve_seed(own)
        seeds = run_seeds(first, self.n_autoencoders)
        device = torch.device(self.device_)
        if self.vary == "weights" and learn_as_one(
            learner, X.shape, len(seeds), device
        ):
            return self._fit_with_seeds(X, learner, seeds, checkpoint)
        members: list[Autoencoder] = []
        for number, own_seed in enumerate(seeds):
            learner = self._unfitted_learner()
            if self.vary == "epochs" and number:
                n_epochs = members[0].n_iter_ * (len(seeds) - number)
                learner.max_epochs = math.ceil(n_epochs / len(seeds))
            if self.vary == "layers":
                orders = _orders(learner, X, len(seeds))
                learner.hidden_layer_sizes = orders[number % len(orders)]
            part = checkpoint.within(f"run-{number}")
            members += self._fit_with_seeds(X, learner, [own_seed], part)
        return members

    def _spectral_embedding(self, rows: Rows, seed: int) -> SumOfEncoders:
        """The network of it; sets `n_components_` and `singular_values_`."""
        places = []
        for number, member in enumerate(self.autoencoders_):
            encoder = copy.deepcopy(member.model_.encoder).to(rows.device).eval()
            z = Passes(rows, encoder, member.n_components_, self._group)
            n_landmarks = min(self.n_landmarks, rows.n_samples)
            own_seed = derive_seed(seed, "landmarks", str(number))
            landmarks, labels = kmeans_centers(z, n_landmarks, 1, own_seed)
            # Without those of no rows: where rows are equal they are equal, too.
            places.append((encoder, landmarks[labels.unique()]))
        total = sum(len(landmarks) for _, landmarks in places)
        self.n_components_ = min(self.n_clusters, total)
        parts = {}
        for number, (encoder, landmarks) in enumerate(places):
            part = LandmarkEncoder(
                encoder,
                *landmarks.shape,
                self.n_components_,
                min(self.n_nearest, len(landmarks)),
            )
            part.landmarks.copy_(landmarks)
            parts[f"part_{number}"] = part.to(rows.device)
        projection, self.singular_values_ = _right_singular_vectors(
            rows, list(parts.values()), self.n_components_
        )
        sizes = [len(part.landmarks) for part in parts.values()]
        for part, points in zip(parts.values(), projection.split(sizes), strict=True):
            part.points.copy_(points)
        return SumOfEncoders(**parts).eval()


def _orders(learner: Autoencoder, X, most: int) -> list[tuple[int, ...]]:
    """The hidden layers in orders that differ, at most so many."""
    hidden = learner._layer_widths(*X.shape)[1:-1]
    if len(set(hidden)) == 1:
        return [tuple(hidden)]
    orders: dict[tuple[int, ...], None] = {}
    for order in itertools.permutations(hidden):
        orders[order] = None
        if len(orders) == most:
            break
    return list(orders)


def _right_singular_vectors(
    rows: Rows, parts: list[LandmarkEncoder], n_components: int
) -> tuple[Tensor, np.ndarray]:
    """What affinities are multiplied with to give the root of n times the left singular
    vectors, (n_landmarks of all parts, n_components), and the singular values.
    """
    firsts = np.cumsum([0, *(len(part.landmarks) for part in parts)])
    products = csr_array((firsts[-1], firsts[-1]))
    sums = np.zeros(firsts[-1])

    def affinities(x):
        found = [part.affinities(x) for part in parts]
        weights, numbers = zip(*found, strict=True)
        shifted = [n + int(first) for n, first in zip(numbers, firsts, strict=False)]
        # Numbers of landmarks are whole also as float64.
        return torch.stack([torch.cat(weights, 1), torch.cat(shifted, 1)]).double()

    for _, (weights, numbers) in blocks_of(rows, affinities):
        n_rows, n_weights = weights.shape
        block = csr_array(
            (
                weights.flatten().cpu().numpy(),
                numbers.flatten().cpu().numpy().astype(np.int64),
                np.arange(0, n_rows * n_weights + 1, n_weights),
            ),
            shape=(n_rows, firsts[-1]),
        )
        products += block.T @ block
        sums += block.sum(axis=0)
    # A landmark that is nobody's neighbour counts for nothing.
    scales = np.where(sums > 0, sums, np.inf) ** -0.5 / math.sqrt(len(parts))
    gram = products.toarray() * np.outer(scales, scales)
    # All of them at once: one by one, as in Lanczos' method, equal ones can be missed.
    last = [firsts[-1] - n_components, firsts[-1] - 1]
    squares, vectors = eigh(gram, subset_by_index=last)
    squares, vectors = squares[::-1].clip(0), vectors[:, ::-1]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(n_components)])
    values = np.sqrt(squares)
    inverse = np.where(squares > _LEAST, 1, 0) / np.where(squares > _LEAST, values, 1)
    points = math.sqrt(rows.n_samples) * scales[:, None] * vectors * (signs * inverse)
    return torch.from_numpy(points).float(), values
