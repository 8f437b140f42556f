"""Terms of the bound of a variational autoencoder with a mixture as prior, in float64.

Entry by entry; every density with its constant.
"""

import numpy as np


def log_normal(z, mean, variance):
    """Log density of one row under a Gaussian with diagonal covariance."""
    total = 0.0
    for c in range(len(z)):
        total -= 0.5 * np.log(2 * np.pi * variance[c])
        total -= (z[c] - mean[c]) ** 2 / (2 * variance[c])
    return total


def log_joint(z, weights, centers, variances):
    """log p(z, c) of each row and cluster."""
    return np.array(
        [
            [
                np.log(weights[j]) + log_normal(row, centers[j], variances[j])
                for j in range(len(weights))
            ]
            for row in z
        ]
    )


def responsibilities(z, weights, centers, variances):
    """p(c | z) by Bayes' rule, for rows where no density underflows."""
    joint = np.exp(log_joint(z, weights, centers, variances))
    return joint / joint.sum(axis=1, keepdims=True)


def divergence(mean, variance, z, weights, centers, variances):
    """KL(q(z, c | x) || p(z, c)) with q(c | x) = p(c | z), mean over rows.

    As the sum of the divergence of the clusters and, per cluster, of two Gaussians.
    """
    gamma = responsibilities(z, weights, centers, variances)
    total = 0.0
    for i in range(len(z)):
        for j in range(len(weights)):
            gaussians = 0.0
            for c in range(z.shape[1]):
                ratio = variance[i, c] / variances[j, c]
                shift = (mean[i, c] - centers[j, c]) ** 2 / variances[j, c]
                gaussians += 0.5 * (ratio + shift - 1 - np.log(ratio))
            total += gamma[i, j] * (np.log(gamma[i, j] / weights[j]) + gaussians)
    return total / len(z)


def log_gaussian_likelihood(x, x_hat):
    """log p(x | z) of each row, with a variance of one for each feature."""
    ones = np.ones(x.shape[1])
    return np.array([log_normal(x[i], x_hat[i], ones) for i in range(len(x))])


def log_bernoulli_likelihood(x, p):
    """log p(x | z) of each row of shares x, where p is what the decoder expects."""
    return np.array(
        [
            sum(
                x[i, c] * np.log(p[i, c]) + (1 - x[i, c]) * np.log(1 - p[i, c])
                for c in range(x.shape[1])
            )
            for i in range(len(x))
        ]
    )
