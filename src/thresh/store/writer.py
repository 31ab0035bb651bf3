"""Writing shards whole: rows arrive in any portions, a shard is in its place once its last row is there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import zarr

from thresh.errors import StoreError
from thresh.store.arrays import shard_names
from thresh.store.encoding import encode
from thresh.store.shard_file import ShardFile
from thresh.store.shards import compression_of


class ShardWriter:
    """Writes the wanted shards of one store, whose rows come in order.

    Parameters
    ----------
    folder
        A store laid out by `lay_out_activations`.
    wanted
        Indices of the shards to write.
    written
        Called with the index of a shard, and the BLAKE3 of its file, once it stands on disk.
    """

    def __init__(self, folder: Path, wanted: list[int], written: Callable[[int, str], None]):
        self.values = zarr.open_array(folder / "values", mode="r")
        self.dtype: str = self.values.attrs["logical_dtype"]
        self.shard_rows: int = self.values.shards[0]
        self.files = [folder / name for name in shard_names(self.values, "values")]
        self.written = written
        self.wanted = set(wanted)
        self.open: dict[int, ShardFile] = {}
        self.broken = False

    def wants(self, start: int, stop: int) -> bool:
        """Whether rows start to stop touch a wanted shard."""
        return any(index in self.wanted for index in range(start // self.shard_rows, -(-stop // self.shard_rows)))

    def put(self, start: int, rows: np.ndarray) -> None:
        """Take rows (n, units) whose first is row `start` of the store; each row comes once, in order.

        Rows are float32, or as they are stored (`thresh.store.encoding`).

        Raises
        ------
        StoreError
            A value cannot be stored.
        """
        if self.broken:
            raise StoreError("a shard could not be written before; run again.")
        stop = start + len(rows)
        for index in range(start // self.shard_rows, -(-stop // self.shard_rows)):
            if index in self.wanted:
                first, last = self.bounds(index)
                low, high = max(start, first), min(stop, last)
                expected = first + (self.open[index].taken if index in self.open else 0)
                if low != expected:
                    raise StoreError(f"found row {low}, expected {expected}: rows come in order.")
                self.take(index, encode(rows[low - start : high - start], self.dtype))

    def bounds(self, index: int) -> tuple[int, int]:
        """First row of a shard and the one after its last."""
        return index * self.shard_rows, min((index + 1) * self.shard_rows, self.values.shape[0])

    def take(self, index: int, stored: np.ndarray) -> None:
        if index not in self.open:
            self.open[index] = self.begun(index)
        shard = self.open[index]
        try:
            digest = shard.close() if shard.take(stored) else None
        except BaseException:
            # A shard of which a part was lost is begun anew by another run; it takes no more rows.
            shard.abandon()
            self.broken = True
            raise
        if digest is not None:
            del self.open[index]
            self.wanted.discard(index)
            self.written(index, digest)

    def abandon(self) -> None:
        """Remove what was written of shards that have not all their rows."""
        for shard in self.open.values():
            shard.abandon()

    def begun(self, index: int) -> ShardFile:
        first, last = self.bounds(index)
        return ShardFile(
            self.files[index],
            chunk_rows=self.values.chunks[0],
            chunks=self.shard_rows // self.values.chunks[0],
            rows=last - first,
            units=self.values.shape[1],
            dtype=self.values.dtype,
            compress=compression_of(self.values) == "blosc",
        )
