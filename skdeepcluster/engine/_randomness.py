"""Randomness from explicit generators; global states are neither read nor changed."""

import contextlib
import numbers
import threading
from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

_global_generator_lock = threading.RLock()


def resolve_seed(random_state) -> int:
    """One integer from None (fresh entropy), an int, or a RandomState (one draw)."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, numbers.Integral):
        return int(random_state)
    return int(random_state.randint(2**31 - 1))


def derive_seed(seed: int, *purposes: str) -> int:
    """An integer seed below 2**32 for one purpose; independent over purposes."""
    key = [byte for purpose in purposes for byte in (*purpose.encode(), 0)]
    return int(np.random.SeedSequence(seed, spawn_key=key).generate_state(1)[0])


def generator(seed: int, *purposes: str, device="cpu") -> torch.Generator:
    """A torch generator for one purpose."""
    return torch.Generator(device=device).manual_seed(derive_seed(seed, *purposes))


@contextlib.contextmanager
def private_global_generator(
    seed: int, device: torch.device
) -> Iterator[dict[str, torch.Generator]]:
    """Seed torch's global generators inside the block, and put them back afterwards.

    For modules that users bring, which may draw from them (initialisation, dropout).
    One thread at a time: they are there once for the whole process. Yields them by
    name.
    """
    generators = {"global": torch.default_generator}
    devices = []
    if device.type == "cuda":
        devices = [device.index or 0]
        generators["global_cuda"] = torch.cuda.default_generators[devices[0]]
    with _global_generator_lock, torch.random.fork_rng(devices=devices):
        for source in generators.values():
            source.manual_seed(seed)
        yield generators


def draws_globally(module: nn.Module) -> bool:
    """Whether a part of the module may draw from torch's global generator."""
    return any(getattr(m, "draws_globally", False) for m in module.modules())
