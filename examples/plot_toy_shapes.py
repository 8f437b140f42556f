"""
Toy shapes: what a network changes and what it does not
=======================================================

The pictures with which clusterers are usually compared, two columns of numbers each.
They are the hard case for deep clustering: there is next to nothing to learn from two
columns. The example shows what to expect there, the failures included.

The number above each panel is the adjusted Rand index (ARI): 1 is the true partition,
0 is chance. No method sees the true one, and all settings but the number of clusters
are defaults.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.datasets import make_blobs, make_circles, make_moons
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix
from sklearn.mixture import GaussianMixture

from skdeepcluster import DECClustering, VaDEClustering

torch.set_num_threads(1)  # for networks this small more threads only get in the way

# %%
# Six shapes
# ----------
# Blobs of one width; blobs of three widths; stretched blobs; one large and two small
# blobs; two moons; two rings.

centers = np.array([[-5.0, -4.0], [0.0, 4.5], [5.0, -2.0]])
blobs, of_blob = make_blobs(300, centers=centers, random_state=0)
shapes = {
    "blobs": (blobs, of_blob),
    "three widths": make_blobs(
        300, centers=centers, cluster_std=[0.6, 2.6, 1.0], random_state=0
    ),
    "stretched": (blobs @ np.array([[0.6, -0.64], [-0.41, 0.85]]), of_blob),
    "unequal sizes": make_blobs([250, 25, 25], centers=0.55 * centers, random_state=0),
    "moons": make_moons(300, noise=0.06, random_state=0),
    "rings": make_circles(300, noise=0.05, factor=0.4, random_state=0),
}

# %%
# Two clusterers of scikit-learn, two of this package
# ---------------------------------------------------


def clusterers(n_clusters):
    return {
        "KMeans": KMeans(n_clusters, n_init=20, random_state=0),
        "GaussianMixture": GaussianMixture(n_clusters, n_init=10, random_state=0),
        "DECClustering": DECClustering(n_clusters, random_state=0),
        "VaDEClustering": VaDEClustering(n_clusters, random_state=0),
    }


found = {
    shape: {
        name: clusterer.fit_predict(X)
        for name, clusterer in clusterers(len(np.unique(y))).items()
    }
    for shape, (X, y) in shapes.items()
}

# %%
# Shape by shape
# --------------
# Each cluster has the colour of the true group that suits it best, in the first column,
# so that what has the wrong colour is wrong.

COLORS = np.array(["#0072b2", "#e69f00", "#009e73"])
MARKERS = ["o", "s", "^"]


def plot_partition(ax, X, labels, title):
    for label in np.unique(labels):
        ax.scatter(
            *X[labels == label].T,
            s=9,
            color=COLORS[label],
            marker=MARKERS[label],
            linewidths=0,
        )
    ax.set(xticks=[], yticks=[])
    ax.set_title(title, fontsize=11)
    ax.spines[:].set_color("0.8")


def matched(y, labels):
    """The labels under the names of the groups that suit them best."""
    groups, clusters = linear_sum_assignment(
        contingency_matrix(y, labels), maximize=True
    )
    return groups[np.argsort(clusters)][labels]


names = list(clusterers(2))
fig, axes = plt.subplots(
    len(shapes), 1 + len(names), figsize=(11, 12.5), layout="constrained"
)
for row, (shape, (X, y)) in zip(axes, shapes.items(), strict=True):
    plot_partition(row[0], X, y, "")
    row[0].set_ylabel(shape, fontsize=12)
    for ax, name in zip(row[1:], names, strict=True):
        labels = found[shape][name]
        ari = abs(round(adjusted_rand_score(y, labels), 2))  # no minus zero
        plot_partition(ax, X, matched(y, labels), f"ARI {ari:.2f}")
for ax, head in zip(axes[0], ["the true groups", *names], strict=True):
    ax.set_title(f"{head}\n{ax.get_title()}", fontsize=11)
plt.show()

# %%
# What to take from it
# --------------------
# In two columns DEC finds about what k-means finds and VaDE what a mixture of Gaussians
# finds, which take a hundredth of the time. An autoencoder that has to rebuild two
# numbers has no reason to unroll a moon or to move a ring: it keeps what is near
# together, as it should. For such shapes there are
# :class:`~sklearn.cluster.SpectralClustering` and
# :class:`~sklearn.cluster.HDBSCAN`.
#
# Networks have something to learn where columns are many and depend on one another, as
# the pixels of :ref:`sphx_glr_auto_examples_plot_digits.py` do.
