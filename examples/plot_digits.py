"""
Deep clustering of handwritten digits
=====================================

The digits that come with scikit-learn are 1797 images of 8 x 8 pixels. We cluster them
in three ways: with k-means on the pixels, with k-means on the embedding of an
autoencoder, and with Deep Embedded Clustering, which goes on to train that embedding
together with the clusters. The true digits are used for the scores in the table and for
the colours in the figure; no method sees them.
"""

import sys
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score
from sklearn.pipeline import make_pipeline

from skdeepcluster import Autoencoder, DECClustering
from skdeepcluster.metrics import clustering_accuracy

torch.set_num_threads(1)  # for networks this small more threads only get in the way
X, y = load_digits(return_X_y=True)

# %%
# Three clusterers
# ----------------
# All of them are scikit-learn clusterers. The second one is a pipeline, because an
# autoencoder is a transformer.

k_means = KMeans(n_clusters=10, n_init=20, random_state=0)
two_step = make_pipeline(
    Autoencoder(random_state=0), KMeans(n_clusters=10, n_init=20, random_state=0)
)
dec = DECClustering(n_clusters=10, random_state=0)

# %%
# The scores
# ----------
# ACC is the share of images that are right when every cluster is given the digit that
# suits it best, each digit once. NMI and ARI compare the two partitions as they are.

print(f"{'':<22}{'ACC':>7}{'NMI':>7}{'ARI':>7}{'seconds':>10}")
for name, clusterer in [
    ("KMeans", k_means),
    ("Autoencoder + KMeans", two_step),
    ("DECClustering", dec),
]:
    start = time.perf_counter()
    labels = clusterer.fit_predict(X)
    seconds = time.perf_counter() - start
    print(
        f"{name:<22}"
        f"{clustering_accuracy(y, labels):>7.3f}"
        f"{normalized_mutual_info_score(y, labels):>7.3f}"
        f"{adjusted_rand_score(y, labels):>7.3f}"
        f"{seconds:>10.1f}"
    )

# %%
# What the clustering stage does to the embedding
# -----------------------------------------------
# ``dec.autoencoder_`` is the autoencoder as it was before the clustering stage, ``dec``
# is the result. We look at both embeddings through their first two principal
# components, and at the images that are most typical of each cluster: those assigned
# with the highest probability and, among equals, the nearest to the centroid.

# Ten colours that remain distinct for the colour-blind (M. Petroff, 2021).
COLORS = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"]
COLORS += ["#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"]
N_TYPICAL = 10


def plot_embedding(ax, Z, title):
    """First two principal components, every row drawn as its true digit."""
    Z = PCA(n_components=2).fit_transform(Z)
    # A tenth of the rows at a time, so that no digit hides the others.
    for part in range(10):
        for digit, color in enumerate(COLORS):
            chosen = (y == digit) & (np.arange(len(y)) // 10 % 10 == part)
            ax.scatter(*Z[chosen].T, s=22, color=color, marker=f"${digit}$", lw=0.3)
    ax.set(title=title, xticks=[], yticks=[])
    ax.spines[:].set_color("0.8")


def plot_typical(ax, title):
    """One row of images per cluster, the most typical one on the left."""
    probability = dec.predict_proba(X).max(axis=1)
    distance = dec.center_distances(X).min(axis=1)
    best_first = np.lexsort((distance, -probability))
    rows = []
    for cluster in range(dec.n_clusters_):
        typical = best_first[dec.labels_[best_first] == cluster][:N_TYPICAL]
        row = np.full((10, 10 * N_TYPICAL), np.nan)
        for column, image in enumerate(X[typical].reshape(-1, 8, 8)):
            row[1:9, 10 * column + 1 : 10 * column + 9] = image
        rows.append(row)
    ax.imshow(np.vstack(rows), cmap="gray_r", interpolation="nearest")
    sizes = np.bincount(dec.labels_)
    ax.set(
        title=title,
        xticks=[],
        yticks=10 * np.arange(len(rows)) + 4.5,
        yticklabels=[f"cluster {i}\n{size} images" for i, size in enumerate(sizes)],
    )
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)


fig, axes = plt.subplots(
    1, 3, figsize=(16, 5.5), width_ratios=[1, 1, 1.2], layout="constrained"
)
fig.get_layout_engine().set(w_pad=0.12)
shown = "(2 principal components; colour and mark: true digit)"
before, after = dec.autoencoder_.transform(X), dec.transform(X)
plot_embedding(axes[0], before, f"Embedding before the clustering stage\n{shown}")
plot_embedding(axes[1], after, f"Embedding after the clustering stage\n{shown}")
plot_typical(axes[2], "The most typical images of each cluster\n(found without labels)")

output = sys.argv[1] if len(sys.argv) > 1 else "digits.png"
fig.savefig(output, dpi=120)
print(f"\nThe figure is in {output}")
