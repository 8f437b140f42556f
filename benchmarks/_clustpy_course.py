"""ClustPy at its own defaults, with a look at the accuracy every few epochs."""

import time
from unittest import mock

import numpy as np
import torch
from _clustpy import TimedEpochs, stand_in_for_torchvision
from _looks import Looks
from sklearn.cluster import KMeans

EVERY = 5  # epochs from one look to the next
DEVICE = torch.device("cpu")


def pixels(X):
    """The rows as its authors give them: (n_samples, n_features) float32 in [0, 1]."""
    return (X / 255).astype(np.float32)


def pretrain(X, seed, weights):
    """Train the autoencoder that its methods start from; write it; CPU seconds."""
    stand_in_for_torchvision()
    from clustpy.deep import DEC
    from clustpy.deep._data_utils import get_dataloader
    from clustpy.deep._train_utils import get_trained_network

    rows, default = pixels(X), DEC()
    with mock.patch("tqdm.trange", SilentEpochs):
        begin = time.process_time()
        network = get_trained_network(
            get_dataloader(rows, default.batch_size, shuffle=True),
            n_epochs=default.pretrain_epochs,
            embedding_size=default.embedding_size,
            device=DEVICE,
            random_state=np.random.RandomState(seed),
        )
        seconds = time.process_time() - begin
    network.save_parameters(weights)
    return seconds


def two_step(X, y, n_clusters, seed, weights, before):
    """Its first labels, k-means in the embedding of the pre-trained network."""
    stand_in_for_torchvision()
    from clustpy.deep._train_utils import get_neural_network

    rows = pixels(X)
    network = get_neural_network(
        rows.shape[1], neural_network_weights=weights, device=DEVICE
    )
    looks = Looks(y, before)
    looks.take(KMeans(n_clusters, random_state=seed).fit_predict(embed(network, rows)))
    return looks


def cluster(method, X, y, n_clusters, seed, weights, before):
    """All of its clustering stage; the last look is at the labels that it returns."""
    stand_in_for_torchvision()
    from clustpy import deep
    from clustpy.deep.dcn import _DCN_Module
    from clustpy.deep.dec import _DEC_Module

    part = _DCN_Module if method == "DCN" else _DEC_Module
    rows, fit = pixels(X), part.fit
    looks = Looks(y, before)

    def watched(module, network, *arguments):
        def look():
            looks.take(lambda: labels_of(module, network, rows))

        def start_bar(n_epochs, desc):
            return SilentEpochs(n_epochs, desc, look)

        with mock.patch("tqdm.trange", start_bar):
            return fit(module, network, *arguments)

    clusterer = getattr(deep, method)(
        n_clusters, neural_network_weights=weights, device=DEVICE, random_state=seed
    )
    with mock.patch.object(part, "fit", watched):
        labels = clusterer.fit_predict(rows)
    looks.take(labels)
    return looks


class SilentEpochs(TimedEpochs):
    """No progress bar, but a look before the first epoch and every few after it."""

    def __init__(self, n_epochs, desc, look=lambda: None):
        super().__init__(n_epochs)
        self.look = look

    def __iter__(self):
        for epoch in super().__iter__():
            if epoch % EVERY == 0:
                self.look()
            yield epoch


@torch.no_grad()
def labels_of(module, network, rows):
    """The cluster of each row as the method has it in the middle of its training."""
    embedded = torch.from_numpy(embed(network, rows))
    return module.predict_hard(embedded).numpy()


@torch.no_grad()
def embed(network, rows):
    """(n_samples, n_components) float32, in blocks as its own function does."""
    blocks = torch.from_numpy(rows).split(1024)
    return torch.cat([network.encode(block) for block in blocks]).numpy()
