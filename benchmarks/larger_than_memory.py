"""Memory and time of a fit on a file that is larger than memory may be.

Run it from the root of the repository::

    python benchmarks/larger_than_memory.py --gigabytes 10

It writes a file of random rows in `--folder`, fits an autoencoder (128-128-64) for one
epoch and IDEC for one more, both in a fresh process, and writes
``benchmarks/larger_than_memory.csv`` and, as a table,
``benchmarks/larger_than_memory.rst``. Memory is what the process itself holds (RssAnon
of /proc/self/status, Linux only), sampled every 50 ms, above what it held before the
fit; pages of the file that the system keeps are not in it, since they can be dropped.
"""

import argparse
import multiprocessing
import re
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from _methods import environment
from _page import heading, paragraph, simple_table, versions_table
from _results import write
from sklearn.frozen import FrozenEstimator

from skdeepcluster import Autoencoder, IDECClustering

N_FEATURES = 128
N_CLUSTERS = 10
COLUMNS = ("rows", "gigabytes", "what", "seconds", "rows per second", "MiB added")


def write_rows(file, n_rows):
    """Noisy copies of ten random rows, sorted by which: float32."""
    rng = np.random.default_rng(0)
    centers = rng.normal(0, 2, size=(N_CLUSTERS, N_FEATURES)).astype(np.float32)
    noise = rng.standard_normal((2**16, N_FEATURES), dtype=np.float32)
    with file.open("wb") as stream:
        for start in range(0, n_rows, len(noise)):
            own = np.arange(start, min(start + len(noise), n_rows))
            block = centers[own * N_CLUSTERS // n_rows] + noise[: len(own)]
            block.tofile(stream)


def anonymous_memory():
    """MiB that this process holds without a file behind it."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1024


class Watch:
    """Seconds inside the block, and MiB added at the peak."""

    def __enter__(self):
        self.begin, self.before = time.perf_counter(), anonymous_memory()
        self.peak, self.over = self.before, threading.Event()
        self.thread = threading.Thread(target=self._look)
        self.thread.start()
        return self

    def _look(self):
        while not self.over.wait(0.05):
            self.peak = max(self.peak, anonymous_memory())

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.begin
        self.over.set()
        self.thread.join()
        self.added = self.peak - self.before


def measure(file, n_rows, threads):
    """What was done, seconds and MiB of each."""
    torch.set_num_threads(threads)
    X = np.memmap(file, dtype=np.float32, mode="r", shape=(n_rows, N_FEATURES))
    autoencoder = Autoencoder(
        64, hidden_layer_sizes=(128,), max_epochs=1, random_state=0
    )
    idec = IDECClustering(
        N_CLUSTERS,
        autoencoder=FrozenEstimator(autoencoder),
        max_epochs=1,
        n_init=3,
        random_state=0,
    )
    autoencoder.fit(X[:1000])  # libraries load
    out = np.memmap(file.with_name("labels"), np.int64, "w+", shape=n_rows)
    for what, call in (
        ("Autoencoder.fit, one epoch", lambda: autoencoder.fit(X)),
        ("IDECClustering.fit, one epoch", lambda: idec.fit(X)),
        ("IDECClustering.predict", lambda: idec.predict(X, out=out)),
    ):
        with Watch() as watch:
            call()
        yield what, watch.seconds, watch.added
    assert np.array_equal(out, idec.labels_)


def measured(*arguments):
    """The same as a list, in a process of its own."""
    return list(measure(*arguments))


def main():
    """Write the file, measure, write the table, print it."""
    parser = argparse.ArgumentParser(description="Fits larger than memory.")
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(__file__).with_name("larger_than_memory.csv"),
    )
    arguments = parser.parse_args()
    n_rows = int(arguments.gigabytes * 1e9 / (4 * N_FEATURES))
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        file = Path(folder) / "rows"
        write_rows(file, n_rows)
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            results = pool.submit(measured, file, n_rows, arguments.threads).result()
    lines = [
        (
            n_rows,
            f"{4e-9 * N_FEATURES * n_rows:.1f}",
            what,
            f"{seconds:.0f}",
            f"{n_rows / seconds:.0f}",
            f"{added:.0f}",
        )
        for what, seconds, added in results
    ]
    known = {**environment(), "threads": arguments.threads}
    rows = [{**dict(zip(COLUMNS, line, strict=True)), **known} for line in lines]
    write(arguments.output, rows)
    table = [list(COLUMNS), *([str(cell) for cell in line] for line in lines)]
    about = (
        f"Rows of {N_FEATURES} float32 features in a memory-mapped file, sorted by the "
        "group that they come from; network 128-128-64; one run. MiB is what the "
        "process holds at its peak above what it held before, without the pages of the "
        "file; predict writes into a memory map."
    )
    parts = [heading("Larger than memory", "="), paragraph(about), simple_table(table)]
    parts += [heading("Hardware and versions"), simple_table(versions_table(known))]
    text = "\n\n".join(parts) + "\n"
    arguments.output.with_suffix(".rst").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
