"""What every way to learn a dictionary shares: a recipe, and runs that follow it batch by batch."""

import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from thresh.devices import pick_device
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.moments import Moments
from thresh.parameters import checked, integer, optional


@dataclass(frozen=True)
class Start:
    """What a run begins from, as its learner sees rows.

    Attributes
    ----------
    sample : (rows, units)
        The first rows of the first epoch, in random order, at most `SAMPLE_ROWS`.
    moments
        Of all rows.
    rows
        Rows of an epoch.
    numbered
        Whether it can be told which rows a batch holds.
    """

    sample: Tensor
    moments: Moments
    rows: int
    numbered: bool = False

    def less(self, shift: Tensor) -> "Start":
        """The same of rows from which a shift (units,) is taken."""
        moments = self.moments.less(shift.cpu().double().numpy())
        return replace(self, sample=self.sample - shift, moments=moments)


@dataclass(frozen=True)
class Step:
    """What one batch, of all processes, showed of each of n dictionaries, on their device.

    Attributes
    ----------
    loss, error, active : (n,)
        What was minimised; sums over the batch of the squared residual and of active codes.
    used : (n, atoms) boolean
        Atoms that were active.
    """

    loss: Tensor
    error: Tensor
    active: Tensor
    used: Tensor

    @classmethod
    def of(cls, loss: Tensor, residual: Tensor, codes: Tensor) -> "Step":
        """Of one dictionary: its loss, residual (rows, units) and codes (rows, atoms)."""
        active = codes != 0
        found = (loss, residual.square().sum(), active.sum(), active.any(dim=0))
        return cls(*(each.detach().unsqueeze(0) for each in found))


class Run(ABC):
    """One or more dictionaries of one recipe, learned together.

    Its state belongs to each of them alone: what is learned must not depend on who else takes part.

    Attributes
    ----------
    wants_numbers : bool
        Whether `numbers` are set before each step.
    numbers : (rows,)
        Of the rows of the batch that comes: a row has the same in every epoch.
    """

    wants_numbers: bool = False
    numbers: Tensor | None = None

    @abstractmethod
    def step(self, x: Tensor, done: float) -> Step:
        """Learn from one batch x (rows, units).

        Parameters
        ----------
        done
            Share of all steps that were taken before, in [0, 1).
        """

    def end_epoch(self) -> None:  # noqa: B027  (few methods do anything here)
        """Every row was seen once more."""

    @abstractmethod
    def dictionaries(self) -> list[Dictionary]:
        """What was learned, acting on rows as the run saw them."""

    @abstractmethod
    def state(self, member: int) -> dict[str, Any]:
        """All that changes while one dictionary is learned: tensors, numbers, and lists or mappings of these."""

    @abstractmethod
    def restore(self, member: int, state: dict[str, Any]) -> None:
        """Go on from a state."""


class Finished(Run):
    """A run with nothing to learn: its dictionary follows from what runs begin with."""

    def __init__(self, dictionary: Dictionary):
        self.dictionary = dictionary

    def step(self, x: Tensor, done: float) -> Step:
        raise NotImplementedError("a finished run takes no step")

    def dictionaries(self) -> list[Dictionary]:
        return [self.dictionary]

    def state(self, member: int) -> dict[str, Any]:
        return {}

    def restore(self, member: int, state: dict[str, Any]) -> None:
        pass


class Learner(ABC):
    """A method of dictionary learning with its parameters.

    Attributes
    ----------
    name : str
        Its key in `METHODS`.
    normalise : str
        How rows are treated where the caller does not say (see `thresh.dictionaries.inputs`).
    normalisations : tuple of str
        Treatments that the method can do with.
    usual_steps : int
        Steps of a run where the caller names no number of epochs.
    sums_over_ranks : bool
        Whether a run of several processes learns one dictionary from the rows of all.

    Parameters
    ----------
    epochs
        Passes over the rows; default: as many as make `usual_steps` steps, at least one.
    batch_size
        Rows of a step.
    """

    name: ClassVar[str]
    normalise: ClassVar[str] = "none"
    normalisations: ClassVar[tuple[str, ...]] = ("none", "centre", "scale", "whiten")
    usual_steps: ClassVar[int] = 0
    sums_over_ranks: ClassVar[bool] = False

    @checked(atoms=integer(1), epochs=optional(integer(1)), batch_size=integer(1))
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        seed: int = 0,
        device: str | None = None,
        epochs: int | None = None,
        batch_size: int = 512,
    ):
        self.units, self.atoms, self.seed = units, atoms, seed
        self.device = pick_device(device)
        self.epochs, self.batch_size = epochs, batch_size

    @abstractmethod
    def begin(self, members: Sequence["Learner"], start: Start) -> Run:
        """A run for members that are alike, of which this learner is one."""

    def alike(self) -> Hashable:
        """Learners with equal values are learned as one run; None for a run of its own."""
        return None

    def passes(self, rows: int) -> int:
        """Epochs of a run over so many rows."""
        return self.epochs or max(1, math.ceil(self.steps_of_run(rows) / math.ceil(rows / self.rows_of_step(rows))))

    def steps_of_run(self, rows: int) -> float:
        """Steps that are enough, where the caller names no number of epochs."""
        return self.usual_steps

    def rows_of_step(self, rows: int) -> int:
        """Rows of a step where an epoch has so many."""
        return self.batch_size

    def treatment(self, normalise: str) -> str:
        """How rows are treated where the caller asks for one of `normalisations`; see `inputs.transform_of`."""
        return normalise

    def generator(self) -> torch.Generator:
        """Random numbers of this seed; from the CPU, so that a seed means the same on every device."""
        return torch.Generator().manual_seed(self.seed)


def gaussian_atoms(atoms: int, units: int, generator: torch.Generator) -> Tensor:
    return unit_rows(torch.randn(atoms, units, generator=generator))


def unit_rows(x: Tensor) -> Tensor:
    """Rows at unit norm; rows of zeros stay."""
    return x / x.norm(dim=-1, keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
