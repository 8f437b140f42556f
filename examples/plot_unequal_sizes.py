"""
Clusters of very unequal size
=============================

Customers, faults, cell types: often some groups are ten times as large as others. The
targets of :class:`~skdeepcluster.DECClustering` pull towards clusters of equal size,
and that is the first thing to change then. The example compares what can be done, on
data that is made so that the sizes are known.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix

from skdeepcluster import (
    Autoencoder,
    DCNClustering,
    DECClustering,
    IDECClustering,
    VaDEClustering,
)

torch.set_num_threads(1)  # for networks this small more threads only get in the way

# %%
# Three large groups, two small ones
# ----------------------------------
# Gaussian clusters in 20 dimensions that overlap a little.

SIZES = [250, 250, 250, 25, 25]
k = len(SIZES)
rng = np.random.default_rng(1)
y = np.repeat(np.arange(k), SIZES)
X = rng.normal(scale=1.1, size=(k, 20))[y] + rng.normal(size=(len(y), 20))

# %%
# Six clusterers
# --------------
# The deep ones start from one autoencoder, which is fitted once, and from the clusters
# of k-means in its embedding, so that what differs is what they make of them. Their
# default, ``init="auto"``, here finds better ones that merge along neighbours.

autoencoder = FrozenEstimator(Autoencoder(random_state=0).fit(X))
settings = {"autoencoder": autoencoder, "init": "kmeans", "random_state": 0}
clusterers = {
    "KMeans": KMeans(k, n_init=20, random_state=0),
    "DEC": DECClustering(k, **settings),
    "DEC, balance=0": DECClustering(k, balance=0, **settings),
    "IDEC": IDECClustering(k, **settings),
    "DCN": DCNClustering(k, **settings),
    "VaDE": VaDEClustering(k, **settings),
}
labels = {name: model.fit_predict(X) for name, model in clusterers.items()}

# %%
# Who is where
# ------------
# Each bar is a cluster, in the order of the group that it fits best; its parts are the
# true groups that its rows come from. A perfect clustering has bars of one colour that
# end at the black marks.

COLORS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00"]

fig, axes = plt.subplots(2, 3, figsize=(11, 7.4), sharey=True, layout="constrained")
for ax, (name, found) in zip(axes.flat, labels.items(), strict=True):
    table = contingency_matrix(y, found)  # (groups, clusters)
    _, clusters = linear_sum_assignment(table, maximize=True)
    bottom = np.zeros(k)
    for group, counts in enumerate(table[:, clusters]):
        ax.bar(range(k), counts, bottom=bottom, color=COLORS[group], width=0.8)
        bottom += counts
    ax.hlines(SIZES, np.arange(k) - 0.45, np.arange(k) + 0.45, color="black", lw=2)
    ax.set(
        title=f"{name}: ARI {adjusted_rand_score(y, found):.2f}",
        xlabel="cluster",
        xticks=range(k),
    )
    ax.spines[["top", "right"]].set_visible(False)
for ax in axes[:, 0]:
    ax.set_ylabel("rows")
handles = [plt.Rectangle((0, 0), 1, 1, color=color) for color in COLORS]
fig.legend(
    handles,
    [f"true group {i} ({size} rows)" for i, size in enumerate(SIZES)],
    loc="outside lower center",
    ncols=3,
    frameon=False,
)
plt.show()

# %%
# What to take from it
# --------------------
# With targets that ask for equal sizes, DEC cuts pieces off the large groups and gives
# them to the small ones; it does worse than k-means. IDEC balances less by default and
# is hurt less; DCN does not balance at all.
# ``balance=0`` takes the pull out of DEC: the large groups come out whole, but now
# nothing keeps them from swallowing the small ones. VaDE has a weight and a width for
# every cluster and finds all five.
#
# This is one draw of the data. The :doc:`benchmark </benchmarks/tables>` has a larger
# one of the kind over five seeds. There too VaDE is the best, with an ARI of 0.83, and
# DEC (0.69) and IDEC (0.71) end about where k-means does (0.69).
