"""
Two modalities: what both of them show
======================================

Rows are often described twice: an image and its text, a sound and a picture.
:class:`~skdeepcluster.CMSCDCCAClustering` learns an embedding of each modality so that
both are as correlated as they can be, and one combination of other rows for each row
that holds in both. Here they are two descriptions of written digits, their pixels and
their profile correlations, from the set ``mfeat``. Where the folder of the data sets is
not at hand, they are the left and the right half of the digits of scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.cross_decomposition import CCA
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from skdeepcluster import CMSCDCCAClustering
from skdeepcluster.datasets import fetch_mfeat
from skdeepcluster.metrics import clustering_accuracy

torch.set_num_threads(1)  # for networks this small more threads only get in the way


def two_descriptions():
    """Both descriptions of the same rows, by name, and the classes."""
    try:
        views = [
            fetch_mfeat(view=view, download_if_missing=False, return_X_y=True)
            for view in ("pix", "fac")
        ]
    except OSError:  # the file is not at hand
        images, y = load_digits().images, load_digits().target
        left, right = (images[:, :, side] for side in (slice(4), slice(4, 8)))
        return {"left": left.reshape(-1, 32), "right": right.reshape(-1, 32)}, y
    pixels, profiles = (StandardScaler().fit_transform(X) for X, _ in views)
    return {"pixels": pixels, "profiles": profiles}, views[0][1]


descriptions, y = two_descriptions()
order = np.random.default_rng(0).permutation(len(y))
here, new = order[:1000], order[1000:]

# %%
# Both stand beside each other in one array, and ``spaces`` says which columns are
# whose. Neither alone shows enough.

X = np.hstack(list(descriptions.values()))
first = next(iter(descriptions.values())).shape[1]
spaces = [(0, first), (first, X.shape[1])]
clustering = CMSCDCCAClustering(10, spaces=spaces, random_state=0).fit(X[here])

k_means = KMeans(10, n_init=10, random_state=0)
found = {
    f"k-means, {name}": k_means.fit_predict(X[here, start:stop])
    for name, (start, stop) in zip(descriptions, spaces, strict=True)
}
found["k-means, both"] = k_means.fit_predict(X[here])
found["CMSC-DCCA"] = clustering.labels_
for name, labels in found.items():
    print(f"{name:20} {clustering_accuracy(y[here], labels):.2f}")

# %%
# ``transform`` gives both embeddings side by side. Each is drawn along the two axes in
# which it is most like the other: clusters, in colour, lie alike in both, although
# neither network has seen the other description. On the right the mean correlation of
# the two embeddings, which grows while they learn.

Z = clustering.transform(X[here])
embeddings = CCA(2, max_iter=5000).fit_transform(*np.split(Z, 2, axis=1))
history = [r for r in clustering.history_ if r["stage"] == "clustering"]
correlation = [-record["correlation"] for record in history]

fig, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
for ax, z, name in zip(axes, embeddings, descriptions, strict=False):
    ax.scatter(*z.T, c=clustering.labels_, s=5, cmap="tab10")
    ax.set(title=f"Embedding: {name}", xticks=[], yticks=[])
axes[2].plot(correlation)
axes[2].set(title="Correlation of both", xlabel="epoch", ylim=(0, 1))
plt.show()

# %%
# Labels are of the training rows alone: only they take part in combinations. New rows
# have an embedding, and a classifier on it labels them.

classifier = KNeighborsClassifier(5).fit(Z, clustering.labels_)
new_labels = classifier.predict(clustering.transform(X[new]))
new_accuracy = clustering_accuracy(y[new], new_labels)
print(f"New rows, by their nearest neighbours: {new_accuracy:.2f}")
