"""Variational Deep Embedding."""

from os import PathLike
from typing import Literal

import numpy as np
import torch
from joblib import Memory
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from skdeepcluster.base import DecoderMixin
from skdeepcluster.cluster._shared._assignments import SoftAssignmentMixin
from skdeepcluster.cluster._shared._centroids import CentroidClusterer
from skdeepcluster.cluster._shared._objectives import LabelledObjective
from skdeepcluster.cluster._shared._sampling import drawn_clusters
from skdeepcluster.networks import (
    ExpectingDecoder,
    GaussianLikelihood,
    MixtureModel,
    with_log_variance,
)
from skdeepcluster.representation import Autoencoder, bernoulli_likelihood
from skdeepcluster.utils import MatrixLike, Reals

# Of the variance within the clusters, what each row's embedding has at the start.
_FIRST_SHARE = 0.1
_SMALLEST_SHARE = 1e-3  # of it, what each cluster has at the start


class EvidenceBound(LabelledObjective):
    """Minus the evidence lower bound of rows that come from a mixture of Gaussians."""

    def __init__(self, model, n_samples, tol, refresh_interval, reconstruction_weight):
        super().__init__(model, n_samples, tol, refresh_interval)
        self.reconstruction_weight = reconstruction_weight

    def losses(self, batch):
        mean, log_variance = self.model.posterior(batch.x)
        noise = torch.empty_like(mean).normal_(generator=self.generator)
        z = mean + (0.5 * log_variance).exp() * noise
        error = -self.model.log_likelihood(batch.x, z).mean()
        return {
            "reconstruction": self.reconstruction_weight * error,
            "divergence": divergence(self.model, mean, log_variance, z),
        }


def divergence(model: MixtureModel, mean: Tensor, log_variance: Tensor, z: Tensor):
    """KL(q(z, c | x) || p(z, c)), where q(c | x) is p(c | z) at a draw z of q(z | x).

    Three times (n, n_components) -> scalar, mean over rows.
    """
    log_gamma = model.log_joint(z).log_softmax(dim=1)  # (n, n_clusters)
    d2 = (mean.unsqueeze(1) - model.centers).square() + log_variance.exp().unsqueeze(1)
    log_s2 = model.log_variances
    # Of q(z | x) with each cluster, without the constant that the entropy has too.
    cross_entropies = 0.5 * (d2 / log_s2.exp() + log_s2).sum(dim=2)
    terms = cross_entropies + log_gamma - model.log_weights()
    entropy = 0.5 * (1 + log_variance).sum(dim=1)
    return ((log_gamma.exp() * terms).sum(dim=1) - entropy).mean()


class VaDEClustering(SoftAssignmentMixin, DecoderMixin, CentroidClusterer):
    r"""Variational Deep Embedding: a mixture of Gaussians that decodes into rows.

    Rows are taken to be made in three steps: a cluster is drawn, then a point from the
    Gaussian of that cluster in the embedding space, and a network decodes it. Training
    finds the clusters, the decoder and an encoder that goes the way back. Use it for
    clusters of different sizes and widths, for probabilities that mean something, and
    to draw new rows. It has more to learn than its relatives and gains less where rows
    are few. Columns in different units belong through a StandardScaler first.

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
    likelihood : {"auto", "gaussian", "bernoulli"}, default="auto"
        What the decoder's output is the mean of: a Gaussian with the variance one for
        each feature of the scaled rows, or shares between the smallest and the largest
        value in `X`, as for pixels. ``"auto"`` is that of the autoencoder.
    reconstruction_weight : float, default=1.0
        Weight of the reconstruction term beside the divergence, in range [0, inf). At
        1 the loss is minus the evidence lower bound.
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
    weights_ : ndarray of shape (n_clusters_,)
        Share of each cluster in the mixture; they sum to one.
    covariances_ : ndarray of shape (n_clusters_, n_components_)
        Variance of each cluster along each component of the embedding.
    init_labels_ : ndarray of shape (n_samples,), int64
        Labels of `init` in the autoencoder's space, before the clustering stage.
    autoencoder_ : Autoencoder
        The fitted representation from which the clustering stage started.
    model_ : torch.nn.Module
        The trained network with its mixture, with ``embed`` and ``assign``.
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
    DCNClustering : Hard assignments, and no noise in the embedding.
    sklearn.mixture.GaussianMixture : The mixture alone, for example behind an
        :class:`Autoencoder`.

    Notes
    -----
    With the cluster weights :math:`\pi_c`, the encoder's :math:`q(z \mid x) = N(m, v)`,
    one draw :math:`z` from it per row and step, and :math:`\gamma_c = p(c \mid z)`, the
    loss is, as a mean over rows,

    .. math::

        L = -w \log p(x \mid z)
        + \sum_c \gamma_c \Bigl( \log \frac{\gamma_c}{\pi_c} + \frac12 \sum_d \Bigl[
        \log \sigma^2_{cd} + \frac{v_d + (m_d - \mu_{cd})^2}{\sigma^2_{cd}} \Bigr]
        \Bigr) - \frac12 \sum_d (1 + \log v_d).

    All densities are computed as logarithms; variances and :math:`\pi` are trained as
    logarithms too, so that no step can make them negative. Labels are the largest
    :math:`\gamma_c` at :math:`z = m`, without noise.

    Departures from [1]_: the mixture starts from the first clusters in the
    autoencoder's space (`init`), with their shares and variances, which proved steadier
    than fitting a mixture there; :math:`\pi` is trained; the variances of the encoder
    start at a tenth of those within the clusters; rows are scaled to a mean variance of
    one; one learning rate, which does not decay.

    References
    ----------
    .. [1] Z. Jiang, Y. Zheng, H. Tan, B. Tang, H. Zhou (2017). Variational deep
       embedding: an unsupervised and generative approach to clustering. Proceedings of
       the 26th International Joint Conference on Artificial Intelligence, 1965-1972.
       doi:10.24963/ijcai.2017/273

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import Autoencoder, VaDEClustering
    >>> X, _ = load_iris(return_X_y=True)
    >>> vade = VaDEClustering(3, autoencoder=Autoencoder(max_epochs=20), random_state=0)
    >>> labels = make_pipeline(StandardScaler(), vade).fit_predict(X)
    >>> X_new, labels_new = vade.sample(5)
    >>> X_new.shape
    (5, 4)
    """

    _auto_steps = 8000  # it has more to learn than its relatives
    _parameter_rules = {
        **CentroidClusterer._parameter_rules,
        "likelihood": ["auto", "gaussian", "bernoulli"],
        "reconstruction_weight": [Reals(0)],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        autoencoder: Autoencoder | FrozenEstimator | None = None,
        likelihood: Literal["auto", "gaussian", "bernoulli"] = "auto",
        reconstruction_weight: float = 1.0,
        tol: float = 1e-4,
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
        self.likelihood = likelihood
        self.reconstruction_weight = reconstruction_weight
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

    def _objective(self, trainer, model):
        return EvidenceBound(
            model,
            trainer.n_samples,
            self.tol,
            trainer.steps_per_epoch,
            self.reconstruction_weight,
        )

    @torch.no_grad()
    def _first_model(self, trainer, autoencoder, seed):
        """The mixture that the first clusters of the embedding stand for."""
        centers, z = self._first_centers(trainer, autoencoder, seed)
        labels = torch.from_numpy(self.init_labels_).to(trainer.device)
        squares = torch.zeros(centers.shape, dtype=torch.float64).to(trainer.device)
        for rows, part in z:
            offsets = (part - centers[labels[rows]]).double()
            squares.index_add_(0, labels[rows], offsets.square())
        squares = trainer.group.sum(squares)
        sizes = torch.bincount(labels, minlength=len(centers))
        sizes = trainer.group.sum(sizes).clamp_min(1)
        mean_square = float(squares.sum()) / (trainer.n_total * centers.shape[1])
        smallest = max(_SMALLEST_SHARE * mean_square, 1e-12)
        variances = (squares / sizes[:, None]).float().clamp_min(smallest)
        within = sizes.float() @ variances / sizes.sum()
        decoder, likelihood = autoencoder.decoder, GaussianLikelihood()
        if self.likelihood != "gaussian" and isinstance(decoder, ExpectingDecoder):
            decoder, likelihood = decoder.decoder, decoder.likelihood
        elif self.likelihood == "bernoulli":
            likelihood = bernoulli_likelihood(trainer, self.center_, self.scale_)
        model = MixtureModel(
            with_log_variance(autoencoder.encoder, (_FIRST_SHARE * within).log()),
            decoder,
            likelihood,
            *centers.shape,
        ).to(trainer.device)
        model.centers.copy_(centers)
        model.log_variances.copy_(variances.log())
        model.logits.copy_(sizes.log())
        return model

    def _label_rows(self, X):
        super()._label_rows(X)
        with torch.no_grad():
            self.weights_ = self.model_.log_weights().exp().cpu().numpy()
            self.covariances_ = self.model_.log_variances.exp().cpu().numpy()

    def score(self, X: MatrixLike, y: object = None) -> float:
        """Mean over the rows of the evidence lower bound of their log-density.

        The bound is averaged over the same 16 draws for every row and call. For the
        Gaussian likelihood it belongs to a density in the units of `X`; for the other,
        values outside those of the training rows count as their nearest.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        score : float
            Higher is better; in nats per row.
        """
        bounds = self._apply(X, "bound").astype(np.float64)
        if not self.model_.likelihood.is_density:
            return float(bounds.mean())
        return float(bounds.mean() - self.n_features_in_ * np.log(self.scale_))

    def sample(
        self, n_samples: int = 1, cluster: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Draw new rows: a cluster, a point of its Gaussian, and what that decodes to.

        The rows are what the decoder expects there, without the noise of the features.

        Parameters
        ----------
        n_samples : int, default=1
            Number of rows in range [1, inf).
        cluster : int, default=None
            The cluster that all rows are to be of, below `n_clusters_`. None draws one
            for each row, with the probabilities `weights_`.

        Returns
        -------
        X : ndarray of shape (n_samples, n_features_in_), float64
            Rows in the units of the training data.
        labels : ndarray of shape (n_samples,), int64
            The cluster of each row.
        """
        check_is_fitted(self)
        rng = check_random_state(self.random_state)
        shares = self.weights_.astype(np.float64)
        labels = drawn_clusters(
            self.n_clusters_, n_samples, cluster, rng, shares / shares.sum()
        )
        noise = rng.normal(size=(n_samples, self.n_components_))
        z = self.cluster_centers_[labels] + np.sqrt(self.covariances_[labels]) * noise
        return self.inverse_transform(z), labels
