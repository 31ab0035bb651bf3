"""What every way to learn a dictionary shares."""

import math
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from thresh.devices import pick_device
from thresh.dictionaries.dictionary import Dictionary
from thresh.dictionaries.normalise import NormalisedRows
from thresh.dictionaries.progress import Progress
from thresh.parameters import checked, integer


class Learner(ABC):
    """A method of dictionary learning with its parameters; `fit` makes the dictionary.

    Attributes
    ----------
    name : str
        Its key in `METHODS`.
    normalise : str
        Normalisation of the rows where the caller names none.
    """

    name: ClassVar[str]
    normalise: ClassVar[str] = "none"

    @checked(atoms=integer(1))
    def __init__(self, units: int, atoms: int, *, seed: int = 0, device: str | None = None):
        self.units, self.atoms, self.seed = units, atoms, seed
        self.device = pick_device(device)
        # Random numbers come from the CPU, so that a seed means the same on every device.
        self.generator = torch.Generator().manual_seed(seed)

    @abstractmethod
    def fit(self, rows: NormalisedRows, progress: Progress) -> Dictionary:
        """Learn from normalised rows; the dictionary acts on normalised rows."""

    def gaussian_atoms(self) -> Tensor:
        return unit_rows(torch.randn(self.atoms, self.units, generator=self.generator)).to(self.device)


def unit_rows(x: Tensor) -> Tensor:
    return x / x.norm(dim=1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)


def epochs_for(steps: int, rows: int, batch_size: int) -> int:
    """Passes over the rows that make about so many steps, at least one."""
    return max(1, math.ceil(steps / math.ceil(rows / batch_size)))
