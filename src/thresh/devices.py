"""Where tensors live."""

import torch

from thresh.errors import ConfigError


def pick_device(device: str | torch.device | None = None) -> torch.device:
    """The device by name; None and 'auto' take CUDA, then MPS, then the CPU.

    Raises
    ------
    ConfigError
        There is no device of that name, or not on this machine.
    """
    if device not in (None, "auto"):
        try:
            picked = torch.device(device)
        except RuntimeError:
            raise ConfigError("device", device, "auto, cpu, cuda, cuda:N or mps") from None
        check_present(picked)
        return picked
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def on_cpu(tensor: torch.Tensor) -> bool:
    """Whether the CPU's own way is taken, where there is one; what is taken on a GPU would run on it too."""
    return tensor.device.type == "cpu"


def computes_in_half(device: torch.device) -> bool:
    """Whether dense products are computed in bfloat16."""
    return device.type == "cuda"


def check_present(device: torch.device) -> None:
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError("device", str(device), f"a CUDA device; torch finds {torch.cuda.device_count()} here")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ConfigError("device", str(device), "another device; torch finds no MPS here")


def device_of_part(device: str, part: int) -> str:
    """The device of one of several jobs: on a machine with several GPUs, parts go round them.

    A job that is given a GPU of its own (CUDA_VISIBLE_DEVICES, as SLURM sets it) sees that one alone.
    """
    if device not in ("auto", "cuda") or torch.cuda.device_count() < 2:
        return device
    return f"cuda:{part % torch.cuda.device_count()}"
