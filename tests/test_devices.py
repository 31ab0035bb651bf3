import pytest
import torch

from thresh.devices import pick_device
from thresh.errors import ConfigError


def test_names_are_devices_and_auto_takes_what_is_there(monkeypatch):
    assert pick_device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert pick_device("auto") == pick_device(None) == torch.device("mps")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert pick_device("auto") == torch.device("cuda")


def test_devices_that_are_not_there_are_told(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert pick_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ConfigError, match="device: found 'cuda:2', expected a CUDA device; torch finds 2 here"):
        pick_device("cuda:2")
    with pytest.raises(ConfigError, match="device: found 'mps', expected another device; torch finds no MPS here"):
        pick_device("mps")
    with pytest.raises(ConfigError, match="device: found 'gpu', expected auto, cpu, cuda, cuda:N or mps"):
        pick_device("gpu")
