"""Contents of different lengths, such as texts: one long array, and where each of them begins."""

from __future__ import annotations

import functools
import os
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

import numpy as np

from thresh.errors import StoreError

if TYPE_CHECKING:
    import zarr

# Small chunks, for a batch takes documents from all over the set; a few are kept, for neighbours share one.
CHUNK_BYTES = 256 * 2**10
SHARD_CHUNKS = 256
KEPT_CHUNKS = 128


class Ragged:
    """Arrays of one type and different lengths.

    Parameters
    ----------
    values : (elements,)
        All of them end to end: NumPy array, or one on disk (`FileArray`, Zarr array), read when it is asked for.
    offsets : (n + 1,) int64
        First element of each, and the number of elements.

    Raises
    ------
    StoreError
        The offsets do not begin at 0, rise, and end with the last element; when reading, a byte is not as written.
    """

    def __init__(self, values: np.ndarray | FileArray | zarr.Array, offsets: np.ndarray):
        self.values = values
        self.offsets = np.asarray(offsets, dtype=np.int64)
        steps = np.diff(self.offsets)
        if not len(self.offsets) or self.offsets[0] != 0 or self.offsets[-1] != values.shape[0] or (steps < 0).any():
            raise StoreError(f"found offsets that do not fit {values.shape[0]} elements; prepare the stimuli again.")
        self.chunk = functools.lru_cache(KEPT_CHUNKS)(self.read_chunk)

    @classmethod
    def of(cls, items: Iterable[np.ndarray], dtype: np.dtype | str) -> Ragged:
        """In memory, from arrays."""
        arrays = [np.asarray(item, dtype=dtype) for item in items]
        return cls(np.concatenate([np.empty(0, dtype), *arrays]), edges([len(one) for one in arrays]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """(n,) int64."""
        return np.diff(self.offsets)

    def item(self, index: int) -> np.ndarray:
        """One of the arrays.

        Raises
        ------
        IndexError
            There are fewer; an index from the end is none.
        """
        if not 0 <= index < len(self):
            raise IndexError(f"found index {index}, expected 0 to {len(self) - 1}.")
        return self.read(int(self.offsets[index]), int(self.offsets[index + 1]))

    def read(self, start: int, stop: int) -> np.ndarray:
        """Elements start to stop of the long array."""
        if isinstance(self.values, np.ndarray | FileArray):
            return self.values[start:stop]
        rows = self.values.chunks[0]
        first = start // rows
        chunks = [self.chunk(number) for number in range(first, -(-stop // rows))]
        whole = chunks[0] if len(chunks) == 1 else np.concatenate([np.empty(0, self.values.dtype), *chunks])
        return whole[start - first * rows : stop - first * rows]

    def read_chunk(self, number: int) -> np.ndarray:
        rows = self.values.chunks[0]
        return read_rows(self.values, number * rows, (number + 1) * rows)


class FileArray:
    """Elements of an open file, which stays open as long as they are wanted.

    They are read and not mapped: pages of a mapped file count as memory of the process.
    """

    def __init__(self, file: BinaryIO, dtype: np.dtype, count: int):
        self.file = file
        self.dtype = dtype
        self.shape = (count,)

    def __getitem__(self, wanted: slice) -> np.ndarray:
        start, stop, _ = wanted.indices(self.shape[0])
        found = np.empty(max(stop - start, 0), self.dtype)
        filled, left = 0, memoryview(found).cast("B") if found.size else b""
        while filled < found.nbytes:  # the system hands over at most 2 GiB at once
            part = os.preadv(self.file.fileno(), [left[filled:]], start * self.dtype.itemsize + filled)
            if not part:
                raise StoreError("found the end of a temporary file too early; something has cut it.")
            filled += part
        return found


class Spool:
    """Gathers arrays in a temporary file, so that memory does not grow with their number."""

    def __init__(self, dtype: np.dtype | str):
        self.dtype = np.dtype(dtype)
        self.file = tempfile.TemporaryFile(prefix="thresh-")  # noqa: SIM115 - lives as long as what is read from it
        self.lengths = array("q")

    def append(self, values: np.ndarray | bytes) -> None:
        found = np.frombuffer(values, self.dtype) if isinstance(values, bytes) else np.asarray(values, self.dtype)
        self.file.write(np.ascontiguousarray(found).data)
        self.lengths.append(len(found))

    def ragged(self) -> Ragged:
        """All that was appended, read from the file when it is asked for."""
        self.file.flush()
        offsets = edges(self.lengths)
        return Ragged(FileArray(self.file, self.dtype, int(offsets[-1])), offsets)


def edges(lengths: Iterable[int]) -> np.ndarray:
    """Where each begins, and where the last one ends."""
    return np.concatenate([[0], np.cumsum(np.asarray(lengths, dtype=np.int64))]).astype(np.int64)


def read_rows(values: np.ndarray | FileArray | zarr.Array, start: int, stop: int) -> np.ndarray:
    """Rows of an array in memory or in a store.

    Raises
    ------
    StoreError
        A byte of them is not as it was written.
    """
    try:
        return np.asarray(values[start:stop])
    except ValueError as error:  # zarr's checksum codecs raise it
        raise StoreError(f"{values.store_path} is damaged ({error}); run `snakemake verify`.") from error


def write_ragged(group: zarr.Group, name: str, ragged: Ragged) -> None:
    """Write `values` and `offsets` into a new group, a shard at a time."""
    from thresh.store.arrays import create_array, write_array
    from thresh.store.layout import Layout, power_of_two

    inner = group.require_group(name)
    write_array(inner, "offsets", ragged.offsets, ("edge",))
    total, dtype = ragged.values.shape[0], ragged.values.dtype
    chunk = min(power_of_two(CHUNK_BYTES / dtype.itemsize), power_of_two(total))
    layout = Layout(chunk, chunk * min(SHARD_CHUNKS, max(-(-total // chunk), 1)))
    written = create_array(inner, "values", (total,), dtype, ("element",), layout)
    for start, block in blocks(ragged, layout.shard_rows):
        written[start : start + len(block)] = block


def blocks(ragged: Ragged, rows: int) -> Iterator[tuple[int, np.ndarray]]:
    total = ragged.values.shape[0]
    for start in range(0, total, rows):
        yield start, read_rows(ragged.values, start, min(start + rows, total))


def open_ragged(group: zarr.Group) -> Ragged:
    """What `write_ragged` wrote; the values stay on disk."""
    from thresh.store.arrays import read_array

    return Ragged(group["values"], read_array(group["offsets"]))
