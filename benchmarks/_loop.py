"""Training against a hand-written loop."""

import functools
import time
from contextlib import nullcontext

import numpy as np
import torch
import torch.nn.functional as F
from _speed import (
    BATCH_SIZE,
    DEVICE,
    N_CLUSTERS,
    SMALL,
    WIDE,
    can_bfloat16,
    fitted,
    image_rows,
    in_pairs,
    ours,
    perceptron,
    row,
)
from torch import nn


def compare_with_loop(repeats):
    """One row per network, precision and method."""
    for setting, dtype in ((SMALL, np.float32), (WIDE, np.uint8)):
        X = image_rows(10_000, setting.sizes[0]).astype(dtype)
        for precision in ("float32", "bfloat16") if can_bfloat16() else ("float32",):
            for method in ("Autoencoder", "DECClustering", "IDECClustering"):
                paths = (False, True) if method == "Autoencoder" else (False,)
                for linear_path in paths:
                    case = (method, setting, precision, linear_path, X)
                    sides = [functools.partial(f, *case) for f in (our_run, loop_run)]
                    seconds = in_pairs(*sides, repeats)
                    yield row(
                        "loop",
                        setting,
                        len(X),
                        precision,
                        method=method + ", linear path" * linear_path,
                        quantity="seconds per epoch",
                        ours=seconds[0],
                        other=seconds[1],
                    )


def our_run(method, setting, precision, linear_path, X):
    """Seconds per epoch of the estimator; of clustering, its last stage."""
    alone = method == "Autoencoder"
    estimator = ours(
        method,
        setting,
        setting.epochs if alone else 0,
        linear_path=linear_path,
        max_epochs=setting.epochs,
        precision=precision,
        update_interval=10**9,  # the targets of the start stay
    )
    history = fitted(estimator, X).history_
    return min(record["seconds"] for record in history)


def loop_run(method, setting, precision, linear_path, X):
    """Seconds per epoch of a loop as short as can be."""
    x_all = torch.from_numpy(((X - X.mean(axis=0)) / X.std()).astype(np.float32))
    x_all = x_all.to(DEVICE)
    p_all = torch.rand(len(X), N_CLUSTERS, device=DEVICE).softmax(dim=1)
    parameters, loss_of = LOSSES[method](setting.sizes, linear_path)
    optimizer = torch.optim.Adam(parameters, fused=True)
    bfloat16 = precision == "bfloat16"
    cast = torch.autocast(DEVICE.type, torch.bfloat16) if bfloat16 else nullcontext()
    seconds = []
    for _ in range(setting.epochs):
        begin = time.perf_counter()
        for start in range(0, len(X), BATCH_SIZE):
            x = x_all[start : start + BATCH_SIZE]
            with cast:
                loss = loss_of(x, p_all[start : start + BATCH_SIZE])
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        loss.item()  # synchronises
        seconds.append(time.perf_counter() - begin)
    return min(seconds)


def reconstruction(sizes, linear_path):
    """Parameters and loss of an autoencoder."""
    part = LinearPath if linear_path else perceptron
    encoder, decoder = part(sizes).to(DEVICE), part(sizes[::-1]).to(DEVICE)

    def loss(x, p):
        return F.mse_loss(decoder(encoder(x)).float(), x)

    return [*encoder.parameters(), *decoder.parameters()], loss


def self_training(sizes, linear_path):
    """Parameters and loss of DEC's clustering stage."""
    encoder = perceptron(sizes).to(DEVICE)
    centers = nn.Parameter(torch.randn(N_CLUSTERS, sizes[-1], device=DEVICE))

    def loss(x, p):
        return divergence(encoder(x).float(), centers, p)

    return [*encoder.parameters(), centers], loss


def joint_training(sizes, linear_path):
    """Parameters and loss of IDEC's clustering stage."""
    encoder, decoder = perceptron(sizes).to(DEVICE), perceptron(sizes[::-1]).to(DEVICE)
    centers = nn.Parameter(torch.randn(N_CLUSTERS, sizes[-1], device=DEVICE))

    def loss(x, p):
        z = encoder(x).float()
        return F.mse_loss(decoder(z).float(), x) + divergence(z, centers, p)

    return [*encoder.parameters(), *decoder.parameters(), centers], loss


LOSSES = {
    "Autoencoder": reconstruction,
    "DECClustering": self_training,
    "IDECClustering": joint_training,
}


def divergence(z, centers, p):
    """KL(p || q) with Student's t as q."""
    d2 = (z.unsqueeze(1) - centers).square().sum(2)
    log_q = torch.log_softmax(-torch.log1p(d2), dim=1)
    return F.kl_div(log_q, p, reduction="batchmean")


class LinearPath(nn.Module):
    """A perceptron with a linear map beside it."""

    def __init__(self, sizes):
        super().__init__()
        self.linear = nn.Linear(sizes[0], sizes[-1], bias=False)
        self.layers = perceptron(sizes)

    def forward(self, x):
        return self.linear(x) + self.layers(x)
