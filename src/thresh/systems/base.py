"""The one interface of everything that responds to stimuli."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from thresh.errors import HarvestError
from thresh.stimuli.base import Stimuli


@dataclass(frozen=True)
class LayerShape:
    """What a layer gives for one stimulus.

    Attributes
    ----------
    positions, units
        Rows a stimulus, and columns.
    unit_table
        Column -> (units,): whatever names a unit.
    position_table
        Column -> (positions,): y and x, or token; empty where the positions are pooled.
    """

    positions: int
    units: int
    unit_table: dict[str, np.ndarray]
    position_table: dict[str, np.ndarray] = field(default_factory=dict)


class Trials(NamedTuple):
    """Single presentations of a recording.

    Attributes
    ----------
    values : (presentations, units) float32
        NaN where a unit was not recorded.
    stimulus : (presentations,) int
        Index into the stimulus set (not into `System.stimuli_index`).
    repeat : (presentations,) int
        How often the stimulus had been presented before.
    reliability : (units,) float64
        Split-half reliability with the Spearman-Brown correction; NaN where it has no value.
    """

    values: np.ndarray
    stimulus: np.ndarray
    repeat: np.ndarray
    reliability: np.ndarray


class System(ABC):
    """Something that answers to stimuli, with one or more layers of units.

    Nothing is loaded when a system is made. `check` is cheap; `layer_shape` and `responses` load what they need.

    Attributes
    ----------
    name
        Name in the config, for messages.
    stimuli
        The stimulus set.
    layers
        Layer name -> parameters.
    batch_size
        Stimuli that are computed together; a harvest asks for ranges that begin at its multiples.
    """

    batch_size: int = 1024

    def __init__(self, name: str, stimuli: Stimuli, *, layers: dict[str, dict], device: str | None = None):
        self.name = name
        self.stimuli = stimuli
        self.layers = {layer: dict(params or {}) for layer, params in layers.items()}
        self.device = device

    @abstractmethod
    def check(self) -> None:
        """Find in seconds what would stop a harvest: no weights on a device, no forward pass.

        Raises
        ------
        HarvestError
            A layer is unknown, weights or a recording are missing or broken, no stimulus is known.
        """

    @cached_property
    def stimuli_index(self) -> np.ndarray:
        """(n,) indices into the stimulus set of the stimuli that this system answers to, in its order."""
        return np.arange(len(self.stimuli))

    @abstractmethod
    def layer_shape(self, layer: str) -> LayerShape:
        """Rows a stimulus and columns of a layer."""

    def planned_shape(self, layer: str) -> LayerShape | None:
        """As `layer_shape`, without weights on a device; None where only a forward pass with them can tell."""
        return self.layer_shape(layer)

    @abstractmethod
    def recipe(self, layer: str) -> dict:
        """Everything, apart from the stimuli, that the responses of a layer depend on, as plain JSON values."""

    @abstractmethod
    def responses(self, start: int, stop: int, layers: list[str]) -> dict[str, np.ndarray]:
        """Responses of several layers to the stimuli `stimuli_index[start:stop]`, from one pass.

        Returns
        -------
        dict
            Layer -> float32 (stop - start, positions, units). The bits do not depend on how a range is cut.
        """

    def check_one_layer(self) -> None:
        """For kinds that have a single layer, with all its units."""
        if len(self.layers) != 1:
            raise HarvestError(f"systems.{self.name}.layers: found {len(self.layers)} layers, expected one.")
        for layer, params in self.layers.items():
            if params.get("where"):
                raise HarvestError(
                    f"systems.{self.name}.layers.{layer}.where: found {params['where']}, expected nothing:"
                    " only recordings have columns of units to choose by."
                )

    def facts(self, layer: str) -> dict:
        """What a report has to say of a layer: `simulated`, `source`, and more where there is more."""
        return {"simulated": False, "source": type(self).__name__}

    def truth(self, layer: str) -> dict | None:
        """Planted systems only: `mixing` (features, units) float32 and the `features` that its rows stand for."""
        return None

    def trials(self, layer: str) -> Trials | None:
        """Recordings only: single presentations."""
        return None
