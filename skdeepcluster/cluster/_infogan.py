"""Information-maximising generative adversarial nets."""

from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import Literal

import numpy as np
import torch

from skdeepcluster.base import auto_batch_size
from skdeepcluster.cluster._shared._adversarial import AdversarialClusterer, Game
from skdeepcluster.cluster._shared._assignments import LogOddsMixin, SoftAssignmentMixin
from skdeepcluster.engine import Update, generator
from skdeepcluster.losses import code_error, taken_for_real
from skdeepcluster.networks import MLP, InfoGANModel
from skdeepcluster.utils import Integers, Reals

_RECOGNISER = 128  # width of its hidden layer
_ROWS_OF_UPDATE = 128
_FACTOR = 0.2  # of the discriminator's learning rate


class _Information(Game):
    """Rows that pass for real, and from which their code can be told."""

    betas = (0.5, 0.999)

    def __init__(self, model, weight):
        super().__init__(model, _FACTOR)
        self.weight = weight

    @property
    def sides(self):
        model = self.model
        opponent = [model.encoder, model.discriminator, model.recogniser]
        return opponent, [model.decoder]

    def updates(self, batch):
        opponent, generator = self.players
        return [
            Update(partial(self.discriminator_losses, batch), opponent),
            Update(partial(self.losses, batch), generator),
        ]

    def discriminator_losses(self, batch):
        with torch.no_grad():
            made = self.make(batch.x)
        real = self.model.discriminator(self.model.features(batch.x))
        logits, information = self.judge(*made)
        return {
            "discriminator": taken_for_real(real) + taken_for_real(-logits),
            "discriminator_information": information,
        }

    def losses(self, batch):
        logits, information = self.judge(*self.make(batch.x))
        return {"generator": taken_for_real(logits), "information": information}

    def draw(self, noise):
        noise.uniform_(-1, 1, generator=self.generator)

    def judge(self, x, noise, clusters):
        """The discriminator's logits of made rows, and the error of their codes."""
        h = self.model.features(x)
        logits, means = self.model.recognise(h)
        continuous = noise[:, noise.shape[1] - means.shape[1] :]
        error = code_error(logits, clusters, means, continuous)
        return self.model.discriminator(h), self.weight * error


class InfoGANClustering(LogOddsMixin, SoftAssignmentMixin, AdversarialClusterer):
    r"""InfoGAN: made rows tell the code that they were made from. Experimental.

    A generator makes rows from noise and the number of a cluster, a discriminator tells
    them from real ones, and a head on the discriminator tells the number. Where they
    play well the numbers stand for kinds of rows, since those are what can be told, and
    the head assigns real rows to them. It makes new rows of a chosen cluster. It was
    seldom better than k-means, nothing in `history_` says whether a fit is good, and it
    takes clusters to be of equal size. To cluster, prefer :class:`DECClustering` or
    :class:`VaDEClustering`, which makes rows as well. Columns in different units belong
    through a StandardScaler first.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    network : {"auto", "convolutional", "mlp"}, default="auto"
        What all networks are made of. ``"auto"`` is ``"convolutional"`` for images and
        ``"mlp"`` for other rows. ``"mlp"`` has `hidden_layer_sizes`;
        ``"convolutional"`` is small: three convolutions of 32, 64 and 128 channels, and
        as many transposed ones in the generator.
    hidden_layer_sizes : tuple of int or "auto", default="auto"
        Widths of the layers of ``"mlp"`` between rows and noise; the generator has them
        the other way round. The last is the embedding, of ``"convolutional"`` too.
        ``"auto"`` is (256, 256).
    image_shape : tuple of int or None, default=None
        Channels, height and width of the images that flat rows hold. None: `X` has
        images as (n_samples, height, width) or with an axis for channels, or none.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of an image holds its channels. ``"auto"`` is the one with at most
        four entries, and first in flat rows.
    n_noise : int, default=62
        Number of values of noise in range [0, inf).
    n_continuous : int, default=2
        Number of further values of noise that are to be told from the made rows, in
        range [0, inf): for what varies within all clusters, such as the slant of
        digits.
    information_weight : float, default=1.0
        Weight of telling the codes beside that of passing for real, in range [0, inf).
    learning_rate : float, default=0.001
        Largest step size of the generator, in range (0, inf); that of the discriminator
        is a fifth of it.
    learning_rate_schedule : {"constant", "cosine", "one_cycle"}, default="constant"
        Constant; falling along a cosine; or rising over the first three tenths of the
        steps before falling.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` is 1,000, or less: 4,000
        steps of the generator. A number is obeyed exactly.
    batch_size : int or "auto", default="auto"
        Rows per step in range [1, inf), and as many made ones. ``"auto"`` is 128, for
        small data an eighth of the rows but at least 16. Batches are made equally
        long.
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
    cluster_means_ : ndarray of shape (n_clusters_, n_features_in_)
        Mean of the training rows of each cluster, in the units of `X`.
    n_clusters_ : int
        Number of clusters that have training rows; below `n_clusters` only after a
        ConvergenceWarning.
    model_ : torch.nn.Module
        The trained discriminator with both heads, and the generator, with ``embed`` and
        ``assign``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs.
    history_ : list of dict
        One record per epoch: stage, epoch, the terms of both players with their sum as
        loss, learning rate and seconds. The sum is of no use to tell when training has
        gone on for long enough. ``pandas.DataFrame(history_)`` makes it a table.
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
    ClusterGANClustering : A critic in place of the discriminator, and k-means.
    VaDEClustering : Makes rows of clusters without an opponent.

    Notes
    -----
    Noise :math:`z`, of which each entry is uniform between -1 and 1, and a cluster
    :math:`c`, all with the same probability, become a row :math:`G(z, c)`. With the
    probability :math:`D(x)` that a row is real, the assignment :math:`Q(x)`, and means
    :math:`m(x)` of the continuous codes :math:`u`, which are part of the noise, each
    step lowers

    .. math::

        - \log D(x) - \log (1 - D(G(z, c))) + \lambda L_I
        \quad \text{and then} \quad - \log D(G(z, c)) + \lambda L_I

    with

    .. math::

        L_I = - \log Q_c(G(z, c)) + \tfrac{1}{2} \lVert u - m(G(z, c)) \rVert^2 ,

    all as means over rows: the first by the weights of discriminator and heads, the
    second by those of the generator, from new noise. But for constants :math:`- L_I` is
    a lower bound of the information that a made row has about its codes;
    :math:`\lambda` is `information_weight`. Labels are the largest :math:`Q` of real
    rows, which training never shows to :math:`Q`. The embedding is what both heads are
    given.

    Departures from [1]_: ReLU everywhere, and batch normalisation in the generator
    alone, so that a row is assigned alike in training and after it; weights start
    uniform within :math:`1 / \sqrt{n}` for :math:`n` inputs; rows are centred and
    scaled and the generator's last layer is linear; small networks, of which those of
    tables are fully connected.

    References
    ----------
    .. [1] X. Chen, Y. Duan, R. Houthooft, J. Schulman, I. Sutskever, P. Abbeel (2016).
       InfoGAN: interpretable representation learning by information maximizing
       generative adversarial nets. Advances in Neural Information Processing Systems
       29. doi:10.48550/arXiv.1606.03657

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import InfoGANClustering
    >>> X = load_digits().data[:200]
    >>> clustering = InfoGANClustering(10, max_epochs=10, random_state=0).fit(X)
    >>> clustering.predict(X).shape
    (200,)
    >>> X_new, labels_new = clustering.sample(5, cluster=0)
    >>> X_new.shape
    (5, 64)
    """

    _parameter_rules = {
        **AdversarialClusterer._parameter_rules,
        "n_noise": [Integers(0)],
        "n_continuous": [Integers(0)],
        "information_weight": [Reals(0)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        network: Literal["auto", "convolutional", "mlp"] = "auto",
        hidden_layer_sizes: Sequence[int] | Literal["auto"] = "auto",
        image_shape: Sequence[int] | None = None,
        channels: Literal["auto", "first", "last"] = "auto",
        n_noise: int = 62,
        n_continuous: int = 2,
        information_weight: float = 1.0,
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
        self.n_noise = n_noise
        self.n_continuous = n_continuous
        self.information_weight = information_weight
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

    def _first_model(self, n_features, seed):
        weights = generator(seed, "weights")
        size, n_noise = self._widths[-1], self.n_noise + self.n_continuous
        self.n_components_ = size
        n_codes = self.n_clusters
        return InfoGANModel(
            self._reader(n_features, self._widths, weights),
            MLP([size, 1], weights),
            MLP([size, _RECOGNISER, n_codes + self.n_continuous], weights),
            self._generator(n_noise + n_codes, n_features, weights),
            n_noise,
            n_codes,
        )

    def _objective(self, trainer, model):
        return _Information(model, self.information_weight)

    def _auto_batch_size(self, n_samples):
        return min(_ROWS_OF_UPDATE, auto_batch_size(n_samples))

    def _fit(self, X, seed, checkpoint, start):
        super()._fit(X, seed, checkpoint, start)
        self._label_rows(X)

    def _draw_noise(self, rng, n_samples):
        return rng.uniform(-1, 1, size=(n_samples, self.model_.n_noise))
