"""Contrastive losses in float64, entry by entry, as the formulas are printed."""

import numpy as np


def cosine(a, b):
    dot = sum(a[c] * b[c] for c in range(len(a)))
    length_a = np.sqrt(sum(a[c] ** 2 for c in range(len(a))))
    length_b = np.sqrt(sum(b[c] ** 2 for c in range(len(b))))
    return dot / (length_a * length_b)


def nt_xent(z_a, z_b, temperature):
    """Every view against all others but itself; mean over the views."""
    n = len(z_a)
    views = [*z_a, *z_b]
    total = 0.0
    for i in range(2 * n):
        other = i + n if i < n else i - n
        positive = np.exp(cosine(views[i], views[other]) / temperature)
        everything = 0.0
        for j in range(2 * n):
            if j != i:
                everything += np.exp(cosine(views[i], views[j]) / temperature)
        total -= np.log(positive / everything)
    return total / (2 * n)


def info_nce(query, key, negatives, temperature):
    """Each query against its own key, the other keys and the negatives."""
    total = 0.0
    for i in range(len(query)):
        positive = np.exp(cosine(query[i], key[i]) / temperature)
        everything = positive
        for j in range(len(key)):
            if j != i:
                everything += np.exp(cosine(query[i], key[j]) / temperature)
        for negative in negatives:
            everything += np.exp(cosine(query[i], negative) / temperature)
        total -= np.log(positive / everything)
    return total / len(query)


def prototype_contrast(z, prototypes, temperatures, labels):
    """Each row against all prototypes, each with its temperature."""
    total = 0.0
    for row, label in zip(z, labels, strict=True):
        each = [
            np.exp(cosine(row, prototype) / temperature)
            for prototype, temperature in zip(prototypes, temperatures, strict=True)
        ]
        total -= np.log(each[label] / sum(each))
    return total / len(z)


def concentrations(rows, centers, labels, temperature):
    """Temperatures of clusters, from their rows one by one."""
    wide = []
    for c in range(len(centers)):
        own = [row for row, label in zip(rows, labels, strict=True) if label == c]
        distance = [np.sqrt(sum((row - centers[c]) ** 2)) for row in own]
        few = len(own) < 2
        wide.append(None if few else np.mean(distance) / np.log(len(own) + 10))
    widest = max(value for value in wide if value is not None)
    wide = np.array([widest if value is None else value for value in wide])
    wide = np.clip(wide, np.percentile(wide, 10), np.percentile(wide, 90))
    return temperature * wide / np.mean(wide)


def direction_error(z, target):
    """Squared distance of each row to its target, both of length one; their mean."""
    total = 0.0
    for own, other in zip(z, target, strict=True):
        unit = own / np.sqrt(sum(value**2 for value in own))
        unit_target = other / np.sqrt(sum(value**2 for value in other))
        total += sum((a - b) ** 2 for a, b in zip(unit, unit_target, strict=True))
    return total / len(z)


def cluster_contrast(p_a, p_b, temperature):
    """Every column against all others of both views, with its own loop."""
    k = p_a.shape[1]
    total = 0.0
    for own, other in [(p_a, p_b), (p_b, p_a)]:
        for i in range(k):
            positive = np.exp(cosine(own[:, i], other[:, i]) / temperature)
            negatives = 0.0
            for j in range(k):
                if j != i:
                    negatives += np.exp(cosine(own[:, i], own[:, j]) / temperature)
                    negatives += np.exp(cosine(own[:, i], other[:, j]) / temperature)
            total -= np.log(positive / (positive + negatives))
    return total / (2 * k)


def partition_uncertainty(p, p_view):
    """Every column against all columns of the view, as logits without temperature."""
    k = p.shape[1]
    total = 0.0
    for j in range(k):
        cosines = [cosine(p[:, j], p_view[:, other]) for other in range(k)]
        total -= np.log(np.exp(cosines[j]) / np.exp(cosines).sum())
    return total / k
