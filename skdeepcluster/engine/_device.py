"""Which device computes, and what running out of its memory looks like."""

import functools

import torch

from skdeepcluster.utils import warn_caller


def resolve_device(device: str | torch.device) -> torch.device:
    """The device that a `device` parameter names; "auto" is CUDA where there is one.

    Raises ValueError when the name is unknown or this machine has no such device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.zeros(1, device=resolved).item()  # fails where there is no memory
    except (AssertionError, ImportError, RuntimeError) as error:
        raise ValueError(
            f"The 'device' parameter is {str(device)!r}, which torch cannot use here: "
            f"{str(error).splitlines()[0]} Use 'auto' or 'cpu'."
        ) from error
    return resolved


def device_or_cpu(name: str) -> torch.device:
    """The device of a fitted model; the CPU, with a warning, where it is missing."""
    try:
        return resolve_device(name)
    except ValueError:
        warn_caller(
            f"This model was fitted on {name!r}, which is not available here; it is "
            "placed on the CPU."
        )
        return torch.device("cpu")


@functools.cache
def keep_freed_memory() -> None:
    """Let the C library keep what is freed, where it is GNU's.

    Blocks above a threshold go back to the system when they are freed, and the next
    ones are found page by page, which took a fifth of each step of wide networks. The
    threshold is the largest such block so far that is not above 32 MB.
    """
    torch.empty(2**25 - 2**16, dtype=torch.uint8)  # and freed: no page is touched


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the error says that memory is exhausted, the CPU's included."""
    # On the CPU torch raises a plain RuntimeError.
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate" in str(error)
