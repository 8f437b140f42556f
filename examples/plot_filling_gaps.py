"""
Rows with gaps: denoising autoencoders
======================================

Where single values of a row are missing or wrong, an autoencoder can be trained to rely
on the others: with ``corruption=0.5`` half of the values of each row, drawn anew at
every step, are hidden from it, and it has to rebuild them all the same. The example
clusters curves with gaps, which are made so that the missing values are known.
"""

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from skdeepcluster import Autoencoder

torch.set_num_threads(1)  # for networks this small more threads only get in the way

# %%
# Curves with gaps
# ----------------
# Four shapes, shifted and stretched, with noise. Three in ten values are missing and
# were filled with the mean of their column, as
# :class:`~sklearn.impute.SimpleImputer` does.

N_CURVES = 900
rng = np.random.default_rng(0)
time = np.linspace(0, 1, 48)
shape = rng.integers(4, size=N_CURVES)
t = time + rng.normal(scale=0.1, size=(N_CURVES, 1))
waves = [
    np.sin(2 * np.pi * t),
    np.sin(4 * np.pi * t),
    np.exp(-(((t - 0.3) / 0.08) ** 2)) + np.exp(-(((t - 0.7) / 0.08) ** 2)) - 0.5,
    4 * np.abs(t - np.floor(t + 0.5)) - 1,
]
curves = rng.uniform(0.7, 1.3, size=(N_CURVES, 1)) * np.choose(shape[:, None], waves)
measured = curves + rng.normal(scale=0.3, size=curves.shape)
missing = rng.random(curves.shape) < 0.3
measured[missing] = np.nan
X = np.where(missing, np.nanmean(measured, axis=0), measured)

# %%
# Three ways to train one architecture
# ------------------------------------
# ``layerwise`` pre-trains the layers one by one, each as a small denoising autoencoder;
# it goes without a linear path, and so do the others here. The error is that of the
# missing values, as a share of the variance of the curves; ARI compares k-means in the
# embedding with the true shapes, from 0 for chance to 1.

settings = {"linear_path": False, "max_epochs": 60}
autoencoders = {
    "plain": Autoencoder(**settings),
    "layerwise": Autoencoder(layerwise=True, **settings),
    "corruption=0.5": Autoencoder(corruption=0.5, **settings),
}
filled, errors, scores = {}, {}, {}
for name, autoencoder in autoencoders.items():
    errors[name], scores[name] = [], []
    for seed in range(3):
        Z = autoencoder.set_params(random_state=seed).fit_transform(X)
        filled[name] = autoencoder.inverse_transform(Z)
        wrong = np.square(filled[name] - curves)[missing].mean() / curves.var()
        labels = KMeans(4, n_init=20, random_state=seed).fit_predict(Z)
        errors[name].append(wrong)
        scores[name].append(adjusted_rand_score(shape, labels))

# %%
# What they put into the gaps
# ---------------------------

STYLES = {
    "plain": ("#e69f00", "--"),
    "layerwise": ("#009e73", ":"),
    "corruption=0.5": ("#0072b2", "-"),
}
fig = plt.figure(figsize=(11, 6.4), layout="constrained")
grid = fig.add_gridspec(2, 3, width_ratios=[1, 1, 0.7])
for kind in range(4):
    ax = fig.add_subplot(grid[divmod(kind, 2)])
    row = np.flatnonzero(shape == kind)[0]
    ax.plot(time, curves[row], color="0.75", lw=4, label="true curve")
    ax.plot(time, measured[row], "ko", ms=3.5, label="measured")
    for name in ("plain", "corruption=0.5"):
        color, line = STYLES[name]
        ax.plot(time, filled[name][row], line, color=color, lw=1.8, label=name)
    ax.set(xticks=[], xlabel="time", ylim=(-2.4, 2.4))
    ax.spines[["top", "right"]].set_visible(False)
    if kind == 0:
        fig.legend(loc="outside lower left", ncols=4, frameon=False)
for place, (title, values) in enumerate(
    {"error at the gaps": errors, "ARI of k-means": scores}.items()
):
    ax = fig.add_subplot(grid[place, 2])
    for height, (name, points) in enumerate(values.items()):
        ax.barh(height, np.mean(points), color=STYLES[name][0], height=0.6)
        ax.plot(points, [height] * len(points), "ko", ms=3.5)
    ax.set_yticks(range(len(values)), values)
    ax.invert_yaxis()
    ax.set(title=f"{title}\n(mean and 3 seeds)", xlim=(0, None))
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %%
# What to take from it
# --------------------
# The plain autoencoder learns to rebuild the filled-in means together with the rest:
# its curves are pulled towards the middle wherever a value is missing. With
# ``corruption`` it learns to infer a hidden value from its neighbours, and the error at
# the gaps falls by half. ``layerwise`` does not bring that about, since its first layer
# is given whole rows.
#
# For the clusters both kinds of denoising helped here. That they differ from seed to
# seed (the dots) is a reason to fit several before believing one.
