"""When training runs in bfloat16."""

import torch
from torch import nn

# Below this many weights the casts cost more than the faster products save.
_WORTHWHILE_WEIGHTS = 2**16


def resolve_precision(
    precision: str, device: torch.device, module: nn.Module
) -> torch.dtype | None:
    """The autocast dtype of training, or None for plain float32.

    "auto" means bfloat16 where the hardware multiplies it natively and the layers are
    wide enough to gain.
    """
    if precision == "float32":
        return None
    if precision == "auto":
        n_weights = sum(p.numel() for p in module.parameters() if p.ndim > 1)
        if n_weights < _WORTHWHILE_WEIGHTS or not _multiplies_bfloat16(device):
            return None
    return torch.bfloat16


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu":
        probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
        return any(getattr(torch.cpu, probe, bool)() for probe in probes)
    return False


def hardware(device: torch.device) -> tuple:
    """What, beside the versions, decides the exact numbers that training gives."""
    return device.type, _multiplies_bfloat16(device), torch.get_num_threads()
