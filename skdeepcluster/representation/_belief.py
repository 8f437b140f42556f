"""Deep belief network as a transformer."""

import copy
import functools
from collections.abc import Sequence
from os import PathLike
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from skdeepcluster.base import DeepEstimator, auto_epochs
from skdeepcluster.engine import OPTIMIZERS, SCHEDULES, Objective, generator
from skdeepcluster.losses import free_energy, mean_squared_error
from skdeepcluster.networks import AutoencoderModel, BeliefDecoder, BeliefEncoder
from skdeepcluster.representation._autoencoder import Autoencoder
from skdeepcluster.representation._objectives import Reconstruction
from skdeepcluster.utils import Integers, Reals, TupleOf, feature_scaling, row_blocks


class ContrastiveDivergence(Objective):
    """Make rows more probable than what a chain of samples makes of them.

    Of the layers `up` and `down` the weight of the first stands for both.
    """

    def __init__(self, up, down, below, n_gibbs_steps, *, visible, hidden):
        super().__init__(nn.ModuleList([up, down]))
        down.weight.requires_grad_(False)
        self.below = below  # a function: not trained
        self.n_gibbs_steps = n_gibbs_steps
        self.gaussian = {
            "gaussian_visible": visible == "gaussian",
            "gaussian_hidden": hidden == "gaussian",
        }
        self.register_buffer("error", torch.zeros(()))

    def losses(self, batch):
        with torch.no_grad():
            v = self.below(batch.x).float()
            v_chain = self.chain(v)
            self.error.copy_(mean_squared_error(v_chain, v))
        difference = self.free_energy(v) - self.free_energy(v_chain)
        return {"free_energy": difference.mean()}

    def metrics(self):
        return {"reconstruction": float(self.error)}  # of the last batch

    def free_energy(self, v: Tensor) -> Tensor:
        """(n, n_visible) -> (n,)."""
        up, down = self.model
        return free_energy(v, up.weight, down.bias, up.bias, **self.gaussian)

    def chain(self, v: Tensor) -> Tensor:
        """Rows after some steps of Gibbs sampling: (n, n_visible) -> (n, n_visible).

        Hidden units are drawn; of visible ones the mean is taken.
        """
        up, down = self.model
        for _ in range(self.n_gibbs_steps):
            h = self.drawn(up(v).float())
            v = h @ up.weight + down.bias
            if not self.gaussian["gaussian_visible"]:
                v = torch.sigmoid(v)
        return v.float()

    def drawn(self, inputs: Tensor) -> Tensor:
        """Hidden units with these inputs: (n, n_hidden) -> (n, n_hidden)."""
        draws = {"generator": self.generator, "device": inputs.device}
        if self.gaussian["gaussian_hidden"]:
            return inputs + torch.randn(inputs.shape, **draws)
        return (torch.rand(inputs.shape, **draws) < torch.sigmoid(inputs)).float()


class DeepBeliefNetwork(Autoencoder):
    r"""Learn an embedding with a stack of restricted Boltzmann machines.

    Each layer learns how the numbers below it occur together, one layer after the
    other and without a decoder; then, with `fine_tune`, all of them together as an
    autoencoder. It is an :class:`Autoencoder` in all that comes after: any clusterer
    can stand behind it, and those that go on from an autoencoder can start from it.
    Prefer :class:`Autoencoder`, which is faster and has fewer things to go wrong,
    unless the rows are binary or shares, or the layers are of interest. Columns in
    different units belong through a StandardScaler first.

    Parameters
    ----------
    n_components : int, default=10
        Size of the embedding in range [1, inf); never more than there are features.
    hidden_layer_sizes : tuple of int or "auto", default="auto"
        Widths of the layers from input to embedding, at least one. ``"auto"`` is
        (128, 128) below 1,000 rows, (500, 500) below 5,000 and (500, 500, 2000) from
        there.
    visible : {"auto", "bernoulli", "gaussian"}, default="auto"
        What the features are to the first layer: probabilities of ones, which need
        values in [0, 1], or real numbers. ``"auto"`` is Bernoulli where all values of
        `X` are in [0, 1].
    n_gibbs_steps : int, default=1
        Steps of Gibbs sampling from a row to the sample that it is compared with, in
        range [1, inf).
    fine_tune : bool, default=True
        Whether all layers are trained together at the end, as an autoencoder.
    optimizer : {"adam", "sgd"}, default="adam"
        Adam, or stochastic gradient descent with Nesterov momentum 0.9.
    learning_rate : float, default=0.003
        Largest step size in every stage, in range (0, inf).
    learning_rate_schedule : {"constant", "cosine", "one_cycle"}, default="one_cycle"
        Constant; falling along a cosine; or rising over the first three tenths of the
        steps before falling.
    max_epochs : int or "auto", default="auto"
        Passes over the rows for each layer, and for all together, in range [0, inf).
        ``"auto"`` is 200, or less: 8,000 optimiser steps where rows are many. A number
        is obeyed exactly.
    batch_size : int or "auto", default="auto"
        Rows per optimiser step in range [1, inf). ``"auto"`` is 256, for small data an
        eighth of the rows but at least 16.
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
    model_ : torch.nn.Module
        The trained network, with ``embed``, ``decode`` and ``reconstruct``.
    visible_ : str
        What the features are to the first layer, "bernoulli" or "gaussian".
    n_components_ : int
        Size of the embedding.
    n_iter_ : int
        Number of epochs in which all layers were trained, zero without `fine_tune`.
    history_ : list of dict
        One record per epoch and stage: stage, epoch, loss, learning rate and seconds.
        The loss of a layer is the difference in free energy of rows and samples, which
        is no measure of progress; ``reconstruction`` is the squared distance of both
        in the last batch. ``pandas.DataFrame(history_)`` makes it a table.
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
    Autoencoder : The same without Boltzmann machines.
    sklearn.neural_network.BernoulliRBM : One layer of ones and zeros.

    Notes
    -----
    A layer with visible units :math:`v`, hidden units :math:`h` and weights :math:`W`
    gives them, where both are ones and zeros, the energy

    .. math:: E(v, h) = - b^T v - c^T h - h^T W v .

    For Gaussian units :math:`b^T v` becomes :math:`- \lVert v - b \rVert^2 / 2`, or
    :math:`c^T h` becomes :math:`c^T h - \lVert h \rVert^2 / 2`. Those of the last
    layer, the embedding, are Gaussian, and so is the input unless it is Bernoulli. With
    the free energy :math:`F(v) = - \log \sum_h e^{-E(v, h)}` and a sample :math:`v'`
    that starts at the row and is held constant, the steps of a layer lower

    .. math:: F(v) - F(v') ,

    whose gradient is contrastive divergence: for the weights, means over rows of
    :math:`\mathrm{E}[h | v'] v'^T - \mathrm{E}[h | v] v^T`. In the chain hidden units
    are drawn and of visible ones the mean is taken; the layer above is given
    :math:`\mathrm{E}[h | v]`. The decoder has the same weights, transposed, until all
    are trained together on the squared error of :class:`Autoencoder`.

    A warm start trains all layers together; without `fine_tune` one after the other.

    Departures from [2]_: Adam; no weight decay; the squared error also where features
    are probabilities; Gaussian features have one variance, that of all of them.

    References
    ----------
    .. [1] G. E. Hinton (2002). Training products of experts by minimizing contrastive
       divergence. Neural Computation 14, 1771-1800. doi:10.1162/089976602760128018
    .. [2] G. E. Hinton, R. R. Salakhutdinov (2006). Reducing the dimensionality of
       data with neural networks. Science 313, 504-507. doi:10.1126/science.1127647

    Examples
    --------
    >>> from sklearn.cluster import KMeans
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.pipeline import make_pipeline
    >>> from skdeepcluster import DeepBeliefNetwork
    >>> X = load_digits().data[:300] / 16  # shares of ink
    >>> network = DeepBeliefNetwork(
    ...     n_components=5, hidden_layer_sizes=(32,), max_epochs=5, random_state=0
    ... )
    >>> make_pipeline(network, KMeans(10)).fit_predict(X).shape
    (300,)
    >>> network.visible_
    'bernoulli'
    """

    # Parameters of an autoencoder that this one does not have.
    network, image_shape, channels, distributed = None, None, "auto", False
    _has_standard_runs = False

    _parameter_rules = {
        **DeepEstimator._parameter_rules,
        "n_components": [Integers(1)],
        "hidden_layer_sizes": ["auto", TupleOf(Integers(1))],
        "visible": ["auto", "bernoulli", "gaussian"],
        "n_gibbs_steps": [Integers(1)],
        "fine_tune": [True, False],
        "optimizer": list(OPTIMIZERS),
        "learning_rate": [Reals(0, closed="neither")],
        "learning_rate_schedule": list(SCHEDULES),
    }

    def __init__(
        self,
        n_components: int = 10,
        *,
        hidden_layer_sizes: Sequence[int] | Literal["auto"] = "auto",
        visible: Literal["auto", "bernoulli", "gaussian"] = "auto",
        n_gibbs_steps: int = 1,
        fine_tune: bool = True,
        optimizer: Literal["adam", "sgd"] = "adam",
        learning_rate: float = 3e-3,
        learning_rate_schedule: Literal[
            "constant", "cosine", "one_cycle"
        ] = "one_cycle",
        max_epochs: int | Literal["auto"] = "auto",
        batch_size: int | Literal["auto"] = "auto",
        precision: Literal["auto", "float32", "bfloat16"] = "auto",
        device: str | torch.device = "auto",
        checkpoint: str | PathLike | None = None,
        random_state: int | np.random.RandomState | None = None,
        verbose: int = 0,
        warm_start: bool = False,
    ):
        self.n_components = n_components
        self.hidden_layer_sizes = hidden_layer_sizes
        self.visible = visible
        self.n_gibbs_steps = n_gibbs_steps
        self.fine_tune = fine_tune
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
        if len(self.hidden_layer_sizes) == 0:
            raise ValueError(
                "hidden_layer_sizes must name at least one layer below the embedding. "
                f"Got {self.hidden_layer_sizes!r}."
            )
        visible = self.visible if start is None else self.visible_
        if self.visible not in ("auto", visible):
            raise ValueError(
                f"warm_start=True goes on with the {visible} units of the fit before. "
                f"Got visible={self.visible!r}: set it to {visible!r}, or "
                "warm_start=False."
            )
        if visible == "bernoulli" and not _are_shares(X):
            raise ValueError(
                "visible='bernoulli' needs values in [0, 1]. Got others in X: put a "
                "MinMaxScaler in front, or use visible='gaussian'"
                f"{'' if start is None else ' with warm_start=False'}."
            )

    def _train(self, X, seeds, checkpoint, start):
        (seed,) = seeds
        if start is None:
            self.center_, self.scale_ = feature_scaling(X)
            self.visible_ = self.visible
            if self.visible == "auto":
                self.visible_ = "bernoulli" if _are_shares(X) else "gaussian"
        trainer = self._make_trainer(X, seed, checkpoint)
        if start is None:
            model = self._make_model(trainer, seed).to(trainer.device)
        else:
            model = copy.deepcopy(start).to(trainer.device)
        settings = {
            "max_epochs": auto_epochs(self.max_epochs, trainer, steps=8000, most=200),
            "optimizer": self.optimizer,
            "learning_rate": self.learning_rate,
            "schedule": self.learning_rate_schedule,
        }
        if start is None or not self.fine_tune:
            self._train_layers(trainer, model, settings)
        if self.fine_tune:
            model.requires_grad_(True)
            objective = Reconstruction(model, corruption=0.0)
            trainer.train(objective, stage="pretraining", **settings)
        return [model], [trainer.history]

    def _train_layers(self, trainer, model, settings):
        ups, downs = model.encoder.layers, list(model.decoder.layers)[::-1]
        for number, (up, down) in enumerate(zip(ups, downs, strict=True)):
            objective = ContrastiveDivergence(
                up,
                down,
                functools.partial(model.encoder.below, layer=number),
                self.n_gibbs_steps,
                visible=self.visible_ if number == 0 else "bernoulli",
                hidden="gaussian" if number == len(ups) - 1 else "bernoulli",
            )
            trainer.train(objective, stage=f"layer-{number + 1}", **settings)
            with torch.no_grad():
                down.weight.copy_(up.weight.T)
        model.requires_grad_(True)

    def _make_model(self, trainer, seed):
        """Encoder and decoder with their first weights; sets `n_components_`."""
        sizes = self._layer_widths(trainer.n_total, trainer.rows.n_features)
        self.n_components_ = sizes[-1]
        weights, is_bernoulli = generator(seed, "weights"), self.visible_ == "bernoulli"
        encoder = BeliefEncoder(sizes, weights)
        decoder = BeliefDecoder(sizes[::-1], is_bernoulli, weights)
        if is_bernoulli:
            means = torch.from_numpy(self.center_)
            for part in (encoder, decoder):
                part.slope.fill_(self.scale_)
                part.offset.copy_(means)
            with torch.no_grad():  # as probable as they are without any hidden unit
                decoder.layers[-1].bias.copy_(means.clamp(0.01, 0.99).logit())
        return AutoencoderModel(encoder, decoder)


def _are_shares(X) -> bool:
    """Whether all values are in [0, 1]."""
    return all(((block >= 0) & (block <= 1)).all() for _, block in row_blocks(X))
