"""Where tensors live."""

import torch

from thresh.errors import ConfigError


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """The device by name; None and 'auto' take CUDA, then MPS, then the CPU."""
    if device not in (None, "auto"):
        try:
            return torch.device(device)
        except RuntimeError:
            raise ConfigError("device", device, "auto, cpu, cuda, cuda:N or mps") from None
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
