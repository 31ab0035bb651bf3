"""Files of dictionaries, read with words for what is missing or damaged."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from thresh.dictionaries.kinds import write_text
from thresh.errors import DictionaryError


def read_json(path: Path) -> dict[str, Any]:
    return attempt(path, lambda: json.loads(path.read_text()))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Of a safetensors file."""
    return attempt(path, lambda: load_file(path))


def read_state(path: Path) -> dict[str, Tensor]:
    """Of a state dict that `torch.save` wrote; nothing in it is executed."""
    return attempt(path, lambda: torch.load(path, map_location="cpu", weights_only=True))


def attempt(path: Path, work: Callable[[], dict]) -> dict:
    try:
        found = work()
    except (OSError, ValueError, SafetensorError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DictionaryError(f"{path}: this file is missing or damaged ({reason}).") from error
    if not isinstance(found, dict):
        raise DictionaryError(f"{path}: found a {type(found).__name__}, expected names and values.")
    return found


def write_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Beside, and renamed."""
    written(path, lambda beside: save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, beside))


def write_state(tensors: dict[str, Tensor], path: Path) -> None:
    """Beside, and renamed."""
    written(path, lambda beside: torch.save({name: tensor.contiguous() for name, tensor in tensors.items()}, beside))


def write_json(config: dict[str, Any], path: Path) -> None:
    write_text(path, json.dumps(config, indent=2, sort_keys=True) + "\n")


def written(path: Path, write: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.tmp")
    write(beside)
    os.replace(beside, path)
