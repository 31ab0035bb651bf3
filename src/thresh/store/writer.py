"""Writing shards whole: rows arrive in any portions, a shard is written once when its last row is there."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import zarr

from thresh.store.arrays import shard_names
from thresh.store.encoding import encode


class ShardWriter:
    """Collects rows of one store and hands each wanted shard over whole.

    Parameters
    ----------
    folder
        A store laid out by `lay_out_activations`.
    wanted
        Indices of the shards to write.
    written
        Called with the index of a shard once it stands on disk.
    """

    def __init__(self, folder: Path, wanted: list[int], written: Callable[[int], None]):
        # Zarr does not keep this setting with an array: without it a shard of zeros would not be written at all.
        with zarr.config.set({"array.write_empty_chunks": True}):
            self.values = zarr.open_array(folder / "values", mode="r+")
        self.dtype: str = self.values.attrs["logical_dtype"]
        self.shard_rows = self.values.shards[0]
        self.files = [folder / name for name in shard_names(self.values, "values")]
        self.written = written
        self.wanted = set(wanted)
        self.open: dict[int, tuple[np.ndarray, int]] = {}

    def span(self) -> tuple[int, int]:
        """First row that is wanted and the row after the last; (0, 0) when nothing is."""
        if not self.wanted:
            return 0, 0
        return min(self.wanted) * self.shard_rows, min((max(self.wanted) + 1) * self.shard_rows, self.values.shape[0])

    def wants(self, start: int, stop: int) -> bool:
        """Whether rows start to stop touch a wanted shard."""
        return any(index in self.wanted for index in range(start // self.shard_rows, -(-stop // self.shard_rows)))

    def put(self, start: int, rows: np.ndarray) -> None:
        """Take rows (n, units) float32 whose first is row `start` of the store; each row comes once, in order.

        Raises
        ------
        StoreError
            A value cannot be stored.
        """
        stop = start + len(rows)
        for index in range(start // self.shard_rows, -(-stop // self.shard_rows)):
            if index in self.wanted:
                first, last = index * self.shard_rows, min((index + 1) * self.shard_rows, self.values.shape[0])
                low, high = max(start, first), min(stop, last)
                self.fill(index, first, last, low, encode(rows[low - start : high - start], self.dtype))

    def fill(self, index: int, first: int, last: int, low: int, stored: np.ndarray) -> None:
        buffer, filled = self.open.pop(index, (None, 0))
        if buffer is None:
            buffer = np.empty((last - first, self.values.shape[1]), self.values.dtype)
        buffer[low - first : low - first + len(stored)] = stored
        filled += len(stored)
        if filled < last - first:
            self.open[index] = (buffer, filled)
        else:
            # Zarr would read what is there of the last, shorter shard, and stumble where that is damaged.
            self.files[index].unlink(missing_ok=True)
            self.values[first:last] = buffer
            self.wanted.discard(index)
            self.written(index)
