"""A linear classifier and the steps of Adam in which it learns, in float64."""

import numpy as np


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)


class Probe:
    """Weight (d, k) and bias (k,), which start at zero."""

    def __init__(self, d, k, learning_rate):
        self.learning_rate, self.steps = learning_rate, 0
        self.parameters = [np.zeros((d, k)), np.zeros(k)]
        self.first = [np.zeros((d, k)), np.zeros(k)]
        self.second = [np.zeros((d, k)), np.zeros(k)]

    def logits(self, x):
        weight, bias = self.parameters
        return x @ weight + bias

    def learn(self, x, labels, n_steps):
        """Kingma, Ba (2015), algorithm 1."""
        for _ in range(n_steps):
            self.steps += 1
            error = (softmax(self.logits(x)) - labels) / len(x)
            for i, gradient in enumerate([x.T @ error, error.sum(axis=0)]):
                self.first[i] = 0.9 * self.first[i] + 0.1 * gradient
                self.second[i] = 0.999 * self.second[i] + 0.001 * gradient**2
                first = self.first[i] / (1 - 0.9**self.steps)
                second = self.second[i] / (1 - 0.999**self.steps)
                self.parameters[i] = self.parameters[i] - self.learning_rate * first / (
                    np.sqrt(second) + 1e-8
                )
        return self.logits(x)
