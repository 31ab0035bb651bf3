"""Several stores side by side: rows that all of them have, with the units of all."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from thresh.errors import StoreError
from thresh.store.activations import Activations
from thresh.store.encoding import decode
from thresh.store.shards import ChunkReader


class JoinedActivations:
    """Activations of several layers for the same stimuli and positions, read as one store of float32.

    Rows are joined on stimulus id and position, in the order of the first store; what one store lacks is left out.

    Parameters
    ----------
    stores
        Sealed activations, of stimulus sets that agree in the content of every stimulus that they share.

    Attributes
    ----------
    shape
        (rows, units of all stores).
    blocks : list of int
        Units of each store.
    rows
        Table of the first store, of the rows that are left.

    Raises
    ------
    StoreError
        They share no row, or a stimulus of one id has other content in another store.
    """

    dtype = "float32"

    def __init__(self, stores: Sequence[Activations]):
        self.stores = list(stores)
        self.path = self.stores[0].path
        tables = [keyed_rows(store) for store in self.stores]
        joined = tables[0]
        for number, (store, table) in enumerate(zip(self.stores[1:], tables[1:], strict=True), 1):
            joined = joined.merge(table, on=["id", "position"], suffixes=("", f"_{number}"))
            other = joined["hash"] != joined[f"hash_{number}"]
            if other.any():
                name = joined["id"][other].iloc[0]
                raise StoreError(f"{store.path}: stimulus {name!r} has other content than in {self.path}.")
            if joined.empty:
                raise StoreError(f"{store.path}: found no stimulus and position that {self.path} has too.")
        joined = joined.sort_values("number", kind="stable")
        self.numbers = [joined["number"].to_numpy()]
        self.numbers += [joined[f"number_{number}"].to_numpy() for number in range(1, len(self.stores))]
        self.blocks = [store.shape[1] for store in self.stores]
        self.shape = (len(joined), sum(self.blocks))

    @property
    def values(self) -> "JoinedActivations":
        """What has the shape; the numbers come by `reader`."""
        return self

    @cached_property
    def rows(self) -> pd.DataFrame:
        return self.stores[0].rows.iloc[self.numbers[0]].reset_index(drop=True)

    @cached_property
    def reader(self) -> "JoinedReader":
        return JoinedReader(self)


class JoinedReader:
    """Chunks of joined rows, as `ChunkReader` gives those of one store."""

    def __init__(self, joined: JoinedActivations):
        self.readers = [store.reader for store in joined.stores]
        self.numbers, self.shape = joined.numbers, joined.shape
        # As large as the largest chunk of a store: where all have the same rows, each of their chunks is read once.
        self.chunk_rows = max(reader.chunk_rows for reader in self.readers)
        self.stored = np.dtype(np.float32)

    def span(self, chunk: int) -> tuple[int, int]:
        """First row of a chunk and the row after its last."""
        return chunk * self.chunk_rows, min((chunk + 1) * self.chunk_rows, self.shape[0])

    def chunk(self, chunk: int) -> np.ndarray:
        """Rows of a chunk (rows, units), float32."""
        span = slice(*self.span(chunk))
        parts = [picked(reader, own[span]) for reader, own in zip(self.readers, self.numbers, strict=True)]
        return np.concatenate(parts, axis=1)


def keyed_rows(store: Activations) -> pd.DataFrame:
    """Number, stimulus id, content hash and position of each row."""
    stimulus = store.rows["stimulus"].to_numpy()
    columns = {name: store.stimuli[name].to_numpy()[stimulus] for name in ("id", "hash")}
    position = store.rows["position"].to_numpy()
    return pd.DataFrame({"number": np.arange(len(stimulus)), "position": position} | columns)


def picked(reader: ChunkReader, numbers: np.ndarray) -> np.ndarray:
    """Rows of these numbers as float32, each chunk that has some read once."""
    found = np.empty((len(numbers), reader.shape[1]), np.float32)
    chunks = numbers // reader.chunk_rows
    for chunk in np.unique(chunks):
        places = np.flatnonzero(chunks == chunk)
        rows = reader.chunk(int(chunk))[numbers[places] - chunk * reader.chunk_rows]
        found[places] = decode(rows, reader.dtype)
    return found
