"""The store of one layer's activations: how it is laid out, and how it is read."""

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import zarr

from thresh.errors import StoreError
from thresh.store.arrays import create_array, read_array, read_table, require_shards, shard_names, write_array
from thresh.store.encoding import stored_dtype
from thresh.store.layout import choose_layout
from thresh.store.row_table import RowTable, write_rows
from thresh.store.shards import ChunkReader

SCHEMA_VERSION = 1


@dataclass
class ActivationsSpec:
    """What has to be known before the first activation is written.

    Attributes
    ----------
    rows
        What is known of each row: a `RowTable`, or its columns where they fit in memory.
    units
        Column -> (units,): whatever names a unit.
    stimuli
        Column -> (stimuli,): `id` and `hash` of the stimulus set.
    dtype
        float16, float32 or bfloat16.
    attributes
        recipe, facts and the like, kept as attributes of the group.
    """

    rows: RowTable | dict[str, np.ndarray]
    units: dict[str, np.ndarray]
    stimuli: dict[str, np.ndarray]
    dtype: str = "float16"
    shard_rows: int | None = None
    attributes: dict = field(default_factory=dict)


def lay_out_activations(folder: Path, spec: ActivationsSpec) -> list[str]:
    """Make the store of a layer without its values; returns the names of the shards that are to be written."""
    table = spec.rows if isinstance(spec.rows, RowTable) else RowTable(len(spec.rows["stimulus"]), [spec.rows])
    units = len(next(iter(spec.units.values())))
    stored = stored_dtype(spec.dtype)
    # Not by mode="w", which would empty the folder and with it the runner's records.
    group = zarr.open_group(folder, mode="a", zarr_format=3)
    group.attrs.update({"schema_version": SCHEMA_VERSION, "complete": False, **spec.attributes})
    values = create_array(
        group,
        "values",
        (table.rows, units),
        stored,
        ("row", "unit"),
        layout=choose_layout(table.rows, units * stored.itemsize, spec.shard_rows),
        compress=spec.dtype == "bfloat16",
        attributes={"logical_dtype": spec.dtype},
    )
    write_rows(group, table)
    for name, table, dimension in (("units", spec.units, "unit"), ("stimuli", spec.stimuli, "stimulus")):
        columns = group.require_group(name)
        for column, content in table.items():
            write_array(columns, column, content, (dimension,))
    return shard_names(values, "values")


def seal(folder: Path) -> None:
    """Mark a store as complete; readers refuse it before."""
    zarr.open_group(folder, mode="r+").attrs["complete"] = True


class Activations:
    """Activations of one layer, read from a sealed store.

    Attributes
    ----------
    values
        Zarr array (rows, units) as stored; `read` gives float32.
    attrs
        Schema version, recipe, facts.
    """

    def __init__(self, path: Path, group: zarr.Group):
        self.path = path
        self.group = group
        self.values: zarr.Array = group["values"]
        self.attrs: dict = dict(group.attrs)
        self.dtype: str = self.values.attrs["logical_dtype"]

    @cached_property
    def reader(self) -> ChunkReader:
        """Chunks of the values, read from the files and checked."""
        return ChunkReader(self.path, self.values)

    @property
    def shape(self) -> tuple[int, int]:
        return self.values.shape

    @cached_property
    def rows(self) -> pd.DataFrame:
        """One row a row of values: stimulus (index), position, and what names the position."""
        return pd.DataFrame(read_table(self.group["rows"]))

    @cached_property
    def units(self) -> pd.DataFrame:
        """One row a unit: whatever names it."""
        return pd.DataFrame(read_table(self.group["units"]))

    @cached_property
    def stimuli(self) -> pd.DataFrame:
        """One row a stimulus of the whole set: id, hash."""
        return pd.DataFrame(read_table(self.group["stimuli"]))

    @cached_property
    def stats(self) -> dict[str, np.ndarray]:
        """Moments of the rows, as `thresh.store.moments.moments` names them: eigenpairs above 4096 units."""
        return read_table(self.group["stats"])

    @cached_property
    def trajectories(self) -> pd.DataFrame | None:
        """One row a stimulus with time: stimulus (index), frames, distance, curvature in degrees; else None.

        `extra` gives the steps, `trajectories/step_distance` and so on; see `thresh.store.trajectories`.
        """
        if "trajectories" not in self.group:
            return None
        names = ("stimulus", "frames", "distance", "curvature")
        return pd.DataFrame({name: read_array(self.group[f"trajectories/{name}"]) for name in names})

    @cached_property
    def trials(self) -> tuple[np.ndarray, np.ndarray] | None:
        """Recordings: single presentations (presentations, units) and the stimulus index of each; else None."""
        if "trials" not in self.group:
            return None
        return read_array(self.group["trials/values"]), read_array(self.group["trials/stimulus"])

    def extra(self, name: str) -> np.ndarray | None:
        """An array that only some systems have, such as `truth/mixing` of planted ones; None where absent."""
        return read_array(self.group[name]) if name in self.group else None

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows start to stop as float32 (stop - start, units).

        Raises
        ------
        StoreError
            A shard is missing or a byte differs from what was written; names the file.
        """
        return self.reader.read(start, stop)


def open_activations(path: str | Path) -> Activations:
    """Open the activations of a layer.

    Raises
    ------
    StoreError
        There is no store, it is not complete, or a shard is missing.
    """
    path = Path(path)
    try:
        group = zarr.open_group(path, mode="r")
    except FileNotFoundError:
        raise StoreError(f"{path}: found no activations store, expected a Zarr group.") from None
    if not group.attrs.get("complete"):
        raise StoreError(f"{path}: this store is not complete; run the workflow to finish it.")
    require_shards(path, group)
    return Activations(path, group)
