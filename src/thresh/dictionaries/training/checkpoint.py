"""A dictionary that is being learned, kept so that a killed job goes on where it was."""

import os
import time
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

NAME = "checkpoint.pt"


class Rhythm:
    """Says when the next checkpoint is due.

    Parameters
    ----------
    steps
        Between two, counted in batches of the run that makes the most; None to go by time alone.
    minutes
        Between two; None to go by steps alone.
    """

    def __init__(self, steps: int | None = None, minutes: float | None = 10.0):
        self.steps, self.minutes = steps, minutes
        self.begun, self.counted = time.monotonic(), 0

    def due(self, steps: int) -> bool:
        """Whether one is due, now that so many further steps were taken."""
        self.counted += steps
        late = self.minutes is not None and time.monotonic() - self.begun >= 60 * self.minutes
        if not late and (self.steps is None or self.counted < self.steps):
            return False
        self.begun, self.counted = time.monotonic(), 0
        return True


def write_checkpoint(folder: Path, content: dict[str, Any]) -> None:
    """Write beside and rename: a reader finds the old one or the new one, whole."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f"{NAME}.tmp"
    with beside.open("wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, folder / NAME)


def read_checkpoint(folder: Path, spec: dict[str, Any], stream: dict[str, int]) -> dict[str, Any] | None:
    """The checkpoint of a folder, if it was made by the same spec from the same stream of rows; else None."""
    try:
        content = torch.load(folder / NAME, map_location="cpu", weights_only=True)
    except (FileNotFoundError, UnpicklingError, RuntimeError, EOFError):
        return None
    same = isinstance(content, dict) and (content.get("spec"), content.get("stream")) == (spec, stream)
    return content if same else None


def drop_checkpoint(folder: Path) -> None:
    for name in (NAME, f"{NAME}.tmp"):
        (folder / name).unlink(missing_ok=True)
