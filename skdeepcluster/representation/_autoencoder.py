"""Autoencoder as a transformer."""

import copy
import math
from collections.abc import Callable, Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import nn

from skdeepcluster.base import DecoderMixin, DeepEstimator, auto_epochs
from skdeepcluster.engine import (
    OPTIMIZERS,
    SCHEDULES,
    Checkpoint,
    derive_seed,
    private_global_generator,
)
from skdeepcluster.networks import (
    BernoulliLikelihood,
    ExpectingDecoder,
    ImageLayout,
    image_layout,
    user_autoencoder,
)
from skdeepcluster.representation._objectives import (
    LayerReconstruction,
    Reconstruction,
)
from skdeepcluster.representation._start import (
    auto_hidden_layer_sizes,
    first_likelihood,
    first_networks,
)
from skdeepcluster.utils import (
    Integers,
    MatrixLike,
    Reals,
    TupleOf,
    feature_scaling,
    row_blocks,
)


class Autoencoder(DecoderMixin, DeepEstimator):
    r"""Learn a low-dimensional embedding from which the rows can be rebuilt.

    A network compresses each row to `n_components` numbers and a second one rebuilds
    the row from them; both are trained to make the error small. With any
    clusterer behind it in a Pipeline this is two-step deep clustering. It assumes that
    features are comparable: columns in different units belong through a
    StandardScaler first. On little or nearly linear data prefer
    :class:`sklearn.decomposition.PCA`, which is exact and faster.

    Parameters
    ----------
    n_components : int, default=10
        Size of the embedding in range [1, inf); never more than there are features.
    hidden_layer_sizes : tuple of int or "auto", default="auto"
        Widths of the encoder's hidden layers from input to embedding; the decoder
        mirrors them. ``"auto"`` is (128, 128) below 1,000 rows, (500, 500) below 5,000
        and (500, 500, 2000) from there.
    likelihood : {"auto", "gaussian", "bernoulli"}, default="auto"
        What the decoder's output is the mean of: a Gaussian with the variance one for
        each feature of the scaled rows, or shares between the smallest and the largest
        value in `X`, as for the pixels of images. ``"auto"`` is Bernoulli from 5,000
        rows whose values crowd at the two ends, as ink and paper do: their variance is
        more than half of what their mean allows. Else, with `layerwise` and with a
        `network` it is Gaussian.
    linear_path : bool or "auto", default="auto"
        Whether a linear map from input to output stands beside the hidden layers of
        encoder and decoder, started at the principal components of `X`. Training then
        begins with the geometry of the input, scaled to unit mean variance, and the
        hidden layers, whose output starts at zero, learn what is not linear.
        ``"auto"`` is True for the Gaussian likelihood without `layerwise`.
    layerwise : bool, default=False
        Whether the layers are first trained one by one, as a stack of denoising
        autoencoders [2]_ [3]_, before all of them are trained together. Each layer
        gets half as many epochs as all together, in addition to them. Goes with
        neither a linear path nor the Bernoulli likelihood nor a `network`.
    corruption : float, default=0.0
        Share of the features of each row, drawn anew at every step, that is replaced
        by the feature's mean before encoding, in range [0, 1). Above zero this is a
        denoising autoencoder [2]_. The layers of `layerwise` have a share of their own.
    network : None, "convolutional", torch.nn.Module or callable, default=None
        None is a fully connected network of `hidden_layer_sizes`. ``"convolutional"``
        is that of the DCEC paper [4]_ for images, given as such or as flat rows with
        `image_shape`; rows that are no images go through the fully connected one. Both
        have the linear map of `linear_path` beside them. Else an architecture of your
        own. A module with the attributes ``encoder`` and ``decoder`` is copied, weights
        included. A callable is given the number of features and `n_components` and
        returns such a module or the pair. Both parts are given and return one flat row
        per sample; the encoder's output decides the size of the embedding.
    image_shape : tuple of int or None, default=None
        Channels, height and width of the images that flat rows hold. None: `X` has
        images as (n_samples, height, width) or with an axis for channels, or none.
    channels : {"auto", "first", "last"}, default="auto"
        Which axis of an image holds its channels. ``"auto"`` is the one with at most
        four entries, and first in flat rows.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.001
        Largest step size, in range (0, inf).
    learning_rate_schedule : {"constant", "cosine", "one_cycle"}, default="one_cycle"
        Constant; falling along a cosine; or rising over the first three tenths of the
        steps before falling.
    max_epochs : int or "auto", default="auto"
        Passes over the rows in range [0, inf). ``"auto"`` is 200, or less: 8,000
        optimiser steps where rows are many, and as many steps as there are rows where
        they are few, since more would learn single rows by heart. A number is obeyed
        exactly.
    batch_size : int or "auto", default="auto"
        Rows per optimiser step in range [1, inf). ``"auto"`` is 256, for small data an
        eighth of the rows but at least 16.
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
    model_ : torch.nn.Module
        The trained network, with ``embed``, ``decode`` and ``reconstruct``.
    n_components_ : int
        Size of the embedding.
    likelihood_ : {"gaussian", "bernoulli"}
        What `likelihood` came to.
    n_iter_ : int
        Number of epochs in which all layers were trained.
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
    DECClustering : Fine-tune the encoder for clustering.
    sklearn.decomposition.PCA : The best linear autoencoder.

    Notes
    -----
    For the scaled row :math:`x` with :math:`d` features the loss is

    .. math:: \frac{1}{d} \lVert x - g(f(\tilde{x})) \rVert^2,

    mean over rows, where :math:`\tilde{x}` is the corrupted row, :math:`f` the encoder
    and :math:`g` the decoder: ReLU between the layers, embedding and output linear,
    plus a linear map of the input with `linear_path`. Weights start uniform within
    :math:`1 / \sqrt{\text{fan in}}`, biases at zero.

    With ``likelihood="bernoulli"`` and :math:`s`, the row in shares between the
    smallest and the largest value of the training rows, it is the cross-entropy

    .. math:: -\frac{1}{d} \sum_k s_k \log \hat s_k + (1 - s_k) \log (1 - \hat s_k)

    instead, where :math:`\hat s = \sigma(4 (s' - 1/2))` is a logistic function, and
    what is rebuilt, of :math:`s'`, the decoder's output in such shares: its tangent
    where it is one half.

    Rows are centred and divided by one scale for all features, which is all that
    k-means is invariant to as well; :meth:`inverse_transform` returns original units.

    With `layerwise` the first layer rebuilds the rows, the second what the first makes
    of them, and so on, each from inputs and hidden values of which a fifth is dropped,
    except for the rows themselves and the embedding.

    Departures from [1]_: trained end to end at once instead of layer by layer as a
    stack of restricted Boltzmann machines; the linear path. From [3]_, `layerwise`:
    `optimizer`, learning rate and weights at the start are those of this class.

    References
    ----------
    .. [1] G. E. Hinton, R. R. Salakhutdinov (2006). Reducing the dimensionality of
       data with neural networks. Science 313, 504-507. doi:10.1126/science.1127647
    .. [2] P. Vincent, H. Larochelle, I. Lajoie, Y. Bengio, P.-A. Manzagol (2010).
       Stacked denoising autoencoders: learning useful representations in a deep
       network with a local denoising criterion. Journal of Machine Learning Research
       11, 3371-3408. https://www.jmlr.org/papers/v11/vincent10a.html
    .. [3] J. Xie, R. Girshick, A. Farhadi (2016). Unsupervised deep embedding for
       clustering analysis. Proceedings of the 33rd International Conference on Machine
       Learning, PMLR 48, 478-487. https://proceedings.mlr.press/v48/xieb16.html
       doi:10.48550/arXiv.1511.06335
    .. [4] X. Guo, X. Liu, E. Zhu, J. Yin (2017). Deep clustering with convolutional
       autoencoders. Neural Information Processing, Lecture Notes in Computer Science
       10635, 373-382. doi:10.1007/978-3-319-70096-0_39

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skdeepcluster import Autoencoder
    >>> X, _ = load_iris(return_X_y=True)
    >>> embedding = Autoencoder(n_components=2, max_epochs=20, random_state=0)
    >>> embedding.fit_transform(X).shape
    (150, 2)
    >>> make_pipeline(StandardScaler(), embedding, KMeans(3)).fit_predict(X).shape
    (150,)
    """

    _parameter_rules = {
        **DeepEstimator._parameter_rules,
        "distributed": [False, True],
        "n_components": [Integers(1)],
        "hidden_layer_sizes": ["auto", TupleOf(Integers(1))],
        "likelihood": ["auto", "gaussian", "bernoulli"],
        "linear_path": ["auto", True, False],
        "layerwise": [True, False],
        "corruption": [Reals(0, 1, closed="left")],
        "network": [None, "convolutional", nn.Module, callable],
        "image_shape": [None, TupleOf(Integers(1))],
        "channels": ["auto", "first", "last"],
        "optimizer": list(OPTIMIZERS),
        "learning_rate": [Reals(0, closed="neither")],
        "learning_rate_schedule": list(SCHEDULES),
    }

    def __init__(
        self,
        n_components: int = 10,
        *,
        hidden_layer_sizes: Sequence[int] | Literal["auto"] = "auto",
        likelihood: Literal["auto", "gaussian", "bernoulli"] = "auto",
        linear_path: bool | Literal["auto"] = "auto",
        layerwise: bool = False,
        corruption: float = 0.0,
        network: Literal["convolutional"] | nn.Module | Callable | None = None,
        image_shape: Sequence[int] | None = None,
        channels: Literal["auto", "first", "last"] = "auto",
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 1e-3,
        learning_rate_schedule: Literal[
            "constant", "cosine", "one_cycle"
        ] = "one_cycle",
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        device: str | torch.device = "auto",
        distributed: bool = False,
        checkpoint: str | PathLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.likelihood = likelihood
        self.linear_path = linear_path
        self.layerwise = layerwise
        self.corruption = corruption
        self.network = network
        self.image_shape = image_shape
        self.channels = channels
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.learning_rate_schedule = learning_rate_schedule
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.precision = precision
        self.device = device
        self.distributed = distributed
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose
        self.warm_start = warm_start

    def _check_before_training(self, X, start):
        if self.layerwise and (
            self.linear_path not in ("auto", False)
            or self.likelihood == "bernoulli"
            or self.network is not None
        ):
            raise ValueError(
                "layerwise=True trains a plain stack of layers: it needs "
                "linear_path=False, likelihood='gaussian' and network=None. Got "
                f"linear_path={self.linear_path!r}, likelihood={self.likelihood!r} and "
                f"network={self.network!r}."
            )
        self._layout(X.shape[1])

    def _layout(self, n_features: int) -> ImageLayout | None:
        """How flat rows hold images, None where they do not or it does not matter."""
        if self.network != "convolutional" and self.image_shape is None:
            return None
        return image_layout(
            self.image_shape_, self.image_shape, self.channels, n_features
        )

    def _fit(self, X, seed, checkpoint, start):
        (model,), (history,) = self._train(X, [seed], checkpoint, start)
        self._take(model, history)

    def _fit_runs(
        self, X, seeds: Sequence[int], checkpoint: Checkpoint
    ) -> list["Autoencoder"]:
        """Copies of this estimator, fitted on checked rows with a seed each."""
        models, histories = self._train(X, seeds, checkpoint, None)
        fitted = [copy.copy(self) for _ in seeds]
        for one, model, history in zip(fitted, models, histories, strict=True):
            one._take(model, history)
        return fitted

    def _take(self, model, history):
        self.model_, self.history_ = model.eval(), history
        last = [record for record in history if record["stage"] == "pretraining"]
        self.n_iter_ = len(last)

    def _train(self, X, seeds, checkpoint, start):
        """Models and histories of fits with these seeds; several train as one."""
        if start is None:
            gather = self._group.gather_objects
            self.center_, self.scale_ = feature_scaling(X, gather)
        trainer = self._make_trainer(X, seeds[0], checkpoint)
        if start is None:
            likelihood = self._first_likelihood(trainer)
            models = [self._make_model(trainer, seed, likelihood) for seed in seeds]
        else:
            models = [copy.deepcopy(start)]
        models = [model.to(trainer.device) for model in models]
        n_epochs = auto_epochs(
            self.max_epochs,
            trainer,
            steps=min(8000, trainer.n_total),
            most=200,
        )
        settings = {
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "schedule": self.learning_rate_schedule,
        }
        before = []
        if self.layerwise and start is None:
            (model,) = models
            for layer in range(model.encoder.n_layers):
                before += trainer.train(
                    LayerReconstruction(model.encoder, model.decoder, layer),
                    stage=f"layer-{layer + 1}",
                    max_epochs=math.ceil(n_epochs / 2),
                    **settings,
                )
        histories = trainer.train_runs(
            [Reconstruction(model, self.corruption) for model in models],
            seeds,
            stage="pretraining",
            max_epochs=n_epochs,
            **settings,
        )
        return models, [before + history for history in histories]

    @property
    def _has_standard_runs(self) -> bool:
        """Whether fits with several seeds can train as one."""
        return self.network is None and not self.layerwise

    def _layer_widths(self, n_samples: int, n_features: int) -> list[int]:
        """From the input to the embedding."""
        hidden = self.hidden_layer_sizes
        if hidden == "auto":
            hidden = auto_hidden_layer_sizes(n_samples)
        return [n_features, *hidden, min(self.n_components, n_features)]

    def _first_likelihood(self, trainer) -> BernoulliLikelihood | None:
        """That of shares, None for the Gaussian one; sets `likelihood_`."""
        network, wanted = self.network, self.likelihood
        if network == "convolutional" and not self._layout(trainer.rows.n_features):
            network = None  # rows that are no images
        if wanted == "auto" and (self.layerwise or network is not None):
            wanted = "gaussian"
        likelihood = first_likelihood(trainer, self.center_, self.scale_, wanted)
        self.likelihood_ = "gaussian" if likelihood is None else "bernoulli"
        return likelihood

    def _make_model(self, trainer, seed, likelihood):
        """Encoder and decoder with their first weights; sets `n_components_`."""
        n_features = trainer.rows.n_features
        self.n_components_ = min(self.n_components, n_features)
        if self.network in (None, "convolutional"):
            layout = self._layout(n_features) if self.network else None
            widths = self._layer_widths(trainer.n_total, n_features)
            linear_path = self.linear_path
            if linear_path == "auto":
                linear_path = likelihood is None and not self.layerwise
            model = first_networks(trainer, layout, widths, linear_path, seed)
        else:
            with private_global_generator(
                derive_seed(seed, "weights"), torch.device("cpu")
            ):
                model, self.n_components_ = user_autoencoder(
                    self.network, n_features, self.n_components_
                )
        if likelihood is not None:
            model.decoder = ExpectingDecoder(model.decoder, copy.deepcopy(likelihood))
        return model

    def score(self, X: MatrixLike, y: object = None) -> float:
        """Minus the mean squared error of rebuilding `X`, in the units of `X` squared.

        Parameters
        ----------
        X : array-like, CSR matrix or tensor of shape (n_samples, n_features)
        y : Ignored

        Returns
        -------
        score : float
            Mean over rows and features; higher is better, zero is perfect.
        """
        check_is_fitted(self)
        X = self._gate(X, reset=False)
        total = 0.0
        for rows, block in row_blocks(X):
            x_hat = self.inverse_transform(self._apply_to_rows(X[rows], "embed"))
            total += np.square(block - x_hat).sum()
        return float(-total / math.prod(X.shape))
