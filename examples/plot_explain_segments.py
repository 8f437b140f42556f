"""
Customer segments that can be explained
=======================================

A table as it comes from a shop: amounts with a long tail, categories, missing values.
We prepare it in a pipeline, cluster it, and then ask what a colleague would ask: how
large are the segments, what sets them apart, who is typical, and how sure are we? In
the end the segments have names.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skdeepcluster import Autoencoder, IDECClustering
from skdeepcluster.inspection import (
    ClusterSizesDisplay,
    ConfidenceDisplay,
    EmbeddingDisplay,
    ExemplarsDisplay,
    assignment_confidence,
    cluster_feature_importance,
    cluster_profiles,
)

torch.set_num_threads(1)  # for networks this small more threads only get in the way

# %%
# The table
# ---------
# Made on the spot: 1,500 customers of four kinds, which nobody will be told. Some did
# not give their age, for some the channel is not known.

rng = np.random.default_rng(0)
#            rows  age  spend  orders  returned  visits  channels: app, shop, web
kinds = [
    (600, 42, 60.0, 2, 0.05, 1, [0.2, 0.4, 0.4]),
    (400, 27, 240.0, 14, 0.10, 20, [0.8, 0.05, 0.15]),
    (300, 66, 450.0, 8, 0.04, 4, [0.05, 0.85, 0.1]),
    (200, 34, 800.0, 20, 0.45, 12, [0.2, 0.05, 0.75]),
]
parts = []
for n, age, spend, orders, returned, visits, channels in kinds:
    parts.append(
        pd.DataFrame(
            {
                "age": rng.normal(age, 6, n).round().clip(18, 95),
                "spend": (spend * rng.lognormal(0, 0.4, n)).round(2),
                "orders": 1 + rng.poisson(orders, n),
                "returned": rng.beta(10 * returned, 10 * (1 - returned), n).round(2),
                "visits": rng.poisson(visits, n),
                "channel": rng.choice(["app", "shop", "web"], n, p=channels),
                "newsletter": rng.random(n) < 0.5,
            }
        )
    )
customers = pd.concat(parts).sample(frac=1, random_state=0, ignore_index=True)
customers.loc[rng.random(len(customers)) < 0.08, "age"] = np.nan
customers.loc[rng.random(len(customers)) < 0.05, "channel"] = None
print(customers.head())

# %%
# Preparing and clustering
# ------------------------
# Amounts and counts are logarithms before they are scaled, missing numbers become the
# median, categories become columns of zeros and ones. IDEC finds the segments in what
# comes out.

amounts = make_pipeline(
    FunctionTransformer(np.log1p, feature_names_out="one-to-one"), StandardScaler()
)
numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
categories = make_pipeline(
    SimpleImputer(strategy="constant", fill_value="unknown"), OneHotEncoder()
)
segments = make_pipeline(
    make_column_transformer(
        (amounts, ["spend", "orders", "visits"]),
        (numbers, ["age", "returned"]),
        (categories, ["channel"]),
        ("passthrough", ["newsletter"]),
        verbose_feature_names_out=False,
    ),
    IDECClustering(
        4,
        autoencoder=Autoencoder(hidden_layer_sizes=(64, 64), max_epochs=50),
        random_state=0,
    ),
)
segments.fit(customers)

# %%
# What sets the segments apart
# ----------------------------
# The profiles are those of the raw table, in euros and years, with its categories and
# missing values, although the pipeline clusters something else.

profiles = cluster_profiles(segments, customers, n_features=3)
for segment, profile in profiles.iterrows():
    print(
        f"{segment}: {profile['share']:.0%} of the customers, {profile['distinctive']}"
    )
typical = ["median__age", "median__spend", "median__orders", "mode__channel"]
print(profiles[["size", "confidence", *typical]].round(2).to_string())

# %%
# Where they lie
# --------------
# The embedding before and after the clustering stage, in two of its dimensions.

EmbeddingDisplay.from_estimator(segments, customers, stage="both", random_state=0)

# %%
# Names for the segments
# ----------------------
# What the profiles say in words, found by rules rather than by number: the number of a
# segment may change with the next fit. (To keep numbers over refits there is
# ``skdeepcluster.metrics.align_labels``.)

names = {
    profiles["median__orders"].idxmin(): "occasional",
    profiles["median__visits"].idxmax(): "app regulars",
    profiles["median__age"].idxmax(): "loyal seniors",
    profiles["mean__returned"].idxmax(): "frequent returners",
}
named = np.array([names[label] for label in segments.predict(customers)])
ClusterSizesDisplay.from_predictions(named)

# %%
# How sure we are
# ---------------
# Most customers are well within their segment. The few that are not are those to look
# at before something is decided for them.

confidence = assignment_confidence(segments, customers)
ConfidenceDisplay.from_predictions(confidence, named)

# %%
# Typical and doubtful customers
# ------------------------------
# Of each segment those that are assigned most and least certainly. Customers who did
# not give their age are the hardest to place.

ExemplarsDisplay.from_predictions(customers, named, confidence, n_exemplars=2)

# %%
# What decides for the model
# --------------------------
# Profiles compare values and do not ask the model. The importance does: it is what each
# prepared column adds to the log-odds of the segment, on average over its customers.
# Nothing depends on the newsletter, and the model knows.

importance = pd.DataFrame(
    cluster_feature_importance(segments, customers),
    index=[names[label] for label in sorted(names)],
    columns=segments[0].get_feature_names_out(),
)
print(importance.round(2).T.to_string())

fig, ax = plt.subplots(figsize=(7, 3.6), layout="constrained")
largest = np.abs(importance.to_numpy()).max()
image = ax.imshow(importance, cmap="RdBu_r", vmin=-largest, vmax=largest)
ax.set_xticks(range(importance.shape[1]), importance.columns, rotation=45, ha="right")
ax.set_yticks(range(len(importance)), importance.index)
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
fig.colorbar(image, label="added log-odds", shrink=0.7)
plt.show()
