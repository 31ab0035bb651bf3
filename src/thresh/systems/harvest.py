"""From a system to its stores: every layer's shards in one pass over the stimuli."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import zarr
from tqdm import tqdm

from thresh.errors import HarvestError, StoreError
from thresh.store import ActivationsSpec, ShardWriter, lay_out_activations
from thresh.store.arrays import write_array
from thresh.store.encoding import stored_dtype
from thresh.systems.base import System


def stored_bytes(system: System, layers: list[str], dtype: str) -> int:
    """Bytes that the values of some layers will take on disk."""
    shapes = [system.layer_shape(layer) for layer in layers]
    return sum(len(system.stimuli_index) * s.positions * s.units for s in shapes) * stored_dtype(dtype).itemsize


def lay_out_layer(system: System, layer: str, folder: Path, dtype: str, shard_rows: int | None = None) -> list[str]:
    """Make the store of a layer without its activations; returns the names of the shards to be written.

    What a recording or a planted system knows beside its responses (single trials, the true mixing) goes in here.
    """
    shape = system.layer_shape(layer)
    stimulus = np.repeat(np.asarray(system.stimuli_index, np.int64), shape.positions)
    position = np.tile(np.arange(shape.positions, dtype=np.int32), len(system.stimuli_index))
    if not shape.position_table:
        position[:] = -1
    names = {name: np.tile(column, len(system.stimuli_index)) for name, column in shape.position_table.items()}
    spec = ActivationsSpec(
        rows={"stimulus": stimulus, "position": position, **names},
        units={"index": np.arange(shape.units), **shape.unit_table},
        stimuli={"id": system.stimuli.ids, "hash": system.stimuli.hashes},
        dtype=dtype,
        shard_rows=shard_rows,
        attributes={"recipe": system.recipe(layer), "facts": system.facts(layer)},
    )
    shards = lay_out_activations(folder, spec)
    write_extras(system, layer, folder)
    return shards


def write_extras(system: System, layer: str, folder: Path) -> None:
    group = zarr.open_group(folder, mode="r+")
    trials = system.trials(layer)
    if trials is not None:
        place = group.create_group("trials")
        write_array(place, "values", trials.values, ("presentation", "unit"))
        write_array(place, "stimulus", trials.stimulus, ("presentation",))
        write_array(place, "repeat", trials.repeat, ("presentation",))
    truth = system.truth(layer)
    if truth is not None:
        place = group.create_group("truth")
        write_array(place, "mixing", truth["mixing"], ("feature", "unit"))
        write_array(place, "features", truth["features"], ("feature",))


def harvest_layers(
    system: System,
    stores: dict[str, tuple[Path, list[int]]],
    written: Callable[[str, int], None],
) -> None:
    """Write the wanted shards of every layer, all layers in one pass.

    Batches always begin at multiples of the system's batch size, so that a shard has the same bytes whoever writes
    it and whatever else was missing.

    Parameters
    ----------
    stores
        Layer -> its store, and the indices of the shards that are wanted.
    written
        Called with layer and index of each shard that stands on disk.

    Raises
    ------
    HarvestError
        An activation is not finite or does not fit its type; names system, layer and stimulus.
    """
    writers = {
        layer: ShardWriter(path, wanted, lambda index, layer=layer: written(layer, index))
        for layer, (path, wanted) in stores.items()
    }
    positions = {layer: system.layer_shape(layer).positions for layer in writers}
    for layer, (path, _) in stores.items():
        check_rows(system, layer, path, positions[layer])
    step = system.batch_size
    starts = [
        start
        for start in range(0, len(system.stimuli_index), step)
        if wanting(writers, positions, start, min(start + step, len(system.stimuli_index)))
    ]
    # disable=None: a bar on a terminal, nothing in a log.
    for start in tqdm(starts, desc=f"harvest {system.name}", unit="batch", disable=None):
        stop = min(start + step, len(system.stimuli_index))
        layers = wanting(writers, positions, start, stop)
        for layer, values in system.responses(start, stop, layers).items():
            rows = values.reshape(-1, values.shape[-1])
            try:
                writers[layer].put(start * positions[layer], rows)
            except StoreError as error:
                first = str(system.stimuli.ids[system.stimuli_index[start]])
                place = f"systems.{system.name}.layers.{layer}: in the batch that begins with stimulus {first!r}"
                raise HarvestError(f"{place}, {error}") from error


def check_rows(system: System, layer: str, path: Path, positions: int) -> None:
    """A store that was laid out for other stimuli would take the rows of one for those of another."""
    laid_out = zarr.open_array(path / "rows" / "stimulus", mode="r")[::positions]
    if not np.array_equal(laid_out, system.stimuli_index):
        raise HarvestError(
            f"systems.{system.name}.layers.{layer}: {path} was laid out for {len(laid_out)} stimuli that are not the"
            f" {len(system.stimuli_index)} of the system now; remove the store and run again."
        )


def wanting(writers: dict[str, ShardWriter], positions: dict[str, int], start: int, stop: int) -> list[str]:
    """Layers that want rows of stimuli start to stop."""
    return [
        layer for layer, writer in writers.items() if writer.wants(start * positions[layer], stop * positions[layer])
    ]
