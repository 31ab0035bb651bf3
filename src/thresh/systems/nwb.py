"""Recordings in NWB 2 files: spikes counted in a window after the start of each presentation."""

import warnings
from pathlib import Path

import numpy as np

from thresh.errors import HarvestError
from thresh.systems.recording import Recording, RecordingSystem
from thresh.systems.telling import first_line, unknown_name
from thresh.systems.weights import digest_of_files

# Columns of the units table that are no property of a unit.
NOT_PROPERTIES = ("spike_times", "obs_intervals", "waveforms", "waveform_mean", "waveform_sd", "electrodes")

# The `source_script` that thresh's simulator writes into its files, and nothing else does.
SIMULATED_BY = "thresh.systems.simulated_recording"


class NwbSystem(RecordingSystem):
    """Spike counts of the units of an NWB file.

    A file is called simulated only where its `source_script` is that of thresh's own simulator; words elsewhere in the
    file do not count.

    Parameters
    ----------
    file
        Path of the file.
    intervals
        Table of presentations: 'trials', 'epochs', or the name of a table of /intervals. Each row has a `start_time`.
    stimulus_column
        Column of that table that holds the stimulus id.
    window
        Start (included) and stop (excluded) of the count, in seconds after the start of a presentation.
    layers, seed
        As for `RecordingSystem`; columns are the scalar columns of the units table, and `region`, the location of
        the unit's electrode group, where there is one.
    """

    def __init__(
        self,
        name,
        stimuli,
        *,
        layers,
        file: str,
        intervals: str = "trials",
        stimulus_column: str = "stimulus",
        window: tuple[float, float] = (0.0, 0.2),
        seed: int = 0,
        device=None,
    ):
        super().__init__(name, stimuli, layers=layers, seed=seed, device=device)
        self.path = Path(file)
        self.intervals = intervals
        self.stimulus_column = stimulus_column
        self.window = (float(window[0]), float(window[1]))

    def read(self) -> Recording:
        where = f"systems.{self.name}.file: {self.path}"
        if not self.path.is_file():
            raise HarvestError(f"{where}: found no file, expected an NWB 2 file.")
        if not self.window[0] < self.window[1]:
            raise HarvestError(f"systems.{self.name}.window: found {list(self.window)}, expected start before stop.")
        try:
            return self.read_file()
        except HarvestError:
            raise
        # pynwb, hdmf and h5py raise most kinds of errors on files that are cut off or not NWB.
        except Exception as error:
            raise HarvestError(f"{where}: found no readable NWB 2 file ({first_line(error)}).") from error

    def read_file(self) -> Recording:
        from pynwb import NWBHDF5IO

        with warnings.catch_warnings():
            # Extensions cached in a file may differ from those installed; what is read here does not depend on them.
            warnings.simplefilter("ignore")
            with NWBHDF5IO(str(self.path), "r") as opened:
                content = opened.read()
                if content.units is None or "spike_times" not in content.units.colnames:
                    raise HarvestError(f"systems.{self.name}.file: {self.path}: found no units with spike_times.")
                starts, ids = self.read_presentations(content)
                units = content.units
                counts = [
                    spikes_in_windows(units.get_unit_spike_times(i), starts, self.window) for i in range(len(units))
                ]
                facts = {"simulated": content.source_script == SIMULATED_BY, "source": self.path.name}
                facts["description"] = content.session_description
                return Recording(np.stack(counts, axis=1).astype(np.float32), ids, unit_columns(units), facts)

    def read_presentations(self, content) -> tuple[np.ndarray, np.ndarray]:
        """Start time and stimulus id of each presentation."""
        tables = {**{table.name: table for table in (content.trials, content.epochs) if table is not None}}
        tables |= dict(content.intervals or {})
        if self.intervals not in tables:
            raise HarvestError(unknown_name(f"systems.{self.name}.intervals", self.intervals, tables, "table"))
        table = tables[self.intervals]
        if self.stimulus_column not in table.colnames:
            raise HarvestError(
                unknown_name(f"systems.{self.name}.stimulus_column", self.stimulus_column, table.colnames, "column")
            )
        starts = np.asarray(table["start_time"][:], dtype=np.float64)
        return starts, np.array([as_id(value) for value in table[self.stimulus_column][:]])

    def recording_recipe(self) -> dict:
        return {
            "kind": "nwb",
            "file": digest_of_files([self.path]),
            "intervals": self.intervals,
            "stimulus_column": self.stimulus_column,
            "window": list(self.window),
        }


def spikes_in_windows(spikes: np.ndarray, starts: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Number of spikes in [start + window[0], start + window[1]) for each start."""
    spikes = np.sort(np.asarray(spikes, dtype=np.float64))
    return np.searchsorted(spikes, starts + window[1]) - np.searchsorted(spikes, starts + window[0])


def as_id(value: object) -> str:
    """Stimulus id as text; a whole number that was stored as float loses its point."""
    if isinstance(value, bytes):
        return value.decode()
    return str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value)


def unit_columns(units) -> dict[str, np.ndarray]:
    """Scalar columns of the units table, and the region of each unit's electrode group."""
    from hdmf.common import VectorIndex

    columns = {"unit": np.asarray(units.id[:])}
    for name in units.colnames:
        if isinstance(units[name], VectorIndex):
            continue  # several values a unit
        if name == "electrode_group":
            columns["region"] = np.array([group.location for group in units[name][:]], dtype=str)
        elif name not in NOT_PROPERTIES:
            values = np.asarray(units[name][:])
            if values.ndim == 1 and values.dtype.kind in "biufUSO":
                columns[name] = values.astype(str) if values.dtype.kind in "SO" else values
    return columns
