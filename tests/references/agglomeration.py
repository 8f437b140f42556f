"""Agglomerative clustering on a directed graph, dense and from the definitions."""

import numpy as np


def graph(points, n_neighbors):
    """Weights of the edges to the nearest neighbours, as a full matrix."""
    n = len(points)
    squares = np.array([[((a - b) ** 2).sum() for b in points] for a in points])
    nearest = [
        sorted((j for j in range(n) if j != i), key=lambda j, i=i: squares[i, j])
        for i in range(n)
    ]
    edges = [(i, j) for i in range(n) for j in nearest[i][:n_neighbors]]
    width = np.mean([squares[edge] for edge in edges])
    weights = np.zeros((n, n))
    for edge in edges:
        weights[edge] = np.exp(-squares[edge] / width)
    return weights


def affinity(weights, a, b):
    """Of two clusters, given by their nodes."""
    there, back = weights[np.ix_(a, b)], weights[np.ix_(b, a)]
    return (there @ back).sum() / len(a) ** 2 + (back @ there).sum() / len(b) ** 2


def merge(weights, clusters, few=100, compared=5):
    """All partitions on the way to one cluster, or to those that nothing joins."""
    clusters = [list(cluster) for cluster in clusters]
    partitions = []
    while len(clusters) > 1:
        best, pair = 0.0, None
        for i, a in enumerate(clusters):
            near = [
                (affinity(weights, a, b), j) for j, b in enumerate(clusters) if j != i
            ]
            near.sort(reverse=True)
            score = near[0][0]
            if len(clusters) > few:
                others = [value for value, _ in near[1:compared]]
                others += [0.0] * (compared - 1 - len(others))
                score += sum(near[0][0] - value for value in others) / (compared - 1)
            if score > best:
                best, pair = score, (i, near[0][1])
        if pair is None:
            break
        i, j = pair
        clusters[i] = clusters[i] + clusters[j]
        del clusters[j]
        partitions.append({frozenset(cluster) for cluster in clusters})
    return partitions


def normalized_cut(weights, labels):
    """Of the graph with the edges of both directions, over the number of clusters."""
    n, cuts = len(labels), []
    for cluster in set(labels):
        inside = [i for i in range(n) if labels[i] == cluster]
        out = total = 0.0
        for i in inside:
            for j in range(n):
                both = weights[i, j] + weights[j, i]
                total += both
                out += both if labels[j] != cluster else 0.0
        cuts.append(out / total)
    return np.mean(cuts)


def modularity(weights, labels):
    """Of the graph with the edges of both directions."""
    weights = weights + weights.T
    total, ends = weights.sum(), weights.sum(axis=1)
    n, result = len(labels), 0.0
    for i in range(n):
        for j in range(n):
            if labels[i] == labels[j]:
                result += weights[i, j] / total - ends[i] * ends[j] / total**2
    return result
