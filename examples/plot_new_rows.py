"""
New rows from every cluster
===========================

:class:`~skdeepcluster.VaDEClustering` is a model of how the rows came about: a cluster,
a point of its Gaussian, and what that point decodes to. So it can make new rows, which
shows what it takes a cluster to be. Here it draws digits.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits

from skdeepcluster import Autoencoder, VaDEClustering

torch.set_num_threads(1)  # for networks this small more threads only get in the way
X, _ = load_digits(return_X_y=True)

vade = VaDEClustering(
    n_clusters=10,
    autoencoder=Autoencoder(hidden_layer_sizes=(128, 128)),
    random_state=0,
).fit(X)

# %%
# Draw and sort
# -------------
# ``sample`` draws clusters as often as they occur in the mixture. Nobody gave a label:
# the rows of the figure are the clusters that were found.

drawn, of_cluster = vade.sample(1000)
N_EACH = 8

rng = np.random.default_rng(0)
fig, axes = plt.subplots(
    vade.n_clusters_,
    2 * N_EACH + 1,
    figsize=(10.5, 6.6),
    gridspec_kw={"wspace": 0.08, "hspace": 0.08},
)
fig.subplots_adjust(left=0.11, right=0.99, bottom=0.01, top=0.94)
for ax in axes.flat:
    ax.set_axis_off()
for cluster, row in enumerate(axes):
    row[0].text(
        -0.25,
        0.5,
        f"cluster {cluster}\nweight {vade.weights_[cluster]:.0%}",
        transform=row[0].transAxes,
        ha="right",
        va="center",
    )
    real = rng.permutation(X[vade.labels_ == cluster])
    for part, images in [
        (row[:N_EACH], real),
        (row[N_EACH + 1 :], drawn[of_cluster == cluster]),
    ]:
        for ax, image in zip(part, images, strict=False):
            ax.imshow(image.reshape(8, 8), cmap="gray_r", vmin=0, vmax=16)
axes[0, N_EACH // 2].set_title("images of the data", fontsize=11)
axes[0, N_EACH + 1 + N_EACH // 2].set_title("drawn by VaDE", fontsize=11)
plt.show()

# %%
# Drawn images are smoother than real ones, since ``sample`` gives what the decoder
# expects at a point and leaves out the noise of single pixels. A cluster that mixes
# two digits on the left mixes them on the right as well: the model knows clusters, not
# digits.
