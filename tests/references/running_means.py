"""Labels and centroids that follow the rows one by one, in float64."""

import numpy as np


def nearest(z, centers):
    """Number of the nearest centre of each row."""
    labels = []
    for row in z:
        d2 = [sum((row - center) ** 2) for center in centers]
        labels.append(d2.index(min(d2)))
    return np.array(labels)


def mean_squared_distance(z, centers, labels):
    """Of the rows to the centre with their label."""
    total = 0.0
    for row, label in zip(z, labels, strict=True):
        total += sum((row - centers[label]) ** 2)
    return total / len(z)


def moved_centers(z, centers, labels, counts):
    """Each row in turn is counted by its centre and moves it by one part in so many."""
    centers, counts = centers.copy(), counts.copy()
    for row, label in zip(z, labels, strict=True):
        counts[label] += 1
        centers[label] -= (centers[label] - row) / counts[label]
    return centers, counts
