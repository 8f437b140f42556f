"""
Search for a design
===================

DEC, IDEC, DCN and their relatives differ in a few choices.
:class:`~skdeepcluster.ComposedClustering` has a parameter for each of them, so that a
search can go through their combinations, also through those that nobody has published.
It needs a score that does without classes, for in clustering there are none.
"""

import tempfile

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import RandomizedSearchCV

from skdeepcluster import Autoencoder, ComposedClustering
from skdeepcluster.metrics import ari_scorer, make_clustering_scorer

torch.set_num_threads(1)  # for networks this small more threads only get in the way
X, y = load_digits(return_X_y=True)
X, y = X[:500], y[:500]

# %%
# The choices
# -----------
# What is clustered, what pulls rows to centroids and from when on, what moves the
# centroids, and what else holds the embedding. ``memory`` keeps the autoencoder, which
# is the same for all designs and is trained once.
#
# Embeddings make their own clusters look separate, so designs are compared in a space
# that no design has made: ``space="reference"`` means principal components of the rows.
# ``cv`` has one split in which all rows serve for fitting and for scoring. The second
# score needs the classes. It is only written down, to be looked at afterwards; what
# ``refit`` names decides.

choices = {
    "features": ["last", "all"],
    "clustering_loss": [None, "kmeans", "soft_kmeans", "hardening"],
    "clustering_schedule": ["constant", "warm_up"],
    "center_update": ["gradient", "running_mean"],
    "balance_weight": [0.0, 0.3],
    "locality_weight": [0.0, 0.1, 0.3],
    "augmentation_weight": [0.0, 0.03],
}
published = {
    "Autoencoder + KMeans": {"clustering_loss": None, "reconstruction_weight": 0.0},
    "DEC": {
        "reconstruction_weight": 0.0,
        "balance": 1.0,
        "optimizer": "sgd",
        "learning_rate": 0.01,
    },
    "IDEC": {},
    "DCN": {"clustering_loss": "kmeans", "center_update": "running_mean"},
}
every_row = np.arange(len(X))
score = make_clustering_scorer("silhouette", space="reference")

with tempfile.TemporaryDirectory() as folder:
    design = ComposedClustering(
        n_clusters=10,
        autoencoder=Autoencoder(max_epochs=100),
        init="kmeans",
        max_epochs=40,
        n_init=5,
        memory=folder,
        random_state=0,
    )
    search = RandomizedSearchCV(
        design,
        choices,
        n_iter=24,
        scoring={"silhouette": score, "classes": ari_scorer},
        refit="silhouette",
        cv=[(every_row, every_row)],
        random_state=0,
    ).fit(X, y)
    known = {n: clone(design).set_params(**p).fit(X) for n, p in published.items()}

print("found:")
for name, value in sorted(search.best_params_.items()):
    print(f"    {name} = {value!r}")

# %%
# What it found, and what the classes would have said
# ---------------------------------------------------
# On the left each point is a design. The search sees how far right it lies; how high
# depends on the classes. The designs with the lowest scores are also those that agree
# least with the classes: that much the search does without them. Among the others the
# score says little. The design that was found is better than the autoencoder with
# k-means from which all of them start, and DEC and IDEC, which score lower, agree more
# with the classes. Who chooses by classes gets more, and has no clustering any more.
#
# On the right is the mean score of the designs with each option. With 24 designs that
# says which choices matter, not which of two close ones is better.

results = search.cv_results_
scores, agreement = results["mean_test_silhouette"], results["mean_test_classes"]
colors = dict(
    zip(
        choices["clustering_loss"],
        ["#999999", "#e69f00", "#009e73", "#0072b2"],
        strict=True,
    )
)
fig, (left, right) = plt.subplots(
    1, 2, figsize=(12, 6), width_ratios=[1.5, 1], layout="constrained"
)
losses = np.array([str(p["clustering_loss"]) for p in results["params"]])
for loss, color in colors.items():
    of_loss = losses == str(loss)
    left.scatter(
        scores[of_loss], agreement[of_loss], s=60, color=color, label=f"{loss!r}"
    )
best = search.best_index_
left.scatter(
    scores[best],
    agreement[best],
    s=240,
    facecolor="none",
    edgecolor="black",
    linewidth=1.8,
    label="found by the search",
)
for name, model in known.items():
    place = score(model, X), ari_scorer(model, X, y)
    left.scatter(*place, marker="x", s=60, color="black")
    left.annotate(name, place, xytext=(7, -4), textcoords="offset points")
left.set(
    xlabel="score: silhouette in principal components (no classes)",
    ylabel="agreement with the classes (adjusted Rand index)",
    title="Designs, and known methods (crosses)",
)
left.legend(title="clustering_loss", frameon=False)
left.spines[["top", "right"]].set_visible(False)

names, means, height = [], [], []
for name, options in choices.items():
    for option in options:
        has_it = [p[name] == option for p in results["params"]]
        names.append(f"{name} = {option!r}")
        means.append(scores[has_it].mean())
        height.append(len(height) + 0.7 * list(choices).index(name))
right.hlines(height, scores.min(), means, color="#cccccc")
right.plot(means, height, "o", color="#0072b2")
right.set_yticks(height, names)
right.invert_yaxis()
right.set(title="Mean score of designs with an option", xlabel="score")
right.spines[["top", "right"]].set_visible(False)
plt.show()
