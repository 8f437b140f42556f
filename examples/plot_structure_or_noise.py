"""
Are there clusters at all?
==========================

Deep clustering makes clusters. That is what it is trained for, and it does so on noise
as well. A measure taken in the embedding cannot tell the difference; a look at the
space of the data can. Here DEC clusters the digits, and noise with the same means and
covariances.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.metrics import adjusted_rand_score, silhouette_score

from skdeepcluster import Autoencoder, DECClustering

torch.set_num_threads(1)  # for networks this small more threads only get in the way

# %%
# Two data sets
# -------------

digits = load_digits().data[:900]
rng = np.random.default_rng(0)
noise = rng.multivariate_normal(digits.mean(axis=0), np.cov(digits.T), len(digits))


def fit(X, seed):
    autoencoder = Autoencoder(hidden_layer_sizes=(128, 128))
    return DECClustering(10, autoencoder=autoencoder, random_state=seed).fit(X)


# %%
# Before and after
# ----------------
# The silhouette says how much nearer a row is to its own cluster than to the next one:
# 1 is perfect, 0 is none.

COLORS = ["#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"]
COLORS += ["#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"]


def plot_embedding(ax, Z, labels, title):
    Z = PCA(n_components=2).fit_transform(Z)
    ax.scatter(*Z.T, s=5, c=np.array(COLORS)[labels], linewidths=0)
    ax.set(title=title, xticks=[], yticks=[])
    ax.spines[:].set_color("0.8")


fig, axes = plt.subplots(2, 2, figsize=(9.5, 9), layout="constrained")
sets = {"digits": digits, "noise": noise}
for row, (name, X) in zip(axes, sets.items(), strict=True):
    dec, again = fit(X, seed=0), fit(X, seed=1)
    stages = {
        "before": (dec.autoencoder_.transform(X), dec.init_labels_),
        "after": (dec.transform(X), dec.labels_),
    }
    for ax, (stage, (Z, labels)) in zip(row, stages.items(), strict=True):
        title = (
            f"{name}, {stage} the clustering stage\n"
            f"silhouette: {silhouette_score(Z, labels):.2f} in the embedding, "
            f"{silhouette_score(X, labels):.2f} in the data"
        )
        plot_embedding(ax, Z, labels, title)
    agreement = adjusted_rand_score(dec.labels_, again.labels_)
    print(f"{name}: two seeds agree with an ARI of {agreement:.2f}")
plt.show()

# %%
# What to look at
# ---------------
# In the embedding the clusters of the noise end as clear as those of the digits,
# although there is nothing to find. Measured in the data their silhouette falls to
# nothing, while that of the digits stays.
#
# The agreement of two seeds, printed above, tells as much: on the digits different
# first weights lead to nearly the same clusters, on noise to different ones. Such a
# comparison needs no labels and is the better habit.
