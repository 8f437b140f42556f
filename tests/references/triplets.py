"""Triplets in float64, one by one."""


def triplet_loss(z, labels, near, far, margin):
    """Mean over rows, those near of their label and those far of others."""
    costs = []
    for i in range(len(z)):
        for p in near[i]:
            for k in far[i]:
                if p == i or labels[p] != labels[i] or labels[k] == labels[i]:
                    continue
                excess = sum((z[i] - z[p]) ** 2) - sum((z[i] - z[k]) ** 2) + margin
                costs.append(max(0.0, excess))
    return sum(costs) / len(costs) if costs else 0.0
