"""From a system to its stores: every layer's shards in one pass over the stimuli."""

import json
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import zarr

from thresh.ahead import ahead
from thresh.bar import Bar
from thresh.errors import HarvestError, StoreError
from thresh.freed_memory import keep_freed_memory
from thresh.pieces import pieces
from thresh.store import ActivationsSpec, RowTable, ShardWriter, lay_out_activations
from thresh.store.arrays import read_array, read_table, write_array
from thresh.store.encoding import stored_dtype
from thresh.systems.base import System
from thresh.systems.pipeline import Behind

# Rows that are laid out together.
BLOCK = 2**18


def stored_bytes(system: System, layers: list[str], dtype: str) -> int:
    """Bytes that the values of some layers will take on disk."""
    system.fit(dtype)
    cells = sum(int(system.edges(layer)[-1]) * system.layer_shape(layer).units for layer in layers)
    return cells * stored_dtype(dtype).itemsize


def lay_out_layer(system: System, layer: str, folder: Path, dtype: str, shard_rows: int | None = None) -> list[str]:
    """Make the store of a layer without its activations; returns the names of the shards to be written.

    What a recording or a planted system knows beside its responses (single trials, the true mixing) goes in here.
    """
    system.fit(dtype)
    shape, edges = system.layer_shape(layer), system.edges(layer)
    blocks = (system.row_columns(layer, start, stop) for start, stop in list(pieces(edges, BLOCK)) or [(0, 0)])
    spec = ActivationsSpec(
        rows=RowTable(int(edges[-1]), blocks),
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
    place = group.create_group("layout")
    for name, column in system.layout().items():
        write_array(place, name, column, (name,))
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
    written: Callable[[str, int, str], None],
) -> None:
    """Write the wanted shards of every layer, all layers in one pass.

    Batches are cut as when a store was laid out, so that a shard has the same bytes whoever writes it and whatever else
    was missing. The next batch is read and the last one is written while one is computed.

    Parameters
    ----------
    stores
        Layer -> its store, and the indices of the shards that are wanted.
    written
        Called with layer and index of each shard that stands on disk, and the BLAKE3 of its file; in another thread.

    Raises
    ------
    HarvestError
        An activation is not finite or does not fit its type; names system, layer and stimulus.
    """
    begun = {layer: zarr.open_group(path, mode="r") for layer, (path, _) in stores.items()}
    groups: dict[str, list[str]] = {}
    for layer, store in begun.items():
        # Most often all stores were laid out together, and there is one group.
        how = json.dumps([store.attrs["recipe"].get(key) for key in ("batch_size", "threads")])
        groups.setdefault(how, []).append(layer)
    for together in groups.values():
        for layer in together:
            check_stimuli(system, layer, begun[layer])
        first = begun[together[0]]
        system.freeze(first.attrs["recipe"], read_table(first["layout"]))
        for layer in together:
            check_recipe(system, layer, begun[layer])
        harvest_pass(system, {layer: stores[layer] for layer in together}, written)


def check_stimuli(system: System, layer: str, store: zarr.Group) -> None:
    """A store that was laid out for other stimuli would take the rows of one for those of another."""
    wanted = {
        "stimuli/id": system.stimuli.ids,
        "stimuli/hash": system.stimuli.hashes,
        "layout/stimulus": system.stimuli_index,
    }
    if any(not np.array_equal(read_array(store[name]), column) for name, column in wanted.items()):
        raise HarvestError(
            f"systems.{system.name}.layers.{layer}: {store.store_path} was laid out for other stimuli than"
            f" {system.stimuli.name!r} has now; remove the store and run again."
        )


def check_recipe(system: System, layer: str, store: zarr.Group) -> None:
    """Shards of another model, a branch on the hub that has moved for one, must not come into one store."""
    begun = store.attrs["recipe"]
    now = json.loads(json.dumps(system.recipe(layer)))
    changed = sorted(key for key in now.keys() | begun.keys() if now.get(key) != begun.get(key))
    if changed:
        raise HarvestError(
            f"systems.{system.name}.layers.{layer}: {store.store_path} was begun with another recipe"
            f" ({', '.join(changed)} changed); remove the store, and run `snakemake verify` before you run again."
        )


def harvest_pass(
    system: System, stores: dict[str, tuple[Path, list[int]]], written: Callable[[str, int, str], None]
) -> None:
    """As `harvest_layers`, for stores that were begun with one size of batches and one number of threads."""
    edges = {layer: system.edges(layer) for layer in stores}
    writers = {
        layer: ShardWriter(path, wanted, lambda index, digest, layer=layer: written(layer, index, digest))
        for layer, (path, wanted) in stores.items()
    }
    for layer, writer in writers.items():
        if writer.values.shape[0] != edges[layer][-1]:
            raise HarvestError(
                f"systems.{system.name}.layers.{layer}: found a store of {writer.values.shape[0]} rows, expected the"
                f" {edges[layer][-1]} of the system now; remove the store and run again."
            )
    (dtype,) = {writer.dtype for writer in writers.values()}
    wanted = list(batches_wanted(system, writers, edges))
    prepared = ahead(system.prepared(start, stop) for start, stop, _ in wanted)
    keep_freed_memory()
    try:
        with Behind() as behind:
            bar = Bar(wanted, desc=f"harvest {system.name}", unit="batches")
            for (start, _, layers), batch in zip(bar, prepared, strict=True):
                behind.submit(store_batch, system, writers, edges, start, system.begun(batch, layers, dtype))
    finally:
        for writer in writers.values():
            writer.abandon()


def store_batch(
    system: System,
    writers: dict[str, ShardWriter],
    edges: dict[str, np.ndarray],
    start: int,
    responses: Callable[[], dict[str, np.ndarray]],
) -> None:
    """Hand the rows of a batch, once they are there, to the writers."""
    for layer, rows in responses().items():
        try:
            writers[layer].put(int(edges[layer][start]), rows)
        except StoreError as error:
            first = str(system.stimuli.ids[system.item_columns(start, start + 1)["stimulus"][0]])
            place = f"systems.{system.name}.layers.{layer}: in the batch that begins with stimulus {first!r}"
            raise HarvestError(f"{place}, {error}") from error


def batches_wanted(
    system: System, writers: dict[str, ShardWriter], edges: dict[str, np.ndarray]
) -> Iterator[tuple[int, int, list[str]]]:
    """First item of each batch that some layer wants, the one after its last, and those layers."""
    for start, stop in pairwise(system.batch_edges().tolist()):
        rows = {layer: (int(edges[layer][start]), int(edges[layer][stop])) for layer in writers}
        layers = [layer for layer, writer in writers.items() if writer.wants(*rows[layer])]
        if layers:
            yield start, stop, layers
