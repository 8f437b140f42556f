"""Networks with ReLU, layer by layer in float64, and errors between their layers."""

import numpy as np


def activations(network, x, masks=None):
    """What each layer gives; what goes on to the next is times its mask."""
    found = []
    for number, (weight, bias) in enumerate(network):
        given = x if masks is None else x * masks[number]
        x = given @ weight.T + bias
        if number < len(network) - 1:
            x = np.maximum(x, 0)
        found.append(x)
    return found


def layer_error(clean, rebuilt):
    """Of each hidden layer the mean squared error; the decoder's come in reverse."""
    total = 0.0
    for h, h_hat in zip(clean[:-1], rebuilt[:-1][::-1], strict=True):
        squares = [(h[i] - h_hat[i]) ** 2 for i in range(len(h))]
        total += np.mean(squares)
    return total


def cross_entropy(p, logits):
    """Of the softmax of the logits with targets; mean over the rows."""
    total = 0.0
    for i in range(len(p)):
        log_q = logits[i] - np.log(sum(np.exp(logits[i])))
        total -= sum(p[i, j] * log_q[j] for j in range(p.shape[1]))
    return total / len(p)
