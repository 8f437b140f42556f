"""
What is in a cluster of images?
===============================

A cluster label says nothing by itself. Three pictures per cluster do: what its centroid
decodes to, the images that are surest to belong to it, and those that might as well
belong elsewhere. All of this needs no true labels.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits

from skdeepcluster import Autoencoder, IDECClustering

torch.set_num_threads(1)  # for networks this small more threads only get in the way

# %%
# Images as they are
# ------------------
# ``load_digits().images`` has the shape (1797, 8, 8). Images are flattened inside and
# their shape is remembered, so that ``predict`` refuses those of another shape.
#
# IDEC keeps a decoder, which is why its centroids can be looked at. The hidden layers
# are narrower than by default, to save time.

images = load_digits().images
idec = IDECClustering(
    n_clusters=10,
    autoencoder=Autoencoder(hidden_layer_sizes=(128, 128)),
    random_state=0,
).fit(images)
centroids = idec.inverse_transform(idec.cluster_centers_)
centroids = centroids.reshape(-1, *idec.image_shape_)

# %%
# Sure and unsure
# ---------------
# The margin between the two largest probabilities of an image tells how sure its
# cluster is. It ranks the images; its size is no calibrated probability.

q = np.sort(idec.predict_proba(images), axis=1)
by_margin = np.argsort(q[:, -2] - q[:, -1], kind="stable")  # surest first

N_SURE, N_UNSURE = 8, 5
GAP = -1


def row_of(cluster):
    """Numbers of the images to show: the surest and the least sure of a cluster."""
    own = by_margin[idec.labels_[by_margin] == cluster]
    return [*own[:N_SURE], GAP, *own[-N_UNSURE:]]


n_columns = 2 + N_SURE + 1 + N_UNSURE
fig, axes = plt.subplots(
    idec.n_clusters_,
    n_columns,
    figsize=(10.5, 7),
    gridspec_kw={"wspace": 0.08, "hspace": 0.08},
)
fig.subplots_adjust(left=0.11, right=0.99, bottom=0.01, top=0.92)
for ax in axes.flat:
    ax.set_axis_off()
sizes = np.bincount(idec.labels_)
for cluster, row in enumerate(axes):
    row[0].imshow(centroids[cluster], cmap="gray_r")
    for ax, number in zip(row[2:], row_of(cluster), strict=True):
        if number != GAP:
            ax.imshow(images[number], cmap="gray_r", vmin=0, vmax=16)
    row[0].text(
        -0.25,
        0.5,
        f"cluster {cluster}\n{sizes[cluster]} images",
        transform=row[0].transAxes,
        ha="right",
        va="center",
    )
for column, title in {
    0: "decoded\ncentroid",
    2 + N_SURE // 2: "the surest images",
    3 + N_SURE + N_UNSURE // 2: "the least sure images",
}.items():
    axes[0, column].set_title(title, fontsize=11)
plt.show()

# %%
# The middle block tells what each cluster stands for, the right one where it ends. A
# cluster whose surest images are of two kinds holds two groups. Images at the end of
# the right block are worth a look by eye, or a label by hand.
