"""Information of assignments in float64, entry by entry, as the formulas are printed.

Zeros are left out of the sums.
"""

import numpy as np


def mean_entropy(p):
    """Minus the sum over clusters of the mean times its log."""
    entropy = 0.0
    for j in range(p.shape[1]):
        mean = sum(p[i, j] for i in range(len(p))) / len(p)
        if mean > 0:
            entropy -= mean * np.log(mean)
    return entropy


def conditional_entropy(p):
    """Mean over rows of minus the sum over clusters of p log p."""
    entropy = 0.0
    for row in p:
        entropy -= sum(value * np.log(value) for value in row if value > 0)
    return entropy / len(p)


def consistency(p, p_neighbor):
    """Minus the mean log of the dot product of a row and its neighbour."""
    total = 0.0
    for i in range(len(p)):
        dot = sum(p[i, j] * p_neighbor[i, j] for j in range(p.shape[1]))
        total -= np.log(max(dot, 1e-8))
    return total / len(p)


def mutual_information(p, p_other, weight=1.0):
    """The weighted information of the symmetrised joint distribution."""
    n, k = p.shape
    joint = np.zeros((k, k))
    for a in range(k):
        for b in range(k):
            for i in range(n):
                joint[a, b] += (p[i, a] * p_other[i, b] + p[i, b] * p_other[i, a]) / 2
    joint /= sum(joint[a, b] for a in range(k) for b in range(k))
    rows = [sum(joint[a, b] for b in range(k)) for a in range(k)]
    columns = [sum(joint[a, b] for a in range(k)) for b in range(k)]
    information = 0.0
    for a in range(k):
        for b in range(k):
            if joint[a, b] > 0:
                marginals = np.log(rows[a]) + np.log(columns[b])
                information += joint[a, b] * (np.log(joint[a, b]) - weight * marginals)
    return information


def confident_cross_entropy(log_p_student, p_teacher, threshold):
    """Weighted losses over weights, row by row, and the share of confident rows."""
    confident = [i for i in range(len(p_teacher)) if max(p_teacher[i]) > threshold]
    labels = {i: int(np.argmax(p_teacher[i])) for i in confident}
    if not confident:
        return 0.0, 0.0
    losses, weights = 0.0, 0.0
    for i in confident:
        of_that_class = sum(labels[other] == labels[i] for other in confident)
        weight = len(confident) / of_that_class
        losses -= weight * log_p_student[i, labels[i]]
        weights += weight
    return losses / weights, len(confident) / len(p_teacher)
