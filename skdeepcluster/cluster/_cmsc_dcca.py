"""CMSC-DCCA."""

import copy
from collections.abc import Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from skdeepcluster.base import auto_epochs
from skdeepcluster.cluster._shared._self_expression import (
    affinity_of,
    best_coefficients,
    spectral_labels,
)
from skdeepcluster.cluster._shared._training_rows import TransductiveClusterer
from skdeepcluster.engine import Objective, Rows, derive_seed
from skdeepcluster.losses import canonical_correlation, mean_squared_error
from skdeepcluster.networks import SpaceAutoencoders
from skdeepcluster.representation import first_networks
from skdeepcluster.utils import (
    Integers,
    Reals,
    TupleOf,
    check_same_spaces,
    feature_scaling,
    resolve_spaces,
)

_RIDGE = 1e-3  # on the diagonal of covariances
_EPOCHS = 200  # of each stage that max_epochs="auto" stands for, at most


class _Reconstruction(Objective):
    """Both spaces are rebuilt, each from its own embedding."""

    def losses(self, batch):
        x = self.model.features(batch.x)
        x_hat = self.model.decode(self.model.encode(x))
        return {"reconstruction": sum(map(mean_squared_error, x_hat, x))}


class _SelfExpression(Objective):
    """Each row is rebuilt from other rows, by one combination for both spaces."""

    has_fixed_shapes = False  # no recorded steps: singular values wait for the device

    def __init__(
        self,
        model,
        coefficients,
        correlation_weight,
        self_expression_weight,
        coefficient_weight,
    ):
        super().__init__(model)
        self.correlation_weight = correlation_weight
        self.self_expression_weight = self_expression_weight
        self.coefficient_weight = coefficient_weight
        # Of n rows they are about 1/n: a step of Adam, whose size is the learning rate,
        # is to be a share of that.
        unit = coefficients.square().mean().sqrt()
        unit = torch.where(unit > 0, unit, 1.0)
        self.register_buffer("unit", unit)
        self.in_units = nn.Parameter(coefficients / unit)

    @property
    def coefficients(self):
        return self.unit * self.in_units

    def row_order(self, generator):
        return torch.arange(len(self.in_units))

    def losses(self, batch):
        x = self.model.features(batch.x)
        z = self.model.encode(x)
        # Behind both is a constant: the coefficients of a row are to add up to one.
        given = [*z, torch.ones_like(z[0][:, :1])]
        with torch.autocast(batch.x.device.type, enabled=False):
            combined = self.coefficients @ torch.cat(given, dim=1)
        combined = combined.split([*self.model.sizes, 1], dim=1)
        x_hat = self.model.decode(combined[:2])
        shared = canonical_correlation(*z, _RIDGE).float() / min(self.model.sizes)
        expressed = sum(map(mean_squared_error, combined, given))
        squares = self.coefficients.square().sum()
        return {
            "reconstruction": sum(map(mean_squared_error, x_hat, x)),
            "correlation": -self.correlation_weight * shared,
            "self_expression": self.self_expression_weight * expressed,
            "coefficients": self.coefficient_weight * squares,
        }

    @torch.no_grad()
    def after_step(self, batch):
        self.in_units.fill_diagonal_(0.0)


class CMSCDCCAClustering(TransductiveClusterer):
    r"""CMSC-DCCA: two modalities of the same rows, and one combination for both.

    Rows that are described twice, such as images and their texts, stand beside each
    other in one array, told apart by `spaces`. An autoencoder for each makes embeddings
    that are as correlated as they can be, while each row is rebuilt as a combination of
    other rows, by the same coefficients in both. Spectral clustering of the
    coefficients gives the labels. New rows have an embedding but no label: there is no
    ``predict``. For up to 5,000 rows. Columns in different units belong through a
    StandardScaler first. With one modality, or more rows, prefer a relative.

    Parameters
    ----------
    n_clusters : int, default=8
        Number of clusters in range [1, inf), at most the number of rows.
    spaces : list, tuple or None, default=None
        Which columns of `X` belong to which of two modalities: for each a slice, a
        tuple ``(start, stop)``, or a list of the numbers or names of its columns. They
        may overlap, and columns in neither do not count. None is the first half of the
        columns and the others; of one column both have it.
    n_components : int, default=10
        Size of the embedding of each modality in range [1, inf); never more than it has
        columns.
    hidden_layer_sizes : tuple of int, default=(128, 128)
        Widths of the hidden layers of each encoder from input to embedding; the
        decoders have them in reverse.
    correlation_weight : float, default=1.0
        Weight of the correlation of both embeddings, in range [0, inf).
    self_expression_weight : float, default=1.0
        Weight of how far embeddings are from their combinations, in range (0, inf).
    coefficient_weight : float, default=1.0
        Weight of the sum of the squares of all coefficients, in range (0, inf). The
        larger, the less directions count in which embeddings vary little.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.001
        Step size, in range (0, inf). In pre-training it is the largest, which is risen
        to over the first three tenths of the steps before it falls.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in each of both stages, in range [0, inf). ``"auto"`` is
        200, for few rows less in pre-training: as many steps as there are rows. A
        number is obeyed exactly.
    batch_size : int or "auto", default="auto"
        Rows per optimiser step of pre-training in range [1, inf). ``"auto"`` is 256,
        for small data an eighth of the rows but at least 16. After it, each step is of
        all rows.
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
        Both autoencoders, with ``embed``.
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs after pre-training.
    history_ : list of dict
        One record per epoch and stage: stage, epoch, loss and its terms, learning rate
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
    TURTLEClustering : Any number of embeddings of the same rows; labels new rows.
    sklearn.cluster.SpectralClustering : The same last step, on distances.

    Notes
    -----
    Each modality :math:`v` is centred and divided by one number, so that its columns
    :math:`X_v` (rows are samples) have a mean variance of 1. Its encoder makes
    :math:`Z_v` of :math:`D_v` columns. With coefficients :math:`S` of all pairs of
    rows, which are zero between a row and itself, what is minimised over all rows at
    once is

    .. math::

        \sum_v m(X_v, \hat{X}_v) - \frac{\lambda}{\min(D_1, D_2)} \lVert T \rVert_*
        + \lambda' \Bigl( \sum_v m(Z_v, S Z_v) + m(1, S 1) \Bigr)
        + \lambda'' \lVert S \rVert_F^2 .

    Here :math:`m` is the mean squared error over rows and columns and
    :math:`\hat{X}_v` is decoded from :math:`S Z_v`. :math:`\lambda, \lambda',
    \lambda''` are `correlation_weight`, `self_expression_weight` and
    `coefficient_weight`. The nuclear norm of :math:`T = C_{11}^{-1/2} C_{12}
    C_{22}^{-1/2}` is the sum of the canonical correlations, with covariances
    :math:`C_{vv}` of the embeddings that have 0.001 added on the diagonal, in float64.

    Pre-training makes :math:`\sum_v m(X_v, \hat{X}_v)` small in mini-batches, decoding
    :math:`Z_v` itself. Then :math:`S` begins at what is best for the embeddings as they
    are, which has a closed form.

    Of each row of :math:`|S|` the largest entries are kept that make up a share
    :math:`\max(0.4 - (K - 1) / 100, 0.1)` of its sum, for :math:`K` clusters. Of
    :math:`C = (|S| + |S|^T) / 2` the :math:`4 K + 1` largest singular values
    :math:`\sigma_k` and vectors :math:`u_k` stay; rows :math:`i` and :math:`j` belong
    together as much as the 8th power of the cosine between their :math:`(\sqrt{
    \sigma_k} u_{ki})_k`, zero where that is negative. This is clustered by
    :class:`sklearn.cluster.SpectralClustering`. Where there are no more distinct rows
    than clusters, each is one. With `warm_start` there is no pre-training, and the last
    clusters take the numbers of those before whose means are near theirs.

    Departures from [1]_: fully connected networks in place of convolutions, with a
    linear map beside them that begins at the principal axes; means in place of sums,
    so that weights mean the same for any number of rows and columns; the
    term :math:`m(1, S 1)`, without which a cluster and its mirror image behind the mean
    of all rows would be one; the closed form for the first :math:`S`; steps on
    :math:`S` in units of its first mean square. The weights and what is done
    with :math:`|S|` are not given there in full; the latter is that of [2]_.

    References
    ----------
    .. [1] Q. Gao, H. Lian, Q. Wang, G. Sun (2020). Cross-modal subspace clustering via
       deep canonical correlation analysis. Proceedings of the AAAI Conference on
       Artificial Intelligence 34, 3938-3945. doi:10.1609/aaai.v34i04.5808
    .. [2] M. Abavisani, V. M. Patel (2018). Deep multimodal subspace clustering
       networks. IEEE Journal of Selected Topics in Signal Processing 12, 1601-1614.
       doi:10.1109/JSTSP.2018.2875385

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skdeepcluster import CMSCDCCAClustering
    >>> X, _ = load_digits(return_X_y=True)
    >>> upper_and_lower = [(0, 32), (32, 64)]
    >>> clustering = CMSCDCCAClustering(
    ...     10, spaces=upper_and_lower, max_epochs=10, random_state=0
    ... )
    >>> clustering.fit_predict(X[:200]).shape
    (200,)
    >>> clustering.transform(X).shape
    (1797, 20)
    """

    _most_rows, _for_more_rows = 5000, "TURTLEClustering"

    _parameter_rules = {
        **TransductiveClusterer._parameter_rules,
        "spaces": [None, list, tuple],
        "n_components": [Integers(1)],
        "hidden_layer_sizes": [TupleOf(Integers(1))],
        "correlation_weight": [Reals(0)],
        "self_expression_weight": [Reals(0, closed="neither")],
        "coefficient_weight": [Reals(0, closed="neither")],
    }

    def __init__(
        self,
        n_clusters: int = 8,
        *,
        spaces=None,
        n_components: int = 10,
        hidden_layer_sizes: Sequence[int] = (128, 128),
        correlation_weight: float = 1.0,
        self_expression_weight: float = 1.0,
        coefficient_weight: float = 1.0,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 0.001,
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
        self.spaces = spaces
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.correlation_weight = correlation_weight
        self.self_expression_weight = self_expression_weight
        self.coefficient_weight = coefficient_weight
        self.optimizer = optimizer
        self.learning_rate = learning_rate
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
        columns = [own.tolist() for own in self._columns()]
        if start is not None:
            check_same_spaces(self.spaces, columns, start.columns_of_spaces())

    def _columns(self) -> list[np.ndarray]:
        """Numbers of the columns of both spaces."""
        n_features, spaces = self.n_features_in_, self.spaces
        if spaces is None:  # halves; of one column, both have it
            middle = n_features // 2
            spaces = [slice(0, max(1, middle)), slice(middle, None)]
        if len(spaces) != 2:
            raise ValueError(
                f"spaces must name two modalities, or be None. Got {spaces!r}."
            )
        return resolve_spaces(
            spaces, n_features, getattr(self, "feature_names_in_", None)
        )

    def _fit(self, X, seed, checkpoint, start):
        settings = {"optimizer": self.optimizer, "learning_rate": self.learning_rate}
        n_rows, before = X.shape[0], []
        if start is None:
            self.center_, self.scale_ = feature_scaling(X)
        trainer = self._make_trainer(X, seed, checkpoint)
        if start is None:
            model = self._first_model(trainer, seed)
            before = trainer.train(
                _Reconstruction(model),
                stage="pretraining",
                max_epochs=auto_epochs(
                    self.max_epochs, trainer, steps=min(8000, n_rows), most=_EPOCHS
                ),
                schedule="one_cycle",
                **settings,
            )
        else:
            model = copy.deepcopy(start).to(trainer.device)
        whole = self._make_trainer(
            X, seed, checkpoint, rows=trainer.rows, batch_size=n_rows
        )
        objective = _SelfExpression(
            model,
            self._first_coefficients(trainer.apply(model.embed), model.sizes),
            self.correlation_weight,
            self.self_expression_weight,
            self.coefficient_weight,
        )
        history = whole.train(
            objective,
            stage="clustering",
            max_epochs=_EPOCHS if self.max_epochs == "auto" else self.max_epochs,
            **settings,
        )
        self.history_, self.n_iter_ = before + history, len(history)
        self.model_ = model.eval()
        rows = whole.apply(nn.Identity()).cpu().numpy()
        coefficients = objective.coefficients.detach().cpu().numpy()
        labels = self._labels(rows, coefficients, seed)
        self._label_training_rows(X, labels, start)

    def _first_coefficients(self, z, sizes) -> Tensor:
        """Those that are best for embeddings as they are: (n, n_components_) -> (n, n).

        Errors are means over components, for each space and for the constant.
        """
        parts = [part / part.shape[1] ** 0.5 for part in z.split(sizes, dim=1)]
        parts.append(torch.ones_like(z[:, :1]))
        ridge = len(z) * self.coefficient_weight / self.self_expression_weight
        return best_coefficients(torch.cat(parts, dim=1), ridge)

    def _first_model(self, trainer, seed) -> SpaceAutoencoders:
        """Both autoencoders with their first weights; sets `n_components_`."""
        columns = self._columns()
        x = trainer.apply(nn.Identity()).cpu().numpy()
        widths, sizes, factors, networks = [], [], [], []
        for own, name in zip(columns, ("first", "second"), strict=True):
            square = np.square(x[:, own]).mean()
            factors.append(float(square**-0.5) if square > 0 else 1.0)
            widths.append(len(own))
            sizes.append(min(self.n_components, len(own)))
            rows = Rows(
                factors[-1] * x[:, own], np.zeros(len(own)), 1.0, trainer.device
            )
            networks.append(
                first_networks(
                    self._make_trainer(x, seed, None, rows=rows),
                    None,
                    [widths[-1], *self.hidden_layer_sizes, sizes[-1]],
                    True,
                    derive_seed(seed, name),
                )
            )
        self.n_components_ = sum(sizes)
        model = SpaceAutoencoders(widths, sizes, *networks)
        model.columns.copy_(torch.from_numpy(np.concatenate(columns)))
        model.factors.copy_(torch.tensor(factors))
        return model.to(trainer.device)

    def _labels(self, rows, coefficients, seed) -> np.ndarray:
        """Spectral clustering, where there are more distinct rows than clusters."""
        if self.n_clusters == 1:
            return np.zeros(len(rows), dtype=np.int64)
        rows = rows[:, np.concatenate(self._columns())]
        distinct, labels = np.unique(rows, axis=0, return_inverse=True)
        if len(distinct) <= self.n_clusters:
            return labels.reshape(-1)
        affinity = affinity_of(
            coefficients, self.n_clusters, derive_seed(seed, "affinity")
        )
        return spectral_labels(affinity, self.n_clusters, derive_seed(seed, "labels"))
