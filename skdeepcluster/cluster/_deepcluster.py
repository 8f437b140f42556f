"""DeepCluster."""

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.metrics import normalized_mutual_info_score
from torch import nn

from skdeepcluster.cluster._shared._from_views import ViewCenterClusterer
from skdeepcluster.engine import balanced_order, derive_seed, generator
from skdeepcluster.initialization import kmeans_centers, whiten
from skdeepcluster.networks import MLP, ProjectionModel
from skdeepcluster.representation import ViewObjective
from skdeepcluster.utils import Integers

_DEVIATION = 0.01  # of the first weights of a head
_STEPS = 100  # that a head is trained at least


class _PseudoLabels(ViewObjective):
    """A head on the encoder tells clusters of k-means from each other.

    The projection of the model whitens; it is not trained.
    """

    def __init__(self, model, views, n_rows, n_labels, n_epochs, interval, seed):
        super().__init__(model, views, interval)
        model.projector.requires_grad_(False)
        self.n_epochs, self.seed = n_epochs, seed
        (whitening,) = model.projector
        self.head = nn.utils.skip_init(nn.Linear, whitening.in_features, n_labels)
        for weights in self.head.parameters():  # drawn before the first step
            nn.init.zeros_(weights)
        self.register_buffer("labels", torch.zeros(n_rows, dtype=torch.int64))
        self.register_buffer("is_unused", torch.zeros(n_labels, dtype=torch.bool))
        self.register_buffer("epochs", torch.tensor(0))
        self.register_buffer("agreement", torch.tensor(0.0, dtype=torch.float64))

    def refresh(self, trainer):
        epoch = int(self.epochs)
        self.epochs += 1
        self.renewed = ()
        if epoch % self.n_epochs:
            return False
        # In the precision of what follows training: small variances are divided by.
        with torch.autocast(trainer.device.type, enabled=False):
            renew_whitening(trainer, self.model)
            (whitening,) = self.model.projector
            z = trainer.passes(self.model, whitening.out_features)
            seed = derive_seed(self.seed, "pseudo-labels", str(epoch))
            _, labels = kmeans_centers(z, len(self.is_unused), 1, seed)
        # Numbered from 0 on, without those that have no rows.
        used, labels = labels.unique(return_inverse=True)
        self.is_unused.copy_(torch.arange(len(self.is_unused)) >= len(used))
        self.agreement.fill_(
            normalized_mutual_info_score(self.labels.cpu(), labels.cpu())
        )
        self.labels.copy_(labels)
        draw = generator(self.seed, "head", str(epoch))
        weight = torch.randn(self.head.weight.shape, generator=draw)
        with torch.no_grad():
            self.head.weight.copy_(_DEVIATION * weight)
            self.head.bias.zero_()
        self.renewed = list(self.head.parameters())
        return False

    def row_order(self, generator):
        return balanced_order(self.labels.cpu(), generator)

    def losses(self, batch):
        h = self.model.encoder(self.one_view(batch))
        logits = self.head(h).float().masked_fill(self.is_unused, -torch.inf)
        return {"pseudo_labels": F.cross_entropy(logits, self.labels[batch.index])}

    def metrics(self):
        return {"agreement": float(self.agreement)}


def renew_whitening(trainer, model):
    """Make the projection the map that whitens the embedding of all rows."""
    (whitening,) = model.projector
    whiten(trainer.passes(model.encoder, whitening.in_features), whitening)


class DeepCluster(ViewCenterClusterer):
    r"""DeepCluster: a network learns to predict its own clusters, again and again.

    Rows are put into many small clusters by k-means, a network is trained to tell these
    from each other on random views, its embeddings are clustered again, and so on; the
    last clustering has `n_clusters`. Rows are not told from rows of their own cluster,
    as in :class:`IDFDClustering` and :class:`ContrastiveClustering`, but first clusters
    that are poor may teach poorly. What the views change, the clusters cannot depend
    on: the ready ones suit photographs and digits. Those of tables say much less: there
    prefer :class:`DECClustering`, for embeddings :class:`SCANClustering`. Columns in
    different units belong through a StandardScaler first.

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
    n_pseudo_labels : int or "auto", default="auto"
        Clusters that the network learns to tell from each other, in range [1, inf), at
        most the number of rows. ``"auto"`` is ten for each cluster, but no more than a
        tenth of the rows.
    n_whitened : int or "auto", default="auto"
        Principal components of the network's output that are given equal variance and
        are the embedding, in range [1, inf); never more than it has features.
        ``"auto"`` is two for each cluster, at least 10 and at most 256.
    epochs_per_head : int or "auto", default="auto"
        Passes over the rows from one clustering to the next, in range [1, inf).
        ``"auto"`` is one, or as many as have 100 optimiser steps.
    n_init : int, default=20
        Number of k-means runs of which the best gives the first centroids, in range
        [1, inf).
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.001
        Largest step size, in range (0, inf).
    learning_rate_schedule : {"constant", "cosine", "one_cycle"}, default="constant"
        Constant; falling along a cosine; or rising over the first three tenths of the
        steps before falling.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` is 200, or less: 4,000
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
    model_ : torch.nn.Module
        The trained encoder, its whitening and the centroids, with ``embed`` and
        ``assign``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs.
    history_ : list of dict
        One record per epoch: stage, epoch, loss and its terms, learning rate, agreement
        and seconds. ``pandas.DataFrame(history_)`` makes it a table.
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
    IDFDClustering : Rows told from each other, then k-means.
    ContrastiveClustering : Clusters from two views, without k-means.

    Notes
    -----
    For an encoder :math:`f` let :math:`\bar h` and :math:`C` be mean and covariance of
    :math:`h_i = f(x_i)` over all rows as they are, :math:`U` the `n_whitened` leading
    eigenvectors of :math:`C` and :math:`\Lambda` their eigenvalues. The embedding is

    .. math::

        z_i = \frac{u_i}{\lVert u_i \rVert}, \qquad
        u_i = \Lambda^{-1/2} U^T (h_i - \bar h) ,

    without directions whose eigenvalue is below a ten thousandth of the largest. In
    turn, k-means puts all :math:`z_i` into `n_pseudo_labels` clusters :math:`y_i`, from
    another start each time; a linear head :math:`(W, b)` is drawn anew, and with it the
    state of the optimiser for it; and both are trained, for `epochs_per_head` passes,
    to lower

    .. math:: - \frac{1}{n} \sum_i \log \mathrm{softmax}(W f(v_i) + b)_{y_i}

    for random views :math:`v_i` of the rows of a batch. Rows are drawn so that each
    pseudo-label is seen equally often. The agreement of two clusterings in succession,
    as normalised mutual information, is in `history_`: it rises while training
    progresses, and the first is 0. In the end the embedding is whitened once more, and
    k-means gives `n_clusters`.

    Departures from [1]_: the last clustering is one of its own, into `n_clusters`; far
    fewer pseudo-labels and components, and several passes for each clustering, since
    data are small; the head stands on the very output that is clustered, without a ReLU
    between; Adam, for the head as well, where the paper has stochastic gradient
    descent; a small network by default, which is given colours as they are and not
    their edges; the paper has no views of tables.

    References
    ----------
    .. [1] M. Caron, P. Bojanowski, A. Joulin, M. Douze (2018). Deep clustering for
       unsupervised learning of visual features. European Conference on Computer Vision,
       Lecture Notes in Computer Science 11218, 139-156.
       doi:10.1007/978-3-030-01264-9_9

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import DeepCluster
    >>> images = load_digits().images[:200]
    >>> clustering = DeepCluster(10, max_epochs=20, random_state=0)
    >>> clustering.fit_predict(images).shape
    (200,)
    >>> clustering.transform(images).shape
    (200, 20)
    """

    _parameter_rules = {
        **ViewCenterClusterer._parameter_rules,
        "n_pseudo_labels": ["auto", Integers(1)],
        "n_whitened": ["auto", Integers(1)],
        "epochs_per_head": ["auto", Integers(1)],
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
        augmentation: str | Callable = "auto",
        n_pseudo_labels: int | Literal["auto"] = "auto",
        n_whitened: int | Literal["auto"] = "auto",
        epochs_per_head: int | Literal["auto"] = "auto",
        n_init: int = 20,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 1e-3,
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
        self.augmentation = augmentation
        self.n_pseudo_labels = n_pseudo_labels
        self.n_whitened = n_whitened
        self.epochs_per_head = epochs_per_head
        self.n_init = n_init
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

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        if self.n_pseudo_labels != "auto" and self.n_pseudo_labels > X.shape[0]:
            raise ValueError(
                f"n_pseudo_labels={self.n_pseudo_labels} should be <= "
                f"n_samples={X.shape[0]}. Use fewer, or 'auto'."
            )

    def _first_model(self, n_features, seed):
        encoder, size = self._make_encoder(n_features, seed)
        wanted = self.n_whitened
        if wanted == "auto":
            wanted = max(10, min(2 * self.n_clusters, 256))
        self.n_components_ = min(wanted, size)
        whitening = MLP((size, self.n_components_), generator(seed, "whitening"))
        return ProjectionModel(encoder, whitening)

    def _objective(self, trainer, model):
        n_rows, n_labels = trainer.n_samples, self.n_pseudo_labels
        if n_labels == "auto":
            n_labels = max(self.n_clusters, min(10 * self.n_clusters, n_rows // 10))
        n_epochs = self.epochs_per_head
        if n_epochs == "auto":
            n_epochs = -(-_STEPS // trainer.steps_per_epoch)
        interval = trainer.steps_per_epoch  # looked at when an epoch begins
        return _PseudoLabels(
            model,
            self._make_views(trainer),
            n_rows,
            n_labels,
            n_epochs,
            interval,
            trainer.seed,
        )

    def _finish(self, trainer, objective):
        renew_whitening(trainer, self.model_)
