"""Views are made where the batch is, and nothing waits for them."""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from skdeepcluster import augment

VIEWS = {
    "add_noise": augment.add_noise,
    "color_jitter": augment.color_jitter,
    "corrupt": lambda x, g: augment.corrupt(x, x, g),
    "mix": lambda x, g: augment.mix(x, x, g),
    "random_blur": augment.random_blur,
    "random_crop": augment.random_crop,
    "random_cutout": lambda x, g: augment.random_cutout(x, g, size=0.5),
    "random_grey": augment.random_grey,
    "sobel": lambda x, g: augment.sobel(x),
    "strong_image_views": augment.strong_image_views,
    "weak_image_views": augment.weak_image_views,
}
each_view = pytest.mark.parametrize("name", VIEWS)

# Reading a number, sizes that depend on values, copies of what Python holds.
WAITING = {"_local_scalar_dense", "nonzero", "masked_select", "lift_fresh", "_unique2"}


class Recorded(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.names, self.masks = set(), 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        self.names.add(name)
        if name in ("index", "index_put", "index_put_"):
            self.masks += any(i is not None and i.dtype == torch.bool for i in args[1])
        return function(*args, **(kwargs or {}))


def batch(name, device="cpu"):
    shape = (6, 20) if name in ("add_noise", "corrupt", "mix") else (6, 3, 40, 40)
    generator = torch.Generator(device).manual_seed(0)
    return torch.rand(shape, generator=generator, device=device), generator


def test_all_views_are_here():
    assert VIEWS.keys() == set(augment.__all__)


@each_view
def test_views__call_nothing_that_waits_for_the_device(name):
    with Recorded() as recorded:
        VIEWS[name](*batch(name))
    assert recorded.names and not recorded.names & WAITING
    assert recorded.masks == 0


@pytest.mark.parametrize(
    "waits",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: x * torch.tensor([2.0]),
        lambda x: (x > 0).nonzero(),
    ],
)
def test_recorded__sees_what_waits(waits):
    with Recorded() as recorded:
        waits(torch.ones(3))
    assert recorded.names & WAITING or recorded.masks


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@each_view
def test_views__on_a_gpu__wait_for_nothing(name):
    x, generator = batch(name, "cuda")
    VIEWS[name](x, generator)
    torch.cuda.set_sync_debug_mode("error")
    try:
        views = VIEWS[name](x, generator)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert views.device == x.device and views.isfinite().all()
