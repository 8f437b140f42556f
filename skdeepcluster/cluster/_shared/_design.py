"""What the parameters of a composed clustering stand for."""

from sklearn.frozen import FrozenEstimator

from skdeepcluster.cluster._shared._centroids import (
    CentroidClusterer,
    auto_interval,
    auto_weight,
)
from skdeepcluster.cluster._shared._composition import Composition, near_rows
from skdeepcluster.cluster._shared._pulls import (
    Pull,
    TowardsAllCenters,
    TowardsCenters,
    TowardsTargets,
)
from skdeepcluster.cluster._shared._size_prior import prior_shares
from skdeepcluster.engine import Trainer
from skdeepcluster.networks import (
    AllLayers,
    CentroidModel,
    SoftKMeansModel,
    image_layout,
)
from skdeepcluster.representation import Autoencoder, check_augmentation, make_views

_WEIGHT = 0.05  # of squared distances beside the error of a feature, as of DCN


class DesignClusterer(CentroidClusterer):
    """Base of a clusterer whose losses and centroids are a matter of its parameters."""

    @property
    def _even_batches(self):
        return self.balance_weight > 0

    # -- what there is -------------------------------------------------------------

    def _weights(self) -> dict[str, float]:
        """Of the terms that the design has."""
        weights = {
            "clustering": self._clustering_weight(),
            "balance": self.balance_weight,
            "locality": self.locality_weight,
            "augmentation": self.augmentation_weight,
            # Last, as in IDEC: the order decides how gradients are rounded.
            "reconstruction": self.reconstruction_weight,
        }
        if not self.update_encoder:
            weights = {name: weights[name] for name in ("clustering", "balance")}
        return {name: weight for name, weight in weights.items() if weight > 0}

    def _clustering_weight(self) -> float:
        if self.clustering_loss is None:
            return 0.0
        rebuilds = self.reconstruction_weight > 0 and self.update_encoder
        if self.clustering_weight == "auto" and not rebuilds:
            return 1.0
        if self.clustering_loss == "hardening":
            return auto_weight(self.clustering_weight, self.n_features_in_)
        return _WEIGHT if self.clustering_weight == "auto" else self.clustering_weight

    def _center_update(self) -> str:
        depends_on_centers = {"clustering", "balance"} & set(self._weights())
        if self.update_encoder and not depends_on_centers:
            return "kmeans"
        return self.center_update

    @property
    def _keeps_decoder(self) -> bool:
        """Whether the decoder goes with the encoder."""
        return self.reconstruction_weight > 0 or not self.update_encoder

    def _pull(self, model: CentroidModel, n_samples: int) -> Pull:
        if self.clustering_loss == "kmeans":
            return TowardsCenters(n_samples)
        if self.clustering_loss == "soft_kmeans":
            return TowardsAllCenters()
        return TowardsTargets(model, n_samples, self.balance)

    def _refresh_interval(self, trainer: Trainer) -> int:
        if self.update_interval == "auto" and self.clustering_loss != "hardening":
            return trainer.steps_per_epoch
        return auto_interval(self.update_interval, trainer)

    def _pays_as_one(self, X):
        draws = {"locality", "augmentation"} & set(self._weights())  # as vmap cannot
        return not draws and super()._pays_as_one(X)

    def _n_epochs(self, trainer):
        return super()._n_epochs(trainer) if self._weights() else 0

    def _given_autoencoder(self) -> Autoencoder:
        if isinstance(self.autoencoder, FrozenEstimator):
            return self.autoencoder.estimator
        return self._unfitted_learner()

    def _layout(self, autoencoder):
        """How rows hold images; None where they hold none."""
        return image_layout(
            self.image_shape_,
            autoencoder.image_shape,
            autoencoder.channels,
            self.n_features_in_,
        )

    def _objective(self, trainer, model):
        for network in (model.encoder, model.decoder):
            if network is not None:
                network.requires_grad_(self.update_encoder)
        weights, n = self._weights(), trainer.n_samples
        n_steps = self._n_epochs(trainer) * trainer.steps_per_epoch
        pull = near = views = None
        if "clustering" in weights:
            pull = self._pull(model, n)
        if "locality" in weights:
            near = near_rows(trainer)
        if "augmentation" in weights:
            layout = self._layout(self._given_autoencoder())
            views = make_views(self.augmentation, layout, trainer)
        return Composition(
            model,
            n,
            self.tol,
            self._refresh_interval(trainer),
            weights=weights,
            center_update=self._center_update(),
            n_warm_up=n_steps // 2 if self.clustering_schedule == "warm_up" else 0,
            pull=pull,
            prior=prior_shares(self.size_prior, self.n_clusters),
            near=near,
            views=views,
        )

    # -- checks --------------------------------------------------------------------

    def _check_before_training(self, X, start):
        super()._check_before_training(X, start)
        prior_shares(self.size_prior, self.n_clusters)
        self._check_design()
        if start is not None:
            self._check_start(start)
        given = self._given_autoencoder()
        if self.features == "all" and given.network not in (None, "convolutional"):
            raise ValueError(
                "features='all' needs a network whose layers are known, and the "
                "autoencoder has one of your own. Use features='last', or network=None "
                "or 'convolutional'."
            )
        if "augmentation" in self._weights():
            check_augmentation(self.augmentation, self._layout(given))

    def _check_design(self):
        weights = self._weights()
        pulls_together = {"locality", "augmentation"} & set(weights)
        is_held = "reconstruction" in weights or not self.update_encoder
        if "clustering" in weights and self.clustering_loss != "hardening":
            pulls_together |= {"clustering"}
        elif "clustering" in weights:
            is_held = True
        if pulls_together and not is_held:
            raise ValueError(
                f"clustering_loss={self.clustering_loss!r} with reconstruction_weight=0"
                f" and a weight of {' and '.join(sorted(pulls_together))} only pulls "
                "rows together, and all of them end in one point. Set "
                "reconstruction_weight above 0 or update_encoder=False."
            )
        if not self.update_encoder and self.center_update != "gradient":
            raise ValueError(
                "update_encoder=False trains nothing but the centroids, by gradient. "
                f"Got center_update={self.center_update!r}: set 'gradient'."
            )
        if self.distributed and self.balance_weight > 0:
            raise ValueError(
                "balance_weight judges a batch as a whole, of which each process has a "
                f"part. Got balance_weight={self.balance_weight} and "
                "distributed=True: set one of them to 0 or False."
            )

    def _check_start(self, start):
        had_all = isinstance(start.encoder, AllLayers)
        was_soft = isinstance(start, SoftKMeansModel)
        if (
            had_all != (self.features == "all")
            or was_soft != (self.clustering_loss == "soft_kmeans")
            or ((start.decoder is None) and self._keeps_decoder)
        ):
            raise ValueError(
                "warm_start=True goes on with the model of the fit before, which does "
                "not have the features, the soft_kmeans or the decoder of the design "
                "that is asked for. Set them as they were, or warm_start=False."
            )
