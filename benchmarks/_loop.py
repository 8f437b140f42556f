"""Training against a hand-written loop, and both against the matrix products alone."""

from contextlib import nullcontext

import numpy as np
import torch
import torch.nn.functional as F
from _products import products_of
from _speed import (
    BATCH_SIZE,
    DEVICE,
    LONG,
    METHODS,
    N_CLUSTERS,
    SMALL,
    WIDE,
    EpochClock,
    compared,
    fitted,
    ours,
    perceptron,
    precisions,
    watching,
    without_looks,
)
from torch import nn


def compare_with_loop(repeats):
    """One row per network, rows, precision, batch size and method."""
    for setting in (SMALL, WIDE, LONG):
        X = setting.rows()
        for precision in precisions()[-1:] if setting is LONG else precisions():
            for batch_size in (BATCH_SIZE, 4 * BATCH_SIZE):
                for method in METHODS:
                    case = (setting, X, precision, batch_size)
                    yield compare_method(method, *case, linear_path=False)
                if batch_size == BATCH_SIZE:
                    yield compare_method("Autoencoder", *case, linear_path=True)


def compare_method(method, setting, X, precision, batch_size, *, linear_path):
    """Epochs of the estimator, of the loop and of the products, one after the other."""
    case = (method, setting, precision, batch_size, linear_path)
    seconds = epochs_in_turns(*case, X)
    mine, loop, products = seconds[1:].T  # the first epoch warms up, and labels rows
    return compared(
        mine,
        loop,
        part="loop",
        method=method.removesuffix("Clustering") + ", linear path" * linear_path,
        network=setting.network,
        rows=len(X),
        batch=batch_size,
        precision=precision,
        quantity="seconds per epoch",
        products=np.median(products),
        ours_to_products=np.median(mine / products),
        other_to_products=np.median(loop / products),
    )


def epochs_in_turns(method, setting, precision, batch_size, linear_path, X):
    """Seconds of an epoch: (epochs, 3) of the estimator, the loop and the products."""
    alone = method == "Autoencoder"
    n_epochs = 1 + setting.epochs
    estimator = ours(
        method,
        setting,
        n_epochs if alone else 0,
        max_epochs=n_epochs,
        batch_size=batch_size,
        precision=precision,
        linear_path=linear_path,
    )
    loop = Loop(method, setting.sizes, precision, batch_size, linear_path, X)
    products = products_of(
        method, setting.sizes, len(X), precision, batch_size, linear_path
    )
    clock = EpochClock(loop.epoch, products.epoch)
    with watching(clock, without_looks):
        fitted(estimator, X)
    return np.array(clock.stages["pretraining" if alone else "clustering"])


class Loop:
    """A training loop as short as can be: no shuffling, no history, no new targets."""

    def __init__(self, method, sizes, precision, batch_size, linear_path, X):
        x = torch.from_numpy(X).float()
        self.x = ((x - x.mean(dim=0)) / x.std()).to(DEVICE)
        part = LinearPath if linear_path else perceptron
        parameters, self.loss, self.after_step = METHOD[method](sizes, len(X), part)
        self.optimizer = torch.optim.Adam(parameters, lr=1e-4, fused=True)
        self.batch_size = batch_size
        bfloat16 = precision == "bfloat16"
        self.cast = (
            torch.autocast(DEVICE.type, torch.bfloat16) if bfloat16 else nullcontext()
        )

    def epoch(self):
        for start in range(0, len(self.x), self.batch_size):
            rows = slice(start, start + self.batch_size)
            x = self.x[rows]
            with self.cast:
                loss = self.loss(x, rows)
            loss.backward()
            self.optimizer.step()
            self.optimizer.zero_grad()
            if self.after_step is not None:
                with self.cast:
                    self.after_step(x, rows)
        loss.item()  # synchronises


# -- of each method: parameters, the loss of a batch, what follows a step --------------


def reconstruction(sizes, n_rows, part):
    encoder, decoder = part(sizes), part(sizes[::-1])

    def loss(x, rows):
        return F.mse_loss(decoder(encoder(x)).float(), x)

    return [*encoder.parameters(), *decoder.parameters()], loss, None


def self_training(sizes, n_rows, part):
    encoder, centers, p = part(sizes), random_centers(sizes), random_targets(n_rows)

    def loss(x, rows):
        return divergence(encoder(x).float(), centers, p[rows])

    return [*encoder.parameters(), centers], loss, None


def joint_training(sizes, n_rows, part):
    encoder, decoder = part(sizes), part(sizes[::-1])
    centers, p = random_centers(sizes), random_targets(n_rows)

    def loss(x, rows):
        z = encoder(x).float()
        error = F.mse_loss(decoder(z).float(), x)
        return error + 0.1 * divergence(z, centers, p[rows])

    return [*encoder.parameters(), *decoder.parameters(), centers], loss, None


def k_means_friendly(sizes, n_rows, part):
    encoder, decoder = part(sizes), part(sizes[::-1])
    centers = random_centers(sizes).detach()
    counts = torch.full((N_CLUSTERS,), 100.0, device=DEVICE)
    assigned = torch.randint(N_CLUSTERS, (n_rows,), device=DEVICE)

    def loss(x, rows):
        z = encoder(x).float()
        distance = (z - centers[assigned[rows]]).square().sum(1).mean()
        return F.mse_loss(decoder(z).float(), x) + 0.05 * distance

    @torch.no_grad()
    def after_step(x, rows):
        z = encoder(x).float()
        labels = (z.unsqueeze(1) - centers).square().sum(2).argmin(1)
        assigned[rows] = labels
        counts.add_(torch.bincount(labels, minlength=N_CLUSTERS))
        shift = torch.zeros_like(centers).index_add_(0, labels, z - centers[labels])
        centers.add_(shift / counts.unsqueeze(1))

    return [*encoder.parameters(), *decoder.parameters()], loss, after_step


def evidence_bound(sizes, n_rows, part):
    encoder, decoder = part((*sizes[:-1], 2 * sizes[-1])), part(sizes[::-1])
    centers, logits = random_centers(sizes), nn.Parameter(torch.zeros(N_CLUSTERS))
    log_s2 = nn.Parameter(torch.zeros_like(centers))

    def loss(x, rows):
        mean, log_variance = encoder(x).float().chunk(2, dim=1)
        log_variance = log_variance.clamp(-20, 20)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        error = 0.5 * F.mse_loss(decoder(z).float(), x, reduction="sum") / len(x)
        log_weights, s2, sizes = logits.log_softmax(0), log_s2.exp(), log_s2.sum(1)
        d2 = ((z.unsqueeze(1) - centers).square() / s2).sum(2)
        log_gamma = (log_weights - 0.5 * (d2 + sizes)).log_softmax(1)
        wide = (mean.unsqueeze(1) - centers).square() + log_variance.exp().unsqueeze(1)
        terms = 0.5 * ((wide / s2).sum(2) + sizes) + log_gamma - log_weights
        entropy = 0.5 * (1 + log_variance).sum(1)
        return error + ((log_gamma.exp() * terms).sum(1) - entropy).mean()

    networks = [*encoder.parameters(), *decoder.parameters()]
    return [*networks, centers, logits, log_s2], loss, None


METHOD = {
    "Autoencoder": reconstruction,
    "DECClustering": self_training,
    "IDECClustering": joint_training,
    "DCNClustering": k_means_friendly,
    "VaDEClustering": evidence_bound,
}


def random_centers(sizes):
    return nn.Parameter(torch.randn(N_CLUSTERS, sizes[-1], device=DEVICE))


def random_targets(n_rows):
    return torch.rand(n_rows, N_CLUSTERS, device=DEVICE).softmax(dim=1)


def divergence(z, centers, p):
    """KL(p || q) with Student's t as q."""
    d2 = (z.unsqueeze(1) - centers).square().sum(2)
    log_q = torch.log_softmax(-torch.log1p(d2), dim=1)
    return F.kl_div(log_q, p, reduction="batchmean")


class LinearPath(nn.Module):
    """A perceptron with a linear map beside it."""

    def __init__(self, sizes):
        super().__init__()
        self.linear = nn.Linear(sizes[0], sizes[-1], bias=False, device=DEVICE)
        self.layers = perceptron(sizes)

    def forward(self, x):
        return self.linear(x) + self.layers(x)
