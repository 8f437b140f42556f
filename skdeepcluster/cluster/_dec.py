"""Deep Embedded Clustering."""

import torch

from skdeepcluster.base import auto_epochs
from skdeepcluster.cluster._base import CentroidClusterer
from skdeepcluster.engine import OPTIMIZERS, Objective, derive_seed
from skdeepcluster.initialization import kmeans_centers, reseed_empty
from skdeepcluster.losses import kl_divergence, target_distribution
from skdeepcluster.networks import CentroidModel
from skdeepcluster.utils import Integers, Reals


class _SelfTraining(Objective):
    """Pull the soft assignment of each row towards its own sharpened version."""

    def __init__(self, model, n_samples, tol, refresh_interval):
        super().__init__(model, refresh_interval)
        self.tol = tol
        self.register_buffer("labels", torch.full((n_samples,), -1))
        self.register_buffer("p", torch.zeros(n_samples, model.n_clusters))
        self.register_buffer("changed", torch.ones(()))

    def refresh(self, trainer):
        q = trainer.apply(self.model.assign)  # (n_samples, n_clusters)
        labels = q.argmax(dim=1)
        if torch.bincount(labels, minlength=self.model.n_clusters).min() == 0:
            reseed_empty(self.model.centers, trainer.apply(self.model.embed), labels)
            q = trainer.apply(self.model.assign)
            labels = q.argmax(dim=1)
        self.p.copy_(target_distribution(q))
        self.changed.copy_((labels != self.labels).float().mean())
        self.labels.copy_(labels)
        return bool(self.changed < self.tol)  # synchronises

    def losses(self, batch):
        log_q = self.model.log_assign(batch.x)
        return {"clustering": kl_divergence(self.p[batch.index], log_q)}

    def metrics(self):
        sizes = torch.bincount(self.labels, minlength=self.model.n_clusters)
        return {"changed": float(self.changed), "smallest": int(sizes.min())}


class DECClustering(CentroidClusterer):
    _parameter_rules = {
        **CentroidClusterer._parameter_rules,
        "update_encoder": [True, False],
        "alpha": [Reals(0, closed="neither")],
        "update_interval": ["auto", Integers(1)],
        "tol": [Reals(0, 1)],
        "n_init": [Integers(1)],
        "optimizer": list(OPTIMIZERS),
        "learning_rate": [Reals(0, closed="neither")],
    }

    def __init__(
        self,
        n_clusters=8,
        *,
        autoencoder=None,
        update_encoder=True,
        alpha=1.0,
        update_interval="auto",
        tol=1e-3,
        n_init=20,
        optimizer="sgd",
        learning_rate=0.01,
        max_epochs="auto",
        batch_size="auto",
        memory=None,
        precision="auto",
        device="auto",
        checkpoint=None,
        random_state=None,
        verbose=0,
    ):
        self.n_clusters = n_clusters
        self.autoencoder = autoencoder
        self.update_encoder = update_encoder
        self.alpha = alpha
        self.update_interval = update_interval
        self.tol = tol
        self.n_init = n_init
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.memory = memory
        self.precision = precision
        self.device = device
        self.checkpoint = checkpoint
        self.random_state = random_state
        self.verbose = verbose

    def _fit_model(self, trainer, autoencoder, seed):
        z = trainer.apply(autoencoder.embed)  # (n_samples, n_components)
        centers, labels = kmeans_centers(
            z, self.n_clusters, self.n_init, derive_seed(seed, "centers")
        )
        self.init_labels_ = labels.cpu().numpy()
        model = CentroidModel(autoencoder.encoder, centers, self.alpha)
        model.encoder.requires_grad_(self.update_encoder)
        self.n_iter_ = trainer.train(
            _SelfTraining(model, trainer.n_samples, self.tol, self._interval(trainer)),
            stage="clustering",
            max_epochs=auto_epochs(self.max_epochs, trainer, steps=4000, most=200),
            optimizer=self.optimizer,
            learning_rate=self.learning_rate,
        )
        return model

    def _interval(self, trainer):
        if self.update_interval == "auto":
            return max(20, trainer.steps_per_epoch // 2)
        return self.update_interval
