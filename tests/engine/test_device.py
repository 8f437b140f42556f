"""Names of devices, and what running out of memory looks like."""

import pytest
import torch

from skdeepcluster.engine import device_or_cpu, resolve_device
from skdeepcluster.engine._device import is_out_of_memory


def test_auto__is_the_accelerator_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_device("auto") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto") == torch.device("cuda")


@pytest.mark.parametrize("device", ["cpu", torch.device("cpu")])
def test_cpu(device):
    assert resolve_device(device) == torch.device("cpu")


@pytest.mark.parametrize("device", ["gpu", "hpu", "cuda:99", torch.device("cuda:99")])
def test_missing_device__raises_and_names_it(device):
    with pytest.raises(ValueError, match=f"'device' parameter is '{device}'"):
        resolve_device(device)


def test_device_or_cpu():
    assert device_or_cpu("cpu") == torch.device("cpu")
    with pytest.warns(UserWarning, match="fitted on 'cuda:99'"):
        assert device_or_cpu("cuda:99") == torch.device("cpu")


def test_is_out_of_memory():
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory"))
    assert not is_out_of_memory(RuntimeError("shapes do not fit"))


def test_is_out_of_memory__of_the_machine_itself():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**50, dtype=torch.float64)
    assert is_out_of_memory(caught.value)


def test_resolve_device__that_holds_no_numbers():
    with pytest.raises(ValueError, match="'meta', which torch cannot use"):
        resolve_device("meta")
