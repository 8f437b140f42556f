"""What `fit` and `predict` add to the memory of a fresh process."""

import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from _speed import LONG, METHODS, WIDE, fitted, ours, spread


def measure_memory(repeats):
    """A row for each method: the peak that it adds, each time in a fresh process."""
    if not Path("/proc/self/status").exists():
        yield {"part": "memory", "note": "skipped: this is not Linux"}
        return
    for name in METHODS:
        estimator = ours(name, LONG, 1, max_epochs=1, precision="auto")
        for method in ("fit", "predict") if name == "DECClustering" else ("fit",):
            added = [in_fresh_process(estimator, method) for _ in range(repeats)]
            yield {
                "part": "memory",
                "method": f"{name.removesuffix('Clustering')}.{method}",
                "network": LONG.network,
                "rows": LONG.n_rows,
                "quantity": "MiB added at the peak",
                **spread(added),
            }


def in_fresh_process(estimator, method):
    """MiB that the method adds, on as many rows as `LONG` has."""
    small = WIDE._replace(n_rows=2_000).rows()
    pickled = pickle.dumps(fitted(estimator, small))
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        arguments = (pickled, method, LONG.n_rows, torch.get_num_threads())
        return pool.submit(added_by, *arguments).result()


def added_by(pickled, method, n_rows, threads):
    """MiB by which the method raises the peak of this process."""
    torch.set_num_threads(threads)
    estimator = pickle.loads(pickled)
    call = estimator.predict if method == "predict" else silent_fit(estimator)
    shape = n_rows, estimator.n_features_in_
    X = np.random.default_rng(0).integers(0, 256, size=shape, dtype=np.uint8)
    call(X[:256])  # libraries load
    with suppress(OSError):  # the peak falls to what is in use, where that is allowed
        Path("/proc/self/clear_refs").write_text("5")
    before = peak_memory()
    call(X)
    return peak_memory() - before


def silent_fit(estimator):
    return lambda X: fitted(estimator, X)


def peak_memory():
    """Peak resident memory of this process in MiB."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no line VmHWM.")
