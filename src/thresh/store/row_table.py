"""The table of rows of a store, written a block at a time: it may be longer than memory."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import zarr

from thresh.store.arrays import create_array
from thresh.store.layout import Layout, power_of_two

# Small shards, because all columns wait in memory for the last row of a shard.
CHUNK_ROWS, SHARD_ROWS = 2**16, 2**20

# Columns as they are stored; others as they come.
TYPES = dict.fromkeys(("stimulus", "position", "token", "start", "end", "y", "x", "frame"), np.int32)


@dataclass
class RowTable:
    """What is known of each row.

    Attributes
    ----------
    rows
        Number of rows.
    blocks
        Column -> (rows of the block,), the blocks in the order of the rows; at least one, though it may be empty.
        `stimulus` is the index into the stimulus set; `position` is the token or patch, -1 when pooled; further columns
        (y, x, token, frame, time) name the position.
    """

    rows: int
    blocks: Iterable[dict[str, np.ndarray]]


def write_rows(group: zarr.Group, table: RowTable) -> None:
    """Write a table into the group `rows`; shards are handed over whole."""
    columns = group.require_group("rows")
    shard = min(SHARD_ROWS, power_of_two(max(table.rows, 1)))
    layout = Layout(min(CHUNK_ROWS, shard), shard)
    arrays: dict[str, zarr.Array] = {}
    waiting: dict[str, list[np.ndarray]] = {}
    done = held = 0
    for block in table.blocks:
        for name, values in block.items():
            if name not in arrays:
                dtype = TYPES.get(name, values.dtype)
                arrays[name] = create_array(columns, name, (table.rows,), dtype, ("row",), layout=layout)
                waiting[name] = []
            waiting[name].append(values)
        held += len(block["stimulus"])
        if held >= shard:
            done, held = flush(arrays, waiting, done, held - held % shard), held % shard
    flush(arrays, waiting, done, held)


def flush(arrays: dict[str, zarr.Array], waiting: dict[str, list[np.ndarray]], start: int, count: int) -> int:
    """Write that many of the waiting rows; returns the row after the last."""
    for name, array in arrays.items():
        values = np.concatenate(waiting[name])
        if count:
            array[start : start + count] = values[:count]
        waiting[name] = [values[count:]]
    return start + count
