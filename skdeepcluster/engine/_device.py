"""Which device computes, and what running out of its memory looks like."""

import warnings

import torch


def resolve_device(device: str | torch.device) -> torch.device:
    """The device that a `device` parameter names; "auto" is CUDA where there is one.

    Raises ValueError when the name is unknown or this machine has no such device.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        resolved = torch.device(device)
        torch.empty(0, device=resolved)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
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
        warnings.warn(
            f"This model was fitted on {name!r}, which is not available here; it is "
            "placed on the CPU.",
            UserWarning,
            stacklevel=3,
        )
        return torch.device("cpu")


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether the error says that a device's memory is exhausted."""
    return isinstance(error, torch.OutOfMemoryError)
