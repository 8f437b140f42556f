"""
Two modalities: what both of them show
======================================

Rows are often described twice: an image and its text, a sound and a picture.
:class:`~skdeepcluster.CMSCDCCAClustering` learns an embedding of each modality so that
both are as correlated as they can be, and one combination of other rows for each row
that holds in both. Here the modalities are the left and the right half of a digit;
:doc:`/benchmarks/two_modalities` has real pairs of descriptions.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.cross_decomposition import CCA
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from skdeepcluster import CMSCDCCAClustering
from skdeepcluster.metrics import clustering_accuracy

torch.set_num_threads(1)  # for networks this small more threads only get in the way
digits = load_digits()
images, y = digits.images[:1000], digits.target[:1000]
left, right = images[:, :, :4].reshape(-1, 32), images[:, :, 4:].reshape(-1, 32)

# %%
# Both stand beside each other in one array, and ``spaces`` says which columns are
# whose. Neither half alone shows enough.

X = np.hstack([left, right])
clustering = CMSCDCCAClustering(10, spaces=[(0, 32), (32, 64)], random_state=0).fit(X)

k_means = KMeans(10, n_init=10, random_state=0)
accuracies = {
    "k-means, left half": clustering_accuracy(y, k_means.fit_predict(left)),
    "k-means, right half": clustering_accuracy(y, k_means.fit_predict(right)),
    "k-means, both": clustering_accuracy(y, k_means.fit_predict(X)),
    "CMSC-DCCA": clustering_accuracy(y, clustering.labels_),
}
for name, accuracy in accuracies.items():
    print(f"{name:20} {accuracy:.2f}")

# %%
# ``transform`` gives both embeddings side by side. Each is drawn along the two axes in
# which it is most like the other: clusters, in colour, lie alike in both, although
# neither half has seen the other. On the right the mean correlation of the two
# embeddings, which grows while they learn.

Z = clustering.transform(X)
embeddings = CCA(2).fit_transform(*np.split(Z, 2, axis=1))
history = [r for r in clustering.history_ if r["stage"] == "clustering"]
correlation = [-record["correlation"] for record in history]

fig, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
for ax, z, name in zip(axes, embeddings, ("left", "right"), strict=False):
    ax.scatter(*z.T, c=clustering.labels_, s=5, cmap="tab10")
    ax.set(title=f"Embedding of the {name} halves", xticks=[], yticks=[])
axes[2].plot(correlation)
axes[2].set(title="Correlation of both", xlabel="epoch", ylim=(0, 1))
plt.show()

# %%
# Labels are of the training rows alone: only they take part in combinations. New images
# have an embedding, and a classifier on it labels them.

classifier = KNeighborsClassifier(5).fit(Z, clustering.labels_)
new = digits.images[1000:]
new_X = np.hstack([new[:, :, :4].reshape(-1, 32), new[:, :, 4:].reshape(-1, 32)])
new_labels = classifier.predict(clustering.transform(new_X))
new_accuracy = clustering_accuracy(digits.target[1000:], new_labels)
print(f"New rows, by their nearest neighbours: {new_accuracy:.2f}")
