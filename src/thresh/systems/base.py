"""The one interface of everything that responds to stimuli."""

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np

from thresh.errors import HarvestError
from thresh.stimuli.base import Stimuli

PLURALS = {"image": "images", "text": "text", "tokens": "token ids", "video": "video", "features": "features"}


@dataclass(frozen=True)
class LayerShape:
    """What a layer gives for one item, that is for what is fed to a system as one: a stimulus, a frame, a document.

    Attributes
    ----------
    positions, units
        Rows an item, and columns; positions is None where items differ, as documents do.
    unit_table
        Column -> (units,): whatever names a unit.
    position_table
        Column -> (positions,): y and x, or token; empty where the positions are pooled or items differ.
    """

    positions: int | None
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
        Items, at most, that are computed together.
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
        """Rows an item and columns of a layer."""

    def planned_shape(self, layer: str) -> LayerShape | None:
        """As `layer_shape`, without weights on a device; None where only a forward pass with them can tell."""
        return self.layer_shape(layer)

    # --- items and their rows; here each stimulus is an item, and all items have equally many rows ---

    @property
    def item_count(self) -> int:
        """Number of items; they are computed, and their rows stored, in one fixed order."""
        return len(self.stimuli_index)

    def item_columns(self, start: int, stop: int) -> dict[str, np.ndarray]:
        """What is known of the items start to stop: `stimulus`, the index into the set, and perhaps more."""
        return {"stimulus": self.stimuli_index[start:stop]}

    def batch_edges(self) -> np.ndarray:
        """First item of each batch, and the number of items."""
        return np.append(np.arange(0, self.item_count, self.batch_size), self.item_count)

    def edges(self, layer: str) -> np.ndarray:
        """(items + 1,) int64: the first row of each item, and the number of rows."""
        return np.arange(self.item_count + 1, dtype=np.int64) * self.layer_shape(layer).positions

    def row_columns(self, layer: str, start: int, stop: int) -> dict[str, np.ndarray]:
        """Columns of the rows of the items start to stop: `stimulus`, `position` (-1 when pooled), and names of it."""
        shape = self.layer_shape(layer)
        items = self.item_columns(start, stop)
        count = len(items["stimulus"])
        position = np.arange(shape.positions) if shape.position_table else np.full(shape.positions, -1)
        positions = {"position": position, **shape.position_table}
        repeated = {name: np.repeat(column, shape.positions) for name, column in items.items()}
        return repeated | {name: np.tile(column, count) for name, column in positions.items()}

    def rows_of_stimuli(self, layer: str) -> np.ndarray | None:
        """(n,) rows of each stimulus of `stimuli_index`, found without weights; None where only a harvest can tell."""
        shape = self.planned_shape(layer)
        return None if shape is None else np.full(len(self.stimuli_index), shape.positions)

    # --- responses ---

    def fit(self, dtype: str) -> None:
        """Settle how many items are computed together, before stores of a type are laid out."""
        return

    def layout(self) -> dict[str, np.ndarray]:
        """What a store keeps of how stimuli became items: `stimuli_index` as `stimulus`, and what is long to find."""
        return {"stimulus": self.stimuli_index}

    def freeze(self, recipe: dict, layout: dict[str, np.ndarray]) -> None:
        """Keep to what recipe and layout of a store that was begun say of how responses are computed."""
        self.batch_size = recipe.get("batch_size", self.batch_size)

    @abstractmethod
    def recipe(self, layer: str) -> dict:
        """Everything, apart from the stimuli, that the responses of a layer depend on, as plain JSON values."""

    @abstractmethod
    def responses(self, start: int, stop: int, layers: list[str]) -> dict[str, np.ndarray]:
        """Responses of several layers to the items start to stop, from one pass.

        Returns
        -------
        dict
            Layer -> float32 (rows, units), the rows as `edges` and `row_columns` say. The bits do not depend on how a
            range is cut.
        """

    def prepared(self, start: int, stop: int) -> object:
        """What `begun` takes for one batch, the items start to stop of it; may run ahead, in another thread."""
        return start, stop

    def begun(self, prepared: object, layers: list[str], dtype: str = "float32") -> Callable[[], dict[str, np.ndarray]]:
        """Begin to compute a batch; what is returned waits for it, in any thread, and gives its `responses`.

        Parameters
        ----------
        dtype
            A type of `thresh.store.encoding`: rows come in it, as they are stored, where that saves work; else float32.
        """
        return functools.partial(self.responses, *prepared, layers)

    # --- checks and facts ---

    def require(self, *modalities: str) -> None:
        """Refuse stimuli that show none of these: image, text, tokens, video, features."""
        if not set(modalities) & set(self.stimuli.modalities):
            raise HarvestError(
                f"systems.{self.name}: the stimuli {self.stimuli.name!r} are of kind {self.stimuli.kind!r},"
                f" expected {' or '.join(PLURALS[one] for one in modalities)}."
            )

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
