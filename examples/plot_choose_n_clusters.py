"""
How many clusters are there?
============================

Nobody tells you the number of clusters, and most scores rise or fall with it whatever
the data. A question with an answer is whether the clusters come back: cluster several
random halves of the rows, and compare what the fits say about rows that none of them
has seen. Clusters that are there are found again; clusters that were made up are not.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits, make_blobs
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from skdeepcluster import Autoencoder
from skdeepcluster.model_selection import select_n_clusters

torch.set_num_threads(1)  # for networks this small more threads only get in the way

# %%
# Three data sets
# ---------------
# Six clouds in ten dimensions; noise, where there is nothing to find; and handwritten
# digits, of which there are ten, in the embedding of an autoencoder.

blobs, _ = make_blobs(600, n_features=10, centers=6, cluster_std=2.0, random_state=0)
noise = np.random.default_rng(0).uniform(size=(600, 10))
digits = load_digits().data
autoencoder = Autoencoder(max_epochs=60, random_state=0).fit(digits)

k_means = KMeans(n_init=5)
embedded = make_pipeline(FrozenEstimator(autoencoder), k_means)
cases = {
    "six clouds": (k_means, "n_clusters", blobs),
    "noise": (k_means, "n_clusters", noise),
    "digits, embedded": (embedded, "kmeans__n_clusters", digits),
}

# %%
# Stability over the number of clusters
# -------------------------------------
# The reference is the same data with every column shuffled by itself: whatever comes
# back there as well is no sign of clusters.

fig, axes = plt.subplots(1, 3, figsize=(11, 3.6), sharey=True, layout="constrained")
for ax, (name, (estimator, parameter, X)) in zip(axes, cases.items(), strict=True):
    found = select_n_clusters(
        estimator, X, n_clusters=range(2, 15), parameter=parameter, n_fits=5
    )
    reference = [result.reference_values.mean() for result in found.results]
    ax.plot(found.n_clusters, found.means, "o-", color="#3f90da", label="data")
    ax.plot(
        found.n_clusters, reference, "s--", color="0.6", ms=4, label="shuffled columns"
    )
    if found.best is None:
        answer = "no structure"
    else:
        answer = f"{found.best} clusters"
        ax.axvline(found.best, color="#bd1f01", lw=1, zorder=0)
    ax.set(title=f"{name}: {answer}", xlabel="number of clusters", ylim=(-0.05, 1.05))
    ax.spines[["top", "right"]].set_visible(False)
    print(f"{name}: {answer}")
axes[0].set_ylabel("agreement on unseen rows (ARI)")
axes[1].legend(frameon=False, loc="upper right")
plt.show()

# %%
# Reading the curves
# ------------------
# The clouds are found again with up to six clusters and not with more: too few clusters
# put neighbouring clouds together, which is as repeatable as the truth. That is why the
# largest number counts that is about as stable as the best. On noise nothing comes back
# better than on shuffled columns, and the answer is that there is nothing.
#
# Real data seldom has one answer. On the digits the curve has more than one high place,
# and each of them is a way to see the data; look at the whole curve, and at what is in
# the clusters, before you settle.
