"""Predicting a million rows against the bare forward pass."""

import functools

import numpy as np
import torch
from _speed import DEVICE, SMALL, clock, compared, fitted, in_turns, ours

BLOCK = 2**14  # rows


def compare_predict(repeats):
    """One row."""
    setting, n_rows = SMALL, 1_000_000
    X = np.resize(setting.rows(), (n_rows, setting.sizes[0]))
    dec = fitted(ours("DECClustering", setting, 1, max_epochs=1), X[:2_000])
    same = np.mean(dec.predict(X) == bare_predict(dec, X))
    if same < 0.9999:  # float32 rounds a row between two centroids either way
        raise RuntimeError(f"Both sides agree on {same:.2%} of the rows only.")
    sides = [functools.partial(timed, f) for f in (dec.predict, bare(dec))]
    seconds = in_turns([functools.partial(side, X) for side in sides], repeats)
    yield compared(
        *seconds,
        part="predict",
        method="DEC",
        network=setting.network,
        rows=n_rows,
        precision="float32",
        quantity="seconds",
    )


def timed(function, X):
    begin = clock()
    function(X)
    return clock() - begin


def bare(dec):
    return functools.partial(bare_predict, dec)


@torch.no_grad()
def bare_predict(dec, X):
    """Scaling, network and nearest centroid in blocks: (n_samples,) int64."""
    encoder, centers = dec.model_.encoder, dec.model_.centers
    center = torch.from_numpy(dec.center_).float().to(DEVICE)
    labels = []
    for block in torch.from_numpy(X).split(BLOCK):
        z = encoder((block.to(DEVICE) - center) / dec.scale_)
        labels.append(torch.cdist(z, centers).argmin(dim=1))
    return torch.cat(labels).cpu().numpy()
