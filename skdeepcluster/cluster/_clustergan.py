"""ClusterGAN."""

from collections.abc import Sequence
from functools import partial
from os import PathLike
from typing import Literal

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment

from skdeepcluster.base import auto_batch_size
from skdeepcluster.cluster._shared._adversarial import AdversarialClusterer, Game
from skdeepcluster.cluster._shared._centroids import CentersMixin
from skdeepcluster.engine import Update, generator
from skdeepcluster.losses import code_error, gradient_penalty, mean_squared_error
from skdeepcluster.networks import ClusterGANModel
from skdeepcluster.utils import Integers, Reals

_ROWS_OF_UPDATE = 64  # of the critic, which has several in a step
_FEWEST_ROWS = 16
_MOST_NOISE = 30


class _Inversion(Game):
    """Rows that the critic takes for real, from which all that made them is told."""

    def __init__(self, model, noise_scale, n_critic_steps, weights):
        super().__init__(model)
        self.noise_scale, self.n_critic_steps = noise_scale, n_critic_steps
        self.penalty_weight, self.noise_weight, self.code_weight = weights

    @property
    def sides(self):
        return [self.model.critic], [self.model.decoder, self.model.encoder]

    def updates(self, batch):
        critic, generator = self.players
        parts = self.parts_of(batch.x)
        return [
            *(Update(partial(self.critic_losses, x), critic) for x in parts),
            Update(partial(self.losses, batch), generator),
        ]

    def parts_of(self, x):
        """Rows for each update of the critic; where they are few, more than once."""
        size = max(len(x) // self.n_critic_steps, min(len(x), _FEWEST_ROWS))
        return [x.roll(-n * size, 0)[:size] for n in range(self.n_critic_steps)]

    def critic_losses(self, x):
        with torch.no_grad():
            made = self.make(x)[0][: len(x)]
        share = x.new_empty(len(x), 1).uniform_(generator=self.generator)
        penalty = gradient_penalty(self.model.critic, x, made, share)
        # Low for real rows, as in the authors' code.
        difference = self.rating(x) - self.rating(made)
        return {"critic": difference, "penalty": self.penalty_weight * penalty}

    def losses(self, batch):
        made, noise, clusters = self.make(self.parts_of(batch.x)[0])
        found, logits = self.model.recognise(made)
        error = code_error(logits, self.model.codes[clusters])
        return {
            "generator": self.rating(made),
            "noise": self.noise_weight * mean_squared_error(found, noise),
            "codes": self.code_weight * error,
        }

    def draw(self, noise):
        noise.normal_(0, self.noise_scale, generator=self.generator)

    def rating(self, x):
        """The critic's mean, in full precision: differences of it are what counts."""
        with torch.autocast(x.device.type, enabled=False):
            return self.model.critic(x.float()).mean()


class ClusterGANClustering(CentersMixin, AdversarialClusterer):
    r"""ClusterGAN: an encoder finds what made rows were made from. Experimental.

    A generator makes rows from a little noise around one corner for each cluster, a
    critic rates how real they are, and an encoder goes the way back, to noise and
    corner. k-means on what the encoder makes of the real rows gives the clusters. It
    makes new rows of a chosen cluster. Each step of the generator takes several of the
    critic, which makes it one of the slowest methods here. Nothing in `history_` says
    whether a fit is good, and it takes clusters to be of equal size. Where time matters
    prefer :class:`DECClustering`, or :class:`VaDEClustering`, which makes rows as well.
    Columns in different units belong through a StandardScaler first.

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
        Widths of the layers of ``"mlp"`` between rows and what they are made from; the
        generator has them the other way round. ``"auto"`` is (256, 256).
    image_shape : tuple of int or None, default=None
        Channels, height and width of the images that flat rows hold. None: `X` has
        images as (n_samples, height, width) or with an axis for channels, or none.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of an image holds its channels. ``"auto"`` is the one with at most
        four entries, and first in flat rows.
    n_noise : int or "auto", default="auto"
        Number of values of noise in range [1, inf). ``"auto"`` is 30, or a third of
        the features where that is less.
    noise_scale : float, default=0.1
        Standard deviation of the noise, in range (0, inf). The corners are at a
        distance of 1.4 from each other.
    noise_weight : float, default=10.0
        Weight of telling the noise beside that of passing for real, in range [0, inf).
    code_weight : float, default=10.0
        Weight of telling the corner beside that of passing for real, in range [0, inf).
    penalty_weight : float, default=10.0
        Weight of the penalty on slopes of the critic other than one, in range
        [0, inf).
    n_critic_steps : int, default=5
        Updates of the critic in each step, in range [1, inf); each sees another part of
        the batch.
    n_init : int, default=20
        Number of k-means runs of which the best gives the first centroids, in range
        [1, inf).
    learning_rate : float, default=0.001
        Largest step size, in range (0, inf).
    learning_rate_schedule : {"constant", "cosine", "one_cycle"}, default="constant"
        Constant; falling along a cosine; or rising over the first three tenths of the
        steps before falling.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` is 1,000, or less: 2,000
        steps of the generator. A number is obeyed exactly.
    batch_size : int or "auto", default="auto"
        Rows per step in range [1, inf), which the updates of the critic share; at
        least 16 for each, as far as there are as many. ``"auto"`` is for each of them
        64, for small data an eighth of the rows but at least 16. Batches are made
        equally long.
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
        The trained encoder with its centroids, the generator and the critic, with
        ``embed`` and ``label``.
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
    InfoGANClustering : A discriminator that tells the code itself.
    VaDEClustering : Makes rows of clusters without an opponent.

    Notes
    -----
    Noise :math:`z_n \sim N(0, \sigma^2 I)` and a one-hot code :math:`z_c`, all with the
    same probability, become a row :math:`G(z)`. With the critic :math:`D`, low for
    real rows, and the encoder, :math:`E_n` for the noise and :math:`E_c` for logits of
    the code, the critic lowers in each of its updates

    .. math::

        D(x) - D(G(z)) + \lambda \bigl( \lVert \nabla D(\hat x) \rVert - 1 \bigr)^2,
        \qquad \hat x = \epsilon x + (1 - \epsilon) G(z),

    with :math:`\epsilon` uniform between 0 and 1 for each row, and then generator and
    encoder lower

    .. math::

        D(G(z)) + \frac{\beta_n}{d} \lVert z_n - E_n(G(z)) \rVert^2
        + \beta_c H \bigl( z_c, \operatorname{softmax} E_c(G(z)) \bigr)

    with the cross-entropy :math:`H` and :math:`d`, `n_noise`; all as means over rows.
    :math:`\lambda`, :math:`\beta_n`, :math:`\beta_c` and :math:`\sigma` are
    `penalty_weight`, `noise_weight`, `code_weight` and `noise_scale`. The critic is
    always float32. The embedding is :math:`E_n` and :math:`\operatorname{softmax} E_c`
    side by side, and labels are those of k-means there. ``sample`` gives each cluster a
    code of its own, such that as many rows as possible have the code of their cluster
    as their largest.

    Departures from [1]_: ReLU everywhere; batch normalisation in the generator, and
    what it has learned of batches is used in ``sample``; one :math:`\epsilon` for each
    row, where the authors' code has one for each batch; a larger learning rate, with
    thousands of steps of the generator in the place of hundreds of thousands; rows are
    centred and scaled and the generator's last layer is linear; k-means sees noise and
    code also with ``noise_weight=0``; the paper's figures are those of models chosen
    with labels, which nothing here sees.

    References
    ----------
    .. [1] S. Mukherjee, H. Asnani, E. Lin, S. Kannan (2019). ClusterGAN: latent space
       clustering in generative adversarial networks. AAAI Conference on Artificial
       Intelligence 33, 4610-4617. doi:10.1609/aaai.v33i01.33014610

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import ClusterGANClustering
    >>> X = load_digits().data[:200]
    >>> clustering = ClusterGANClustering(10, max_epochs=5, random_state=0).fit(X)
    >>> clustering.transform(X).shape
    (200, 31)
    >>> X_new, labels_new = clustering.sample(5, cluster=0)
    >>> X_new.shape
    (5, 64)
    """

    _auto_steps = 2000  # of which each has several of the critic
    _parameter_rules = {
        **AdversarialClusterer._parameter_rules,
        "n_noise": ["auto", Integers(1)],
        "noise_scale": [Reals(0, closed="neither")],
        "noise_weight": [Reals(0)],
        "code_weight": [Reals(0)],
        "penalty_weight": [Reals(0)],
        "n_critic_steps": [Integers(1)],
        "n_init": [Integers(1)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        network: Literal["auto", "convolutional", "mlp"] = "auto",
        hidden_layer_sizes: Sequence[int] | Literal["auto"] = "auto",
        image_shape: Sequence[int] | None = None,
        channels: Literal["auto", "first", "last"] = "auto",
        n_noise: int | Literal["auto"] = "auto",
        noise_scale: float = 0.1,
        noise_weight: float = 10.0,
        code_weight: float = 10.0,
        penalty_weight: float = 10.0,
        n_critic_steps: int = 5,
        n_init: int = 20,
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
        self.noise_scale = noise_scale
        self.noise_weight = noise_weight
        self.code_weight = code_weight
        self.penalty_weight = penalty_weight
        self.n_critic_steps = n_critic_steps
        self.n_init = n_init
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

    def _auto_batch_size(self, n_samples):
        of_update = min(_ROWS_OF_UPDATE, auto_batch_size(n_samples))
        return min(self.n_critic_steps * of_update, max(n_samples, 1))

    def _first_model(self, n_features, seed):
        weights = generator(seed, "weights")
        n_noise = self.n_noise
        if n_noise == "auto":
            n_noise = max(1, min(_MOST_NOISE, n_features // 3))
        size = self.n_components_ = n_noise + self.n_clusters
        hidden = self._widths
        return ClusterGANModel(
            self._reader(n_features, [*hidden, size], weights),
            torch.zeros(self.n_clusters, size),
            self._generator(size, n_features, weights),
            self._reader(n_features, [*hidden, 1], weights),
            n_noise,
        )

    def _objective(self, trainer, model):
        weights = self.penalty_weight, self.noise_weight, self.code_weight
        return _Inversion(model, self.noise_scale, self.n_critic_steps, weights)

    def _fit(self, X, seed, checkpoint, start):
        trainer = self._train(X, seed, checkpoint, start)
        if start is None or self.n_iter_:  # else the space is as it was
            self._find_clusters(trainer, seed, start)
        self._label_rows(X)

    @torch.no_grad()
    def _find_clusters(self, trainer, seed, start):
        """Centroids, and for each the code that most of its rows have."""
        model = self.model_
        centers = self._centers_at_last(trainer, model.embed, seed, start)
        model.centers.copy_(centers)
        counts = np.zeros((len(centers), model.n_codes))
        found = trainer.apply(model.label), trainer.apply(model.code)
        np.add.at(counts, tuple(each.cpu().numpy() for each in found), 1)
        _, codes = linear_sum_assignment(counts, maximize=True)
        model.codes.copy_(torch.from_numpy(codes))

    def _draw_noise(self, rng, n_samples):
        return self.noise_scale * rng.normal(size=(n_samples, self.model_.n_noise))
