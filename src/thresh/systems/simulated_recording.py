"""A simulated recording as an NWB 2 file: Poisson spike trains of a population that answers to images."""

import contextlib
import os
import random
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import numpy as np

from thresh.errors import HarvestError
from thresh.stimuli.base import Stimuli
from thresh.systems.nwb import SIMULATED_BY
from thresh.systems.tuning import firing_rates

# Seconds that a stimulus is shown, and from one stimulus to the next.
SHOWN = 0.2
PERIOD = 0.3
BASELINE = 1.0


def simulate_recording(
    stimuli: Stimuli, path: str | Path, *, neurons: int = 60, repeats: int = 4, seed: int = 0
) -> dict:
    """Write the recording; the same seed gives the same bytes with the same versions of pynwb and HDF5.

    Every stimulus is shown `repeats` times for .2 s, in a new random order each time, and each neuron fires as a
    Poisson process at the rate that `thresh.systems.tuning.firing_rates` gives, at 1 spike/s between stimuli. The
    session description and the notes say that it is simulated; `NwbSystem` knows it by the `source_script`.

    Parameters
    ----------
    stimuli
        Images.
    path
        File to write; it appears when it is whole.
    neurons, repeats
        Size of the population, presentations of each stimulus.
    seed
        Seed of tuning, order and spikes.

    Returns
    -------
    dict
        `neurons`, `presentations`, `spikes`, `mean_rate` (spikes/s while a stimulus is shown), `simulated`.

    Raises
    ------
    HarvestError
        The stimuli are no images.
    """
    if stimuli.feature_source is not None:
        raise HarvestError(f"simulated recording: found stimuli of kind {stimuli.kind!r}, expected images.")
    rates = firing_rates(stimuli, neurons, seed)
    generator = np.random.default_rng([seed, 1])
    order = np.concatenate([generator.permutation(len(stimuli)) for _ in range(repeats)])
    starts = PERIOD * np.arange(len(order))
    trains = [spike_train(rates[order, neuron], starts, generator) for neuron in range(neurons)]
    path = Path(path)
    beside = path.with_name(f".{os.getpid()}.{path.name}")
    try:
        with repeatable_identifiers(seed):
            write_nwb(beside, trains, starts, order, stimuli, seed)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)
    return {
        "neurons": neurons,
        "presentations": len(order),
        "spikes": sum(len(train) for train in trains),
        "mean_rate": float(rates.mean()),
        "simulated": True,
    }


def spike_train(rates: np.ndarray, starts: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Sorted spike times: Poisson at `rates` while stimuli are shown, at the baseline in between."""
    times = []
    for begin, seconds, rate in ((0.0, SHOWN, rates), (SHOWN, PERIOD - SHOWN, np.full(len(starts), BASELINE))):
        counts = generator.poisson(rate * seconds)
        times.append(np.repeat(starts + begin, counts) + seconds * generator.random(counts.sum()))
    # Tenths of a millisecond, the precision of real recordings; kept inside the window that they were drawn for.
    return np.floor(np.sort(np.concatenate(times)) * 1e4) / 1e4


def write_nwb(
    path: Path, trains: list[np.ndarray], starts: np.ndarray, order: np.ndarray, stimuli: Stimuli, seed: int
) -> None:
    from pynwb import NWBHDF5IO, NWBFile

    day = datetime(2026, 1, 1, tzinfo=UTC)
    content = NWBFile(
        session_description=f"simulated: Poisson spike trains of a population that answers to {stimuli.name}",
        identifier=f"thresh-simulated-{stimuli.name}-{seed}",
        session_start_time=day,
        file_create_date=day,
        notes="simulated by thresh.systems.simulated_recording; no animal took part",
        source_script=SIMULATED_BY,
        source_script_file_name="simulated_recording.py",
    )
    content.add_trial_column("stimulus", "id of the stimulus")
    content.add_trial_column("repeat", "how often the stimulus had been shown before")
    seen = np.zeros(len(stimuli), dtype=int)
    for start, index in zip(starts, order, strict=True):
        content.add_trial(
            start_time=start, stop_time=start + SHOWN, stimulus=str(stimuli.ids[index]), repeat=int(seen[index])
        )
        seen[index] += 1
    for train in trains:
        content.add_unit(spike_times=train)
    with NWBHDF5IO(str(path), "w") as opened:
        opened.write(content)


@contextlib.contextmanager
def repeatable_identifiers(seed: int) -> Iterator[None]:
    """Let the object ids of an NWB file follow from a seed: hdmf draws them at random, and a file with new ids would
    look to the stage runner like a new recording."""
    numbers = random.Random(seed)

    def identifier() -> uuid.UUID:
        return uuid.UUID(int=numbers.getrandbits(128), version=4)

    with mock.patch("hdmf.container.uuid4", identifier):
        yield
