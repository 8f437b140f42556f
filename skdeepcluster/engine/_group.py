"""The processes that share one fit."""

import atexit
import contextlib
import os
import time
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

_ENVIRONMENT = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
_SECONDS_TO_LET_GO = 0.2


class Group:
    """A fit in one process: what is asked of all processes is asked of this one."""

    rank, size = 0, 1

    def sum(self, values: Tensor) -> Tensor:
        """The sum over the processes of a tensor of the same shape in each."""
        return values

    def gather(self, values: Tensor) -> Tensor:
        """(n, ...) of each process, n its own -> all of them one after the other."""
        return values

    def gather_objects(self, value: Any) -> list:
        """What each process gives, in their order."""
        return [value]

    def first(self, value: Any) -> Any:
        """What the first process gives, in all of them."""
        return value

    def sum_(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by its sum over the processes."""

    def copy_first_(self, tensors: list[Tensor]) -> None:
        """Replace each tensor by that of the first process."""


class ProcessGroup(Group):
    """A fit in all processes of torch.distributed's default group."""

    def __init__(self, device: torch.device):
        self.device = device
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def sum(self, values):
        total = values.to(self.device, copy=True).contiguous()
        with _talking():
            dist.all_reduce(total)
        return total.to(values.device)

    def gather(self, values):
        lengths = torch.zeros(self.size, dtype=torch.int64)
        lengths[self.rank] = len(values)
        longest = int(self.sum(lengths).max())
        own = torch.zeros(longest, *values.shape[1:], dtype=values.dtype)
        own[: len(values)] = values
        own = own.to(self.device)
        padded = [torch.empty_like(own) for _ in range(self.size)]
        with _talking():
            dist.all_gather(padded, own)
        lengths = self.sum(lengths).tolist()
        parts = [part[:length] for part, length in zip(padded, lengths, strict=True)]
        return torch.cat(parts).to(values.device)

    def gather_objects(self, value):
        values = [None] * self.size
        with _talking():
            dist.all_gather_object(values, value)
        return values

    def first(self, value):
        box = [value]
        with _talking():
            dist.broadcast_object_list(box, src=0, device=self.device)
        return box[0]

    def sum_(self, tensors):
        for dtype in dict.fromkeys(t.dtype for t in tensors):
            own = [t for t in tensors if t.dtype == dtype]
            flat = torch.cat([t.flatten() for t in own])  # one message for all
            with _talking():
                dist.all_reduce(flat)
            parts = flat.split([t.numel() for t in own])
            for tensor, part in zip(own, parts, strict=True):
                tensor.copy_(part.view_as(tensor))

    def copy_first_(self, tensors):
        for tensor in tensors:
            own = tensor.contiguous()
            with _talking():
                dist.broadcast(own, src=0)
            tensor.copy_(own)


@contextlib.contextmanager
def _talking():
    """Say what it means that another process does not answer."""
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(
            "Another process of this distributed fit has ended or does not answer. "
            "Look at its output for the cause and start all of them again; with "
            "`checkpoint` they go on where they were."
        ) from error


def join_group(distributed: bool, device: torch.device) -> Group:
    """The group of a fit: alone, or all processes that torchrun has started.

    A group that the caller has initialised is used as it is. Raises ValueError where
    there is none and the environment does not tell where to find the others.
    """
    if not distributed:
        return Group()
    if not dist.is_available():
        raise ValueError("distributed=True needs a build of torch with distributed.")
    if not dist.is_initialized():
        missing = [name for name in _ENVIRONMENT if name not in os.environ]
        if missing:
            raise ValueError(
                "distributed=True needs processes that know of each other: start the "
                "script with torchrun, or call torch.distributed.init_process_group "
                f"first. Not set in the environment: {', '.join(missing)}."
            )
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(_leave)
    backend = dist.get_backend()
    return ProcessGroup(device if backend == "nccl" else torch.device("cpu"))


def _leave():
    if dist.is_initialized():
        # A thread of gloo that is about to let go of a tensor needs the interpreter for
        # that, and aborts the process where the interpreter ends meanwhile.
        time.sleep(_SECONDS_TO_LET_GO)
        dist.destroy_process_group()


def process_device(device: torch.device) -> torch.device:
    """The GPU of this process among those of one machine, where none is named."""
    if device.type == "cuda" and device.index is None and "LOCAL_RANK" in os.environ:
        return torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    return device
