"""
Images clustered by random views: SimCLR and SCAN
=================================================

Two random views of an image show the same thing, though few of their pixels are the
same. :class:`~skdeepcluster.SimCLR` learns an embedding from that alone, and
:class:`~skdeepcluster.SCANClustering` follows the neighbours in it. The true digits
serve for the scores and in the pictures; no method sees them.
"""

import matplotlib.pyplot as plt
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.manifold import TSNE
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from skdeepcluster import SCANClustering, SimCLR
from skdeepcluster.inspection import EmbeddingDisplay, ExemplarsDisplay
from skdeepcluster.metrics import align_labels, clustering_accuracy

torch.set_num_threads(1)  # for networks this small more threads only get in the way
data = load_digits()
images, y = data.images, data.target

# %%
# One embedding for all
# ---------------------
# SimCLR is fitted once. Within a ``FrozenEstimator`` it is not fitted again. Forty
# epochs are a fifth of the default, to save time.

simclr = SimCLR(max_epochs=40, random_state=0).fit(images)
Z = simclr.transform(images)

# %%
# Two ways to go on with SCAN
# ---------------------------
# By default SCAN trains small heads on the embedding as it is. With
# ``update_encoder=True`` it trains a copy of the encoder further, on views as SimCLR
# does, which is slower.

frozen = FrozenEstimator(simclr)
heads = SCANClustering(10, representation=frozen, max_epochs=40, random_state=0)
further = SCANClustering(
    10, representation=frozen, update_encoder=True, max_epochs=40, random_state=0
)
k_means = KMeans(n_clusters=10, n_init=10, random_state=0)
found = {
    "KMeans on pixels": k_means.fit_predict(data.data),
    "SimCLR + KMeans": k_means.fit_predict(Z),
    "SimCLR + SCAN": heads.fit_predict(images),
    "SimCLR + SCAN, encoder too": further.fit_predict(images),
}

# %%
# The scores
# ----------

print(f"{'':<27}{'ACC':>7}{'NMI':>7}{'ARI':>7}")
for name, labels in found.items():
    print(
        f"{name:<27}"
        f"{clustering_accuracy(y, labels):>7.3f}"
        f"{normalized_mutual_info_score(y, labels):>7.3f}"
        f"{adjusted_rand_score(y, labels):>7.3f}"
    )

# %%
# Which of the two fits of SCAN to take can be asked without labels. Both started from
# the same neighbours, and both leave a loss over all images and their neighbours.

losses = {scan: scan.head_losses_[scan.best_head_] for scan in (heads, further)}
print(f"loss: {losses[heads]:.2f}, encoder too {losses[further]:.2f}")

# %%
# Look at the clusters
# --------------------
# We look at the fit with the smaller loss. Numbers of clusters mean nothing; for the
# pictures each cluster is given the digit that suits it best.

scan = min(losses, key=losses.get)
labels = align_labels(y, scan.labels_)[0]
sure = scan.predict_proba(images).max(axis=1)
ExemplarsDisplay.from_predictions(images, labels, sure)
plt.show()

# %%
# And at the embedding of SimCLR
# ------------------------------

positions = TSNE(random_state=0).fit_transform(Z)
fig, axes = plt.subplots(1, 2, figsize=(11, 5.2), layout="constrained")
for ax, colors in zip(axes, (labels, y), strict=True):
    EmbeddingDisplay.from_predictions(positions, colors, random_state=0, ax=ax)
    ax.set(xlabel="", ylabel="")
axes[0].set_title("Clusters of SCAN")
axes[1].set_title("True digits")
plt.show()

# %%
# k-means finds the digits better in what views have taught than in the pixels, and
# heads that follow the neighbours there better still; training the encoder too moves
# many more weights and is not done after so few epochs, as its loss tells without a
# label. (One seed decides nothing, and that all digits are equally frequent suits SCAN;
# the :doc:`benchmark </benchmarks/images_as_images>` has five seeds and all epochs.)
