"""JULE."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import nn

from skdeepcluster.cluster._shared._agglomeration import (
    MOST_ROWS,
    Agglomeration,
    Digest,
    embedding_of,
    rows_of,
)
from skdeepcluster.cluster._shared._training_rows import TransductiveClusterer
from skdeepcluster.engine import Objective, grouped_order
from skdeepcluster.losses import triplet_loss
from skdeepcluster.networks import UnitRows
from skdeepcluster.representation import FromEncoder
from skdeepcluster.utils import Integers, Reals

_PARTNERS = 20  # rows of its cluster that a row is compared with in a step, at most
_GROUP = 4  # rows of a cluster that are drawn together: a batch has pairs of all


class _Merging(Objective):
    """Rows of a cluster gather; now and then clusters merge."""

    def __init__(
        self, model, n_rows, agglomeration, rate, n_epochs, interval, n_far, margin
    ):
        super().__init__(model, interval)
        self.agglomeration, self.rate, self.n_epochs = agglomeration, rate, n_epochs
        self.n_far, self.margin = n_far, margin
        self.register_buffer("labels", torch.zeros(n_rows, dtype=torch.int64))
        self.register_buffer("epochs", torch.tensor(0))
        self.register_buffer("n_first", torch.tensor(0))

    def refresh(self, trainer):
        epoch, labels = int(self.epochs), self.labels.cpu().numpy()
        self.epochs += 1
        if epoch == 0:
            points = rows_of(trainer)
            labels = self.agglomeration.first(points)
            self.n_first.fill_(labels.max() + 1)
        counts = self.agglomeration.counts(int(self.n_first), self.rate)
        n_clusters = counts[epoch * len(counts) // self.n_epochs]
        if n_clusters <= labels.max():
            if epoch > 0:
                points = embedding_of(trainer, self.model.embed)
            labels = self.agglomeration.merge(points, labels, [n_clusters])
        self.labels.copy_(torch.from_numpy(labels))
        return False

    def row_order(self, generator):
        return grouped_order(self.labels.cpu(), _GROUP, generator)

    def losses(self, batch):
        z, labels = self.model(batch.x), self.labels[batch.index]
        is_same = labels.unsqueeze(1) == labels
        drawn = torch.rand(is_same.shape, generator=self.generator, device=z.device)
        drawn.fill_diagonal_(-1.0)
        n_near, n_far = (min(n, len(z)) for n in (_PARTNERS, self.n_far))
        near = drawn.masked_fill(~is_same, -1.0).topk(n_near).indices
        far = drawn.masked_fill(is_same, -1.0).topk(n_far).indices
        return {"triplets": triplet_loss(z, labels, near, far, self.margin)}

    def metrics(self):
        return {"n_clusters": int(self.labels.max()) + 1}


class JULEClustering(FromEncoder, TransductiveClusterer):
    r"""JULE: clusters merge, and a network is trained on them, in turn.

    Rows begin in many small clusters of nearest neighbours. Clusters merge two by two
    along a graph of neighbours, a network is trained to bring rows of one cluster
    together, clusters merge further in its embedding, and so on down to `n_clusters`;
    at last all merging is done once more in the embedding. No views, no decoder and no
    centroids: clusters may have any shape and size. New rows have an embedding but no
    label: there is no ``predict``. For up to 20,000 rows. Columns in different units
    belong through a StandardScaler first.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    network : {"auto", "convolutional", "mlp", "resnet18"} or callable, default="auto"
        The encoder. ``"auto"`` is ``"convolutional"`` for images and ``"mlp"`` for
        other rows. ``"mlp"`` has `hidden_layer_sizes`; ``"convolutional"`` is small:
        three convolutions of 32, 64 and 128 channels; ``"resnet18"`` is that of small
        images, for a GPU. A :class:`torch.nn.Module` of your own is copied; it is given
        images as (n, channels, height, width), other rows flat. A callable is given the
        shape of one row and returns such a module.
    hidden_layer_sizes : tuple of int or "auto", default="auto"
        Widths of the layers of ``"mlp"``, of which the last is the embedding.
        ``"auto"`` is (256, 256, 256).
    image_shape : tuple of int or None, default=None
        Channels, height and width of the images that flat rows hold. None: `X` has
        images as (n_samples, height, width) or with an axis for channels, or none.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of an image holds its channels. ``"auto"`` is the one with at most
        four entries, and first in flat rows.
    n_neighbors : int, default=20
        Nearest neighbours to which each row has an edge in the graph along which
        clusters merge, in range [1, inf).
    unrolling_rate : float, default=0.9
        Share of the clusters that merge with others before the network is trained
        again, in range (0, 1]. Less means more rounds, which suits small clusters.
    n_negatives : int, default=20
        Rows of other clusters in the batch that a row is told from in a step, at most,
        in range [1, inf).
    margin : float, default=0.2
        By how much the squared distance to rows of other clusters is to be larger than
        that to rows of the own, in range [0, inf); rows are embedded at length one.
    optimizer : {"adam", "sgd"}, default="sgd"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.01
        Largest step size, in range (0, inf).
    learning_rate_schedule : {"constant", "cosine", "one_cycle"}, default="constant"
        Constant; falling along a cosine; or rising over the first three tenths of the
        steps before falling.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` is 60, or less: 4,000
        optimiser steps where rows are many. A number is obeyed exactly.
    batch_size : int or "auto", default="auto"
        Rows per optimiser step in range [1, inf). ``"auto"`` is 256, for small data an
        eighth of the rows but at least 16. Batches are made equally long.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        Of the training steps. ``"auto"`` is bfloat16 where the hardware multiplies it
        natively and the layers are wide enough to gain, else float32. Everything after
        training is float32.
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
        Cluster of each training row.
    cluster_means_ : ndarray of shape (n_clusters_, n_features_in_)
        Mean of the training rows of each cluster, in the units of `X`.
    n_clusters_ : int
        Number of clusters that have training rows; below `n_clusters` only after a
        ConvergenceWarning.
    model_ : torch.nn.Module
        The trained encoder, with ``embed``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs.
    history_ : list of dict
        One record per epoch: stage, epoch, loss and its terms, learning rate, number of
        clusters and seconds. ``pandas.DataFrame(history_)`` makes it a table.
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
    DeepCluster : Many clusters of k-means that a network learns to tell apart.
    DECClustering : Centroids in the space of an autoencoder; labels new rows.

    Notes
    -----
    Each row :math:`i` of the graph has an edge to each of its `n_neighbors` nearest
    rows :math:`j`, of weight :math:`W_{ij} = \exp(-d_{ij}^2 / s^2)`, where :math:`s^2`
    is the mean of all these :math:`d_{ij}^2`. For clusters :math:`a, b` with
    :math:`n_a, n_b` rows and the part :math:`W_{ab}` of :math:`W` from the rows of
    :math:`a` to those of :math:`b`, the affinity is

    .. math::

        A(a, b) = \frac{1}{n_a^2} 1^T W_{ab} W_{ba} 1
        + \frac{1}{n_b^2} 1^T W_{ba} W_{ab} 1 .

    The first clusters are the connected parts of the graph in which each row has an
    edge to its nearest. With :math:`a_1, a_2, \dots` the clusters of largest affinity
    to :math:`a`, the next to merge with its :math:`a_1` is the one with the largest

    .. math::

        A(a, a_1) + \frac{1}{4} \sum_{k=2}^{5} \bigl( A(a, a_1) - A(a, a_k) \bigr) ,

    of which the sum counts only while there are more than 100 clusters. A round of
    merging takes away a share `unrolling_rate` of the clusters, the last one what is
    left down to `n_clusters`, and each is followed by an equal share of the epochs;
    with fewer epochs than rounds some merge further at once, and the last only in the
    end. In a batch with embeddings :math:`z` of length one, these lower the mean of

    .. math::

        \max(0, \lVert z_i - z_p \rVert^2 - \lVert z_i - z_k \rVert^2 + m)

    over triplets of a row :math:`i`, another :math:`p` of its cluster and a :math:`k`
    of another, with the `margin` :math:`m`. The graph is that of the rows as they are
    in the first round, then that of their embeddings. `labels_` are from all rounds
    once more, without training between, in the last embedding. Equal rows count once.
    Where no edge is left, clusters whose means are nearest merge.

    With `warm_start` the weights are kept, merging begins anew, and the last clusters
    take the numbers of those before whose means are near theirs.

    Departures from [1]_: after each round but the last, a cluster that has at
    most `n_neighbors` rows, and at most half as many as clusters have in the mean,
    joins the one that its edges lead to most, since a few rows far from all others
    would else be a cluster to the end; chains of nearest neighbours
    are never cut; distances in the first round are of rows that are centred, not of
    length one; rows of a cluster come into batches in groups of four, so that small
    clusters have pairs in them, and a row is compared with at most 20 of its cluster;
    there is no decay of the weights and the learning rate does not fall; fewer steps;
    the network is that of the other methods.

    References
    ----------
    .. [1] J. Yang, D. Parikh, D. Batra (2016). Joint unsupervised learning of deep
       representations and image clusters. IEEE Conference on Computer Vision and
       Pattern Recognition, 5147-5156. doi:10.48550/arXiv.1604.03628

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import JULEClustering
    >>> images = load_digits().images[:200]
    >>> clustering = JULEClustering(10, max_epochs=20, random_state=0)
    >>> clustering.fit_predict(images).shape
    (200,)
    >>> clustering.transform(images).shape
    (200, 128)
    """

    _most_epochs = 60
    _most_rows, _for_more_rows = MOST_ROWS, "DeepCluster"
    _stage = "clustering"

    _parameter_rules = {
        **TransductiveClusterer._parameter_rules,
        **FromEncoder._parameter_rules,
        "n_neighbors": [Integers(1)],
        "unrolling_rate": [Reals(0, 1, closed="right")],
        "n_negatives": [Integers(1)],
        "margin": [Reals(0)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        network: Literal["auto", "mlp", "convolutional", "resnet18"]
        | nn.Module
        | Callable = "auto",
        hidden_layer_sizes: Sequence[int] | Literal["auto"] = "auto",
        image_shape: Sequence[int] | None = None,
        channels: Literal["auto", "first", "last"] = "auto",
        n_neighbors: int = 20,
        unrolling_rate: float = 0.9,
        n_negatives: int = 20,
        margin: float = 0.2,
        optimizer: Literal["adam", "sgd"] = "sgd",
        learning_rate: float = 0.01,
        learning_rate_schedule: Literal["constant", "cosine", "one_cycle"] = "constant",
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        device: str | torch.device = "auto",
        checkpoint: str | PathLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ):
        self.n_clusters = n_clusters
        self.network = network
        self.hidden_layer_sizes = hidden_layer_sizes
        self.image_shape = image_shape
        self.channels = channels
        self.n_neighbors = n_neighbors
        self.unrolling_rate = unrolling_rate
        self.n_negatives = n_negatives
        self.margin = margin
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.precision = precision
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _fit(self, X, seed, checkpoint, start):
        trainer = self._train(X, seed, checkpoint, start)
        labels = self._agglomeration(trainer).labels(
            embedding_of(trainer, self.model_.embed), self.unrolling_rate
        )
        self._label_training_rows(X, labels, start)

    def _first_model(self, n_features, seed):
        encoder, self.n_components_ = self._make_encoder(n_features, seed)
        return UnitRows(encoder)

    def _objective(self, trainer, model):
        return _Merging(
            model,
            trainer.n_samples,
            self._agglomeration(trainer),
            self.unrolling_rate,
            self._n_epochs(trainer),
            trainer.steps_per_epoch,  # looked at when an epoch begins
            self.n_negatives,
            self.margin,
        )

    def _agglomeration(self, trainer):
        keys = trainer.apply(Digest()).numpy()
        return Agglomeration(keys, self.n_clusters, self.n_neighbors)
