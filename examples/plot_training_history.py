"""
Did the training go well? Reading ``history_``
==============================================

Every fitted estimator has a ``history_``: one record per epoch, with the loss, the
terms that it is made of and, in the clustering stage, the share of rows that changed
their label and the size of the smallest cluster. Here are a fit that went well and one
with a learning rate that is too large, and how to tell them apart without any labels.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator

from skdeepcluster import Autoencoder, IDECClustering

torch.set_num_threads(1)  # for networks this small more threads only get in the way
X, _ = load_digits(return_X_y=True)

# %%
# Two fits from one autoencoder
# -----------------------------
# Within a ``FrozenEstimator`` the autoencoder is fitted once and for both.
# ``tol=0`` makes the clustering stage go on to its last epoch, for the sake of the
# figure; by default it stops when less than one label in a thousand changes.

autoencoder = Autoencoder(hidden_layer_sizes=(128, 128), max_epochs=60, random_state=0)
frozen = FrozenEstimator(autoencoder.fit(X))
fits = {
    learning_rate: IDECClustering(
        n_clusters=10,
        autoencoder=frozen,
        learning_rate=learning_rate,
        max_epochs=60,
        tol=0,
        random_state=0,
    ).fit(X)
    for learning_rate in (0.001, 0.1)
}

# %%
# The records
# -----------
# They are plain dictionaries. ``pandas.DataFrame(history_)`` makes them a table.

for record in fits[0.001].history_[-2:]:
    print({name: round(v, 4) if type(v) is float else v for name, v in record.items()})

# %%
# Side by side
# ------------


def column(history, stage, name):
    return [record[name] for record in history if record["stage"] == stage]


STYLES = {0.001: ("#0072b2", "-", "0.001 (default)"), 0.1: ("#d55e00", "--", "0.1")}

fig, axes = plt.subplots(2, 2, figsize=(11, 7.5), layout="constrained")
pretraining = column(autoencoder.history_, "pretraining", "reconstruction")
axes[0, 0].plot(np.arange(1, len(pretraining) + 1), pretraining, color="black")
axes[0, 0].set(
    title="Pre-training: error of rebuilding\n(share of the variance that is lost)",
    ylabel="reconstruction",
    ylim=(0, None),
)
panels = {
    "reconstruction": "Clustering: error of rebuilding\nIt should stay about as low",
    "changed": "Clustering: share of new labels\nIt should fall towards zero",
    "smallest": "Clustering: rows in the smallest cluster\nIt should not fall to zero",
}
for ax, (name, title) in zip(axes.flat[1:], panels.items(), strict=True):
    for learning_rate, (color, line, label) in STYLES.items():
        values = column(fits[learning_rate].history_, "clustering", name)
        ax.plot(np.arange(1, len(values) + 1), values, line, color=color, label=label)
    ax.set(title=title, ylabel=name)
axes[0, 1].set_yscale("log")
axes[1, 0].set_yscale("log", nonpositive="clip")
axes[1, 0].set_ylim(0.5 / len(X), 1.2)
axes[1, 0].legend(title="learning_rate", frameon=False)
for ax in axes.flat:
    ax.set(xlabel="epoch")
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# How to read it
# --------------
# *Pre-training* has converged where its curve is flat. If it still falls steeply at the
# end, give the autoencoder a larger ``max_epochs``.
#
# In the *clustering stage* a network that still rebuilds the rows nearly as well as
# before has kept what it knew. With the large step it forgets everything within one
# epoch, nearly all labels change, centroids lose their rows and have to be moved: the
# clusters found after that owe nothing to the pre-training. The loss alone would not
# tell, since it falls all the same.
#
# The first share of changed labels is 1 because nothing had a label before.
