"""
A grid search that pre-trains once
==================================

Most of the time of a deep clusterer goes into its autoencoder. With ``memory`` the
fitted autoencoder is kept in a folder and found again by every fit that differs only in
what comes after it. A grid over settings of the clustering stage then costs little more
than a single fit.
"""

import tempfile

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV

from skdeepcluster import Autoencoder, IDECClustering

torch.set_num_threads(1)  # for networks this small more threads only get in the way
X, _ = load_digits(return_X_y=True)
X = X[:600]

# %%
# The grid
# --------
# Names with ``autoencoder__`` reach into the autoencoder: nine candidates, but only
# three autoencoders. ``cv`` has one split in which all rows serve for fitting and for
# scoring, since there is nothing to hold out here.
#
# The score is the clusterer's own: minus the mean squared distance of a row to the mean
# of its cluster, in the space of the data. It compares settings with the *same* number
# of clusters; it grows with that number and cannot choose it. An integer
# ``random_state`` is what makes fits comparable and ``memory`` possible.

every_row = np.arange(len(X))
grid = {
    "autoencoder__n_components": [3, 10, 30],
    "clustering_weight": [0.1, 0.5, 2.0],
}


with tempfile.TemporaryDirectory() as folder:
    idec = IDECClustering(
        n_clusters=10,
        autoencoder=Autoencoder(max_epochs=100),
        max_epochs=20,
        memory=folder,
        random_state=0,
    )
    split = (every_row, every_row)
    search = GridSearchCV(idec, grid, cv=[split], refit=False).fit(X)
print(f"best: {search.best_params_}")

# %%
# Seconds and scores
# ------------------
# The first candidate with an autoencoder trains it, the other two find it. Without
# ``memory`` all bars would be as long as the longest ones.

results = search.cv_results_
settings = [
    (params["autoencoder__n_components"], params["clustering_weight"])
    for params in results["params"]
]
is_first = [weight == grid["clustering_weight"][0] for _, weight in settings]
colors = np.where(is_first, "#e69f00", "#0072b2")
fig, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.6), width_ratios=[1.2, 1], layout="constrained"
)
left.barh(range(len(settings)), results["mean_fit_time"], color=colors)
left.set_yticks(
    range(len(settings)), [f"{size} components, weight {w}" for size, w in settings]
)
left.invert_yaxis()
left.set(title="Seconds of each fit", xlabel="seconds")
left.legend(
    handles=[
        plt.Rectangle((0, 0), 1, 1, color="#e69f00", label="trains its autoencoder"),
        plt.Rectangle((0, 0), 1, 1, color="#0072b2", label="finds it in memory"),
    ],
    frameon=False,
)
left.spines[["top", "right"]].set_visible(False)

table = results["mean_test_score"].reshape(3, 3)
image = right.imshow(table, cmap="cividis")
for (row, column), score in np.ndenumerate(table):
    dark = image.norm(score) < 0.5
    right.text(
        column,
        row,
        f"{score:.0f}",
        ha="center",
        va="center",
        color="white" if dark else "black",
    )
right.set_xticks(range(3), grid["clustering_weight"])
right.set_yticks(range(3), grid["autoencoder__n_components"])
right.set(
    title="Score (higher is better)",
    xlabel="clustering_weight",
    ylabel="n_components",
)
plt.show()
