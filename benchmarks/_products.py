"""The floor under a training step: its matrix products and nothing else."""

import torch
from _speed import DEVICE


class Layer:
    """The products of one linear layer, with operands that are allocated once.

    Parameters
    ----------
    n_in, n_out : int
    size : int
        Rows per batch.
    dtype : torch.dtype
    is_first : bool
        Whether its input is the data, of which there is no gradient.
    """

    def __init__(self, n_in, n_out, size, dtype, is_first):
        def operand(*shape):
            return torch.randn(shape, device=DEVICE).to(dtype)

        self.x, self.y = operand(size, n_in), operand(size, n_out)
        self.weight, self.weight_grad = operand(n_out, n_in), operand(n_out, n_in)
        self.y_grad = operand(size, n_out)
        self.x_grad = None if is_first else operand(size, n_in)

    def forward(self, m):
        torch.mm(self.x[:m], self.weight.t(), out=self.y[:m])

    def backward(self, m):
        torch.mm(self.y_grad[:m].t(), self.x[:m], out=self.weight_grad)
        if self.x_grad is not None:
            torch.mm(self.y_grad[:m], self.weight, out=self.x_grad[:m])


class Products:
    """An epoch of products: of `layers` both ways, then of `again` forward."""

    def __init__(self, layers, again, n_rows, size):
        self.layers, self.again = layers, again
        starts = range(0, n_rows, size)
        self.sizes = [min(size, n_rows - start) for start in starts]

    def epoch(self):
        for m in self.sizes:
            for layer in self.layers:
                layer.forward(m)
            for layer in reversed(self.layers):
                layer.backward(m)
            for layer in self.again:
                layer.forward(m)
        if DEVICE.type == "cuda":
            torch.cuda.synchronize()


def products_of(method, sizes, n_rows, precision, batch_size, linear_path):
    """Those of a method; the few of its clusters are no matrix products."""
    dtype = getattr(torch, precision)

    def layers(sizes, is_data):
        shapes = list(zip(sizes[:-1], sizes[1:], strict=True))
        if linear_path:
            shapes.append((sizes[0], sizes[-1]))
        return [
            Layer(n_in, n_out, batch_size, dtype, is_data and n_in == sizes[0])
            for n_in, n_out in shapes
        ]

    out = 2 * sizes[-1] if method == "VaDEClustering" else sizes[-1]
    encoder, decoder = layers((*sizes[:-1], out), True), layers(sizes[::-1], False)
    both = encoder if method == "DECClustering" else [*encoder, *decoder]
    again = encoder if method == "DCNClustering" else []
    return Products(both, again, n_rows, batch_size)
