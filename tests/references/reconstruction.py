"""Reconstruction losses in float64, entry by entry."""


def mean_squared_error(x_hat, x):
    """Mean over rows and features."""
    n_samples, n_features = x.shape
    total = 0.0
    for i in range(n_samples):
        for c in range(n_features):
            total += (x_hat[i, c] - x[i, c]) ** 2
    return total / (n_samples * n_features)
