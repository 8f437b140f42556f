"""Instance discrimination and kept-apart features in float64, entry by entry."""

import numpy as np


def dot(a, b):
    return sum(a[c] * b[c] for c in range(len(a)))


def instance_discrimination(z, vectors, index, temperature, drawn=None):
    """Each row's own vector among all, or among it and those drawn of the others."""
    total = 0.0
    for i, own in enumerate(index):
        right = np.exp(dot(z[i], vectors[own]) / temperature)
        others = range(len(vectors)) if drawn is None else drawn
        wrong = [
            np.exp(dot(z[i], vectors[j]) / temperature) for j in others if j != own
        ]
        everything = right
        if wrong:
            everything += (len(vectors) - 1) * sum(wrong) / len(wrong)
        total -= np.log(right / everything)
    return total / len(z)


def _features(z):
    columns = [z[:, k] for k in range(z.shape[1])]
    return [column / np.sqrt(dot(column, column)) for column in columns]


def feature_decorrelation(z, temperature):
    """Each column, of length one, is to be found by itself among all."""
    features = _features(z)
    total = 0.0
    for one in features:
        everything = sum(np.exp(dot(one, other) / temperature) for other in features)
        total -= np.log(np.exp(dot(one, one) / temperature) / everything)
    return total / len(features)


def feature_orthogonality(z):
    """Columns of length one: their products are one with themselves, else 0; mean."""
    features = _features(z)
    total = 0.0
    for k, one in enumerate(features):
        total += (dot(one, one) - 1) ** 2
        total += sum(dot(one, o) ** 2 for m, o in enumerate(features) if m != k)
    return total / len(features)
