"""Seeds and generators."""

import threading

import numpy as np
import pytest
import torch

from skdeepcluster.engine import (
    derive_seed,
    generator,
    private_global_generator,
    resolve_seed,
)

CPU = torch.device("cpu")


def test_resolve_seed__an_integer_is_itself():
    assert resolve_seed(7) == 7
    assert type(resolve_seed(np.int64(7))) is int


def test_resolve_seed__none_is_new_every_time():
    assert len({resolve_seed(None) for _ in range(10)}) == 10


def test_resolve_seed__a_random_state_moves_on():
    first, second = np.random.RandomState(0), np.random.RandomState(0)
    assert resolve_seed(first) == resolve_seed(second)
    assert resolve_seed(first) != resolve_seed(np.random.RandomState(0))


def test_derive_seed__is_stable_and_differs_by_purpose():
    assert derive_seed(0, "weights") == derive_seed(0, "weights")
    purposes = [("a",), ("b",), ("a", "b"), ("ab",), ("b", "a"), ("a", ""), ("", "a")]
    seeds = {
        derive_seed(seed, *words) for seed in (0, 1, 2**32 - 1) for words in purposes
    }
    assert len(seeds) == 3 * len(purposes)
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_generator__equal_for_equal_purposes():
    first, second, other = (
        torch.rand(5, generator=generator(0, purpose)) for purpose in ("a", "a", "b")
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_private_global_generator__is_seeded_inside_and_restored_outside():
    before = torch.get_rng_state()
    with private_global_generator(5, CPU) as generators:
        drawn = torch.rand(3)
        assert generators["global"] is torch.default_generator
    with private_global_generator(5, CPU):
        assert torch.equal(torch.rand(3), drawn)
    assert torch.equal(torch.get_rng_state(), before)


def test_private_global_generator__is_restored_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(ZeroDivisionError), private_global_generator(5, CPU):
        torch.rand(3)
        raise ZeroDivisionError
    assert torch.equal(torch.get_rng_state(), before)


def test_private_global_generator__lets_in_one_thread_at_a_time():
    entered = threading.Event()

    def enter():
        with private_global_generator(5, CPU):
            entered.set()

    other = threading.Thread(target=enter)
    with private_global_generator(5, CPU):
        other.start()
        assert not entered.wait(0.1)
    assert entered.wait(10)
    other.join()


def test_private_global_generator__may_be_nested_in_one_thread():
    with private_global_generator(5, CPU):
        first = torch.rand(3)
        with private_global_generator(5, CPU):
            assert torch.equal(torch.rand(3), first)
        second = torch.rand(3)
    with private_global_generator(5, CPU):
        assert torch.equal(torch.rand(6), torch.cat([first, second]))
