"""
Embeddings from elsewhere: KMeans, SCAN or TEMI?
================================================

Often the vectors are there already: some network has made one for each row, and that
network is not yours to train. :class:`~skdeepcluster.SCANClustering` and
:class:`~skdeepcluster.TEMIClustering` take such vectors as they are. Here they are
compared with k-means on vectors from two sources, and on the pixels that both sources
saw.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.base import clone
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits
from sklearn.metrics import adjusted_rand_score
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier

from skdeepcluster import SCANClustering, SimCLR, TEMIClustering

torch.set_num_threads(1)  # for networks this small more threads only get in the way
data = load_digits()
images, pixels, y = data.images, data.data, data.target
first_half = y < 5

# %%
# The vectors
# -----------
# The task is to cluster the digits 5 to 9. The first source is the hidden layer of a
# classifier that was taught the digits 0 to 4 and has never seen another one. The
# second is SimCLR, which has seen all images and no label. In real life this is an
# ``np.load``.

classifier = MLPClassifier((256,), early_stopping=True, random_state=0)
classifier.fit(pixels[first_half], y[first_half])
hidden = np.maximum(pixels @ classifier.coefs_[0] + classifier.intercepts_[0], 0)
simclr = SimCLR(max_epochs=40, random_state=0).fit(images)

sources = {
    "pixels": pixels[~first_half],
    "classifier of other digits": hidden[~first_half],
    "SimCLR": simclr.transform(images[~first_half]),
}
truth = y[~first_half]

# %%
# Three seeds each
# ----------------
# Besides the scores we print what SCAN and TEMI live on: the share of the 20 neighbours
# of a row, by angle around the mean, that are the same digit. Only the true digits tell
# it, so that nothing may be chosen by it.

methods = {
    "KMeans": KMeans(n_clusters=5, n_init=10),
    "SCAN": SCANClustering(5, max_epochs=20),
    "TEMI": TEMIClustering(5, max_epochs=20),
}
scores = {}
print(f"{'adjusted Rand index':<28}{'neighbours':>10}", *(f"{m:>18}" for m in methods))
for name, X in sources.items():
    centered = X - X.mean(axis=0)
    near = NearestNeighbors(n_neighbors=20, metric="cosine").fit(centered)
    agree = np.mean(truth[near.kneighbors(return_distance=False)] == truth[:, None])
    line = f"{name:<28}{agree:>10.0%}"
    for method, clusterer in methods.items():
        found = []
        for seed in range(3):
            labels = clone(clusterer).set_params(random_state=seed).fit_predict(X)
            found.append(adjusted_rand_score(truth, labels))
        scores[name, method] = found
        line += " " + "".join(f"{score:>6.2f}" for score in found)
    print(line)

# %%
# Side by side
# ------------

fig, ax = plt.subplots(figsize=(8, 2.8), layout="constrained")
looks = [("KMeans", "s", "#717581"), ("SCAN", "o", "#bd1f01"), ("TEMI", "^", "#2a6fdb")]
for method, marker, color in looks:
    for place, name in enumerate(sources):
        shown = scores[name, method]
        label = method if place == 0 else None
        ax.plot(shown, [place] * 3, marker, color=color, alpha=0.7, ms=9, label=label)
ax.set(xlabel="adjusted Rand index, a mark per seed", xlim=(0, 1))
ax.set_yticks(range(len(sources)), sources)
ax.invert_yaxis()
ax.grid(axis="x", color="0.9")
ax.spines[["top", "right"]].set_visible(False)
ax.legend(frameon=False, loc="center left")
plt.show()

# %%
# SCAN gets more out of all three and TEMI no less than KMeans, since neighbours are
# mostly of one digit in each; SCAN's wish for groups of one size is right here, too.
# But what the vectors were made for counts as much: those of a network that was taught
# other digits are worse than the pixels themselves for KMeans, and no better for the
# others.
