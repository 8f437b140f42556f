"""
Any clusterer behind an autoencoder
===================================

``Autoencoder`` is a transformer, so that a scikit-learn pipeline can put any clusterer
behind it. Here five of them cluster the same embedding of the digits that come with
scikit-learn. No method sees the true digits, and none of the settings was chosen with
them: they serve for the scores in the table and the colours in the figure.
"""

import sys
import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import (
    HDBSCAN,
    AgglomerativeClustering,
    KMeans,
    SpectralClustering,
)
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline

from skdeepcluster import Autoencoder
from skdeepcluster.metrics import clustering_accuracy

torch.set_num_threads(1)  # for networks this small more threads only get in the way
X, y = load_digits(return_X_y=True)

# %%
# Five clusterers
# ---------------
# Four of them are told the number of clusters. HDBSCAN is not: it is told that fewer
# than 18 images, one in a hundred, are not worth calling a cluster, and to judge how
# dense a place is by five neighbours. It may leave images out as noise, which the
# scores below count as one more cluster.

clusterers = {
    "KMeans": KMeans(n_clusters=10, n_init=20, random_state=0),
    "GaussianMixture": GaussianMixture(n_components=10, n_init=5, random_state=0),
    "SpectralClustering": SpectralClustering(
        n_clusters=10, affinity="nearest_neighbors", random_state=0
    ),
    "AgglomerativeClustering": AgglomerativeClustering(n_clusters=10, linkage="ward"),
    "HDBSCAN": HDBSCAN(min_cluster_size=18, min_samples=5, copy=True),
}

# %%
# One autoencoder
# ---------------
# With ``memory``, a pipeline stores the fitted autoencoder in a folder: the first
# pipeline trains it, the other four find it there, as their seconds tell.

autoencoder = Autoencoder(random_state=0)
labels = {}
print(
    f"{'':<24}{'ACC':>7}{'NMI':>7}{'ARI':>7}{'clusters':>10}{'noise':>7}{'seconds':>9}"
)
with tempfile.TemporaryDirectory() as folder:
    for name, clusterer in clusterers.items():
        start = time.perf_counter()
        pipeline = make_pipeline(autoencoder, clusterer, memory=folder)
        labels[name] = found = pipeline.fit_predict(X)
        seconds = time.perf_counter() - start
        print(
            f"{name:<24}"
            f"{clustering_accuracy(y, found):>7.3f}"
            f"{normalized_mutual_info_score(y, found):>7.3f}"
            f"{adjusted_rand_score(y, found):>7.3f}"
            f"{found.max() + 1:>10}"
            f"{np.mean(found == -1):>7.0%}"
            f"{seconds:>9.1f}"
        )
    embedding = pipeline[:-1].transform(X)

# %%
# The five clusterings side by side
# ---------------------------------
# t-SNE makes a map of the embedding to look at; the clusterers saw the embedding
# itself, with all its components. Each cluster has the colour of the digit that suits
# it best, each digit given once.

# Ten colours that remain distinct for the colour-blind (M. Petroff, 2021).
COLORS = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"]
COLORS += ["#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"]
FURTHER, NOISE = "black", "#dddddd"


def cluster_colors(found):
    """One colour per row: of the matched digit, of a further cluster, or of noise."""
    clusters = np.unique(found[found >= 0])
    kept = found >= 0
    matches = linear_sum_assignment(
        contingency_matrix(y[kept], found[kept]), maximize=True
    )
    color_of = dict.fromkeys(clusters, FURTHER) | {-1: NOISE}
    for digit, column in zip(*matches, strict=True):
        color_of[clusters[column]] = COLORS[digit]
    return np.array([color_of[cluster] for cluster in found])


def plot_map(ax, colors, title):
    """The map, with noise drawn first, below everything else."""
    order = np.argsort(colors != NOISE, kind="stable")
    ax.scatter(*positions[order].T, s=6, c=colors[order], linewidths=0)
    ax.set(title=title, xticks=[], yticks=[])
    ax.spines[:].set_color("0.8")


positions = TSNE(random_state=0).fit_transform(embedding)
fig, axes = plt.subplots(2, 3, figsize=(12, 8.6), layout="constrained")
plot_map(axes.flat[0], np.array(COLORS)[y], "The true digits\n10 classes")
for ax, (name, found) in zip(axes.flat[1:], labels.items(), strict=True):
    n_noise = np.count_nonzero(found == -1)
    noise = f", {n_noise} images as noise" if n_noise else ""
    title = f"Autoencoder + {name}\n{found.max() + 1} clusters{noise}"
    plot_map(ax, cluster_colors(found), title)

entries = dict(enumerate(COLORS)) | {"further cluster": FURTHER, "noise": NOISE}
handles = [
    plt.Line2D([], [], color=color, marker="o", linestyle="", label=name)
    for name, color in entries.items()
]
fig.legend(
    handles=handles,
    loc="outside lower center",
    ncols=len(handles),
    handletextpad=0.1,
    columnspacing=1.6,
    frameon=False,
)

output = sys.argv[1] if len(sys.argv) > 1 else "two_step.png"
fig.savefig(output, dpi=120)
print(f"\nThe figure is in {output}")
