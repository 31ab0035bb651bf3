"""Recordings given as an array with repeats."""

import zipfile
from pathlib import Path

import numpy as np

from thresh.errors import HarvestError
from thresh.systems.recording import Recording, RecordingSystem
from thresh.systems.telling import first_line
from thresh.systems.weights import digest_of_files

AXES = ("unit", "stimulus", "repeat")


class ArraysSystem(RecordingSystem):
    """Responses in a .npy file, or the array `responses` of a .npz file.

    Parameters
    ----------
    responses
        The file. NaN where a repeat was not shown.
    axes
        Meaning of the axes, in order: unit, stimulus, and repeat where there are repeats.
    ids
        Ids along the stimulus axis: a text file with one a line, or a pattern such as 'image{index:04d}'; default:
        the order of the stimulus set.
    first_index
        Index of the first stimulus in the pattern.
    layers, seed
        As for `RecordingSystem`; the only column of units is `unit`, their number.
    """

    def __init__(
        self,
        name,
        stimuli,
        *,
        layers,
        responses: str,
        axes: list[str] = AXES,
        ids: str | None = None,
        first_index: int = 0,
        seed: int = 0,
        device=None,
    ):
        super().__init__(name, stimuli, layers=layers, seed=seed, device=device)
        self.path = Path(responses)
        self.axes = tuple(axes)
        self.ids = ids
        self.first_index = first_index

    def read(self) -> Recording:
        values = self.ordered(self.load())
        units, stimuli, repeats = values.shape
        presentations = values.transpose(1, 2, 0).reshape(stimuli * repeats, units)
        ids = np.repeat(self.stimulus_ids(stimuli), repeats)
        # Repeats that no unit saw were never shown.
        shown = np.isfinite(presentations).any(axis=1)
        facts = {"simulated": False, "source": self.path.name}
        return Recording(presentations[shown], ids[shown], {"unit": np.arange(units)}, facts)

    def load(self) -> np.ndarray:
        where = f"systems.{self.name}.responses: {self.path}"
        if not self.path.is_file():
            raise HarvestError(f"{where}: found no file, expected a .npy or .npz file.")
        try:
            found = np.load(self.path, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return found
            with found:
                if "responses" in found:
                    return found["responses"]
                names = ", ".join(found.files)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise HarvestError(f"{where}: found no readable array ({first_line(error)}).") from error
        raise HarvestError(f"{where}: found the arrays {names}, expected one named 'responses'.")

    def ordered(self, values: np.ndarray) -> np.ndarray:
        """(units, stimuli, repeats) float32."""
        where = f"systems.{self.name}.axes"
        if set(self.axes) not in ({"unit", "stimulus"}, set(AXES)) or len(set(self.axes)) != len(self.axes):
            raise HarvestError(
                f"{where}: found {list(self.axes)}, expected unit, stimulus and perhaps repeat, once each."
            )
        if values.ndim != len(self.axes) or values.dtype.kind not in "fiub":
            raise HarvestError(
                f"{where}: found {list(self.axes)} for an array of shape {values.shape} and type {values.dtype}"
                f" in {self.path.name}, expected numbers and one name for each dimension."
            )
        order = [self.axes.index(axis) for axis in AXES if axis in self.axes]
        values = values.transpose(order).astype(np.float32)
        return values if values.ndim == 3 else values[:, :, None]

    def stimulus_ids(self, count: int) -> np.ndarray:
        where = f"systems.{self.name}.ids"
        if self.ids is None:
            if count != len(self.stimuli):
                raise HarvestError(
                    f"{where}: found none, and {count} stimuli in {self.path.name} against {len(self.stimuli)} in"
                    f" {self.stimuli.name!r}; expected a pattern or a file of ids."
                )
            return self.stimuli.ids
        if "{" in self.ids:
            try:
                return np.array([self.ids.format(index=self.first_index + index) for index in range(count)])
            except (KeyError, IndexError, ValueError) as error:
                raise HarvestError(
                    f"{where}: found {self.ids!r}, expected a pattern such as image{{index:04d}}."
                ) from error
        if not Path(self.ids).is_file():
            raise HarvestError(
                f"{where}: {self.ids}: found no file, expected one id a line, or a pattern with {{index}}."
            )
        ids = Path(self.ids).read_text(encoding="utf-8").split("\n")
        ids = [line.strip() for line in ids if line.strip()]
        if len(ids) != count:
            raise HarvestError(f"{where}: found {len(ids)} ids in {self.ids}, expected {count}.")
        return np.array(ids)

    def recording_recipe(self) -> dict:
        files = [self.path] + ([Path(self.ids)] if self.ids and "{" not in self.ids else [])
        return {
            "kind": "arrays",
            "files": digest_of_files(files),
            "axes": list(self.axes),
            "ids": self.ids if self.ids and "{" in self.ids else None,
            "first_index": self.first_index,
        }
