"""What all recordings share: presentations joined to the stimulus set, means over repeats, reliability."""

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from thresh.errors import HarvestError
from thresh.stimuli.base import Stimuli
from thresh.systems.base import LayerShape, System, Trials
from thresh.systems.reliability import ceiling, split_half_reliability
from thresh.systems.telling import unknown_name


@dataclass(frozen=True)
class Recording:
    """A recording as it was read from a file.

    Attributes
    ----------
    values : (presentations, units) float32
        NaN where a unit was not recorded.
    ids : (presentations,) str
        Stimulus of each presentation.
    units
        Column -> (units,).
    facts
        What reports have to say of it: `simulated`, `source`.
    """

    values: np.ndarray
    ids: np.ndarray
    units: dict[str, np.ndarray]
    facts: dict = field(default_factory=dict)


class RecordingSystem(System):
    """Units recorded while the stimuli were shown, most often several times.

    The response to a stimulus is the mean over the presentations that exist. Stimuli to which some unit of the
    system's layers has no response are left out; `facts` counts them.

    Parameters
    ----------
    layers
        Layer name -> `where`: column -> value of the units that belong to it; all units by default.
    seed
        Seed of the random halves of the reliability.
    """

    def __init__(self, name: str, stimuli: Stimuli, *, layers: dict[str, dict], seed: int = 0, device=None):
        super().__init__(name, stimuli, layers=layers, device=device)
        self.seed = seed

    @abstractmethod
    def read(self) -> Recording:
        """The whole recording, from its file."""

    @abstractmethod
    def recording_recipe(self) -> dict:
        """What the responses of every layer depend on."""

    @cached_property
    def recording(self) -> Recording:
        return self.read()

    def check(self) -> None:
        """See `System.check`; recordings are small enough to be read for it."""
        for layer in self.layers:
            self.selected(layer)
        if not len(self.stimuli_index):
            raise HarvestError(
                f"systems.{self.name}: found no stimulus to which every unit has a response, expected at least one."
            )

    @cached_property
    def presentations(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Index into the recording's presentations of those whose stimulus is in the set, sorted by stimulus; that
        stimulus; and the number of the repeat."""
        place = {identity: index for index, identity in enumerate(self.stimuli.ids)}
        ids = self.recording.ids
        stimulus = np.array([place.get(identity, -1) for identity in ids], dtype=np.int64)
        if not len(ids) or (stimulus < 0).all():
            known = f"names e.g. {str(ids[0])!r}" if len(ids) else "has no presentation"
            raise HarvestError(
                f"systems.{self.name}: found no common stimulus: the recording {known},"
                f" the stimuli {self.stimuli.name!r} hold e.g. {str(self.stimuli.ids[0])!r}."
            )
        chosen = np.flatnonzero(stimulus >= 0)
        chosen = chosen[np.argsort(stimulus[chosen], kind="stable")]
        stimulus = stimulus[chosen]
        starts = np.flatnonzero(np.diff(stimulus, prepend=-1))
        lengths = np.diff(starts, append=len(stimulus))
        return chosen, stimulus, np.arange(len(stimulus)) - np.repeat(starts, lengths)

    @cached_property
    def repeats(self) -> np.ndarray:
        """(stimuli of the set, repeats, units) float32, NaN where there is none."""
        chosen, stimulus, repeat = self.presentations
        shape = (len(self.stimuli), int(repeat.max()) + 1, self.recording.values.shape[1])
        filled = np.full(shape, np.nan, np.float32)
        filled[stimulus, repeat] = self.recording.values[chosen]
        return filled

    @cached_property
    def means(self) -> np.ndarray:
        """(stimuli of the set, units) float64: mean over the repeats that exist, NaN where none does."""
        present = np.isfinite(self.repeats)
        count = present.sum(axis=1)
        total = np.where(present, self.repeats, 0.0).sum(axis=1, dtype=np.float64)
        return np.where(count > 0, total / np.maximum(count, 1), np.nan)

    @cached_property
    def stimuli_index(self) -> np.ndarray:
        """See `System.stimuli_index`."""
        used = np.unique(np.concatenate([self.selected(layer) for layer in self.layers]))
        return np.flatnonzero(np.isfinite(self.means[:, used]).all(axis=1))

    @cached_property
    def reliability(self) -> np.ndarray:
        """(units,) reliability of the mean over the repeats (see `split_half_reliability`)."""
        return split_half_reliability(self.repeats, seed=self.seed)

    def selected(self, layer: str) -> np.ndarray:
        """Indices of the units of a layer."""
        columns = self.recording.units
        chosen = np.ones(self.recording.values.shape[1], dtype=bool)
        for column, wanted in (self.layers[layer].get("where") or {}).items():
            key = f"systems.{self.name}.layers.{layer}.where"
            if column not in columns:
                raise HarvestError(unknown_name(key, column, columns, "column of units"))
            found = columns[column].astype(str)
            chosen &= found == str(wanted)
            if not chosen.any():
                values = ", ".join(sorted(set(found))[:8])
                raise HarvestError(
                    f"{key}: found no unit with {column} {wanted!r}, expected some; there are: {values}."
                )
        if not chosen.any():
            raise HarvestError(f"systems.{self.name}: found no unit in the recording, expected at least one.")
        return np.flatnonzero(chosen)

    def layer_shape(self, layer: str) -> LayerShape:
        """See `System.layer_shape`; units carry their `reliability` and its square root, the `ceiling`."""
        units = self.selected(layer)
        table = {column: values[units] for column, values in self.recording.units.items()}
        table |= {"reliability": self.reliability[units], "ceiling": ceiling(self.reliability[units])}
        return LayerShape(1, len(units), table)

    def responses(self, start: int, stop: int, layers: list[str]) -> dict[str, np.ndarray]:
        """See `System.responses`."""
        rows = self.means[self.stimuli_index[start:stop]]
        return {layer: rows[:, self.selected(layer)].astype(np.float32) for layer in layers}

    def trials(self, layer: str) -> Trials:
        """See `System.trials`; presentations of stimuli of the set, sorted by stimulus."""
        chosen, stimulus, repeat = self.presentations
        units = self.selected(layer)
        values = self.recording.values[np.ix_(chosen, units)]
        shown = np.isfinite(values).any(axis=1)
        return Trials(values[shown], stimulus[shown], repeat[shown], self.reliability[units])

    def recipe(self, layer: str) -> dict:
        """See `System.recipe`."""
        return {**self.recording_recipe(), "where": self.layers[layer].get("where") or {}, "seed": self.seed}

    def facts(self, layer: str) -> dict:
        """See `System.facts`."""
        chosen, stimulus, repeat = self.presentations
        defined = self.reliability[self.selected(layer)]
        defined = defined[np.isfinite(defined)]
        return {
            **self.recording.facts,
            "presentations": len(chosen),
            "repeats": int(repeat.max()) + 1,
            "stimuli_recorded": len(np.unique(stimulus)),
            "stimuli_left_out": len(np.unique(stimulus)) - len(self.stimuli_index),
            "median_reliability": float(np.median(defined)) if len(defined) else None,
        }
