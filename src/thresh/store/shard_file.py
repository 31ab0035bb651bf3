"""One shard of a Zarr array, written a chunk at a time; `thresh.store.shards` tells how its file is made up."""

import os
from pathlib import Path

import google_crc32c
import numpy as np
from blake3 import blake3
from numcodecs.blosc import Blosc

from thresh.store.shards import ABSENT

# As BloscCodec(cname="lz4", shuffle="bitshuffle") of `thresh.store.arrays.create_array` packs a chunk.
PACKING = {"cname": "lz4", "clevel": 5, "shuffle": Blosc.BITSHUFFLE}

# Bytes at the end of a file that may be on their way to the disk.
BEHIND = 2**23


class ShardFile:
    """Takes the rows of one shard in order and puts the file in its place once the last is there.

    No more than one chunk is in memory, and the file is written beside its place and synchronised with the disk before
    it is put there, so that a shard that stands is whole, even after a power cut.

    Parameters
    ----------
    path
        Place of the shard.
    chunk_rows, chunks
        Rows of a chunk and chunks of a whole shard.
    rows
        Rows that this shard has; the last one of an array may have fewer than there is room for.
    units, dtype
        Columns, and their type on disk.
    compress
        Whether chunks are packed by Blosc.
    """

    def __init__(
        self, path: Path, *, chunk_rows: int, chunks: int, rows: int, units: int, dtype: np.dtype, compress: bool
    ):
        self.path = path
        self.partial = path.with_name(f".{path.name}.partial")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.partial.open("wb", buffering=0)
        self.digest = blake3()
        self.compress = compress
        self.rows = rows
        self.units, self.dtype = units, dtype.newbyteorder("<")
        self.chunk_rows = chunk_rows
        self.taken = self.held = 0
        self.offset = self.begin = self.checksum = 0
        self.packed: list[np.ndarray] = []
        self.index = np.full((chunks, 2), ABSENT, "<u8")

    def take(self, stored: np.ndarray) -> bool:
        """Take rows (n, units) as they are stored; returns whether they were the last."""
        while len(stored):
            part = stored[: self.chunk_rows - self.held]
            self.put(part)
            self.held += len(part)
            self.taken += len(part)
            stored = stored[len(part) :]
            if self.held == self.chunk_rows or self.taken == self.rows:
                self.end_chunk()
        return self.taken == self.rows

    def put(self, part: np.ndarray) -> None:
        """Take rows of one chunk: what is packed waits for the others, the rest goes to the file at once."""
        part = np.ascontiguousarray(part, self.dtype)
        if self.compress:
            self.packed.append(part.copy())
        else:
            self.append(part.reshape(-1).view(np.uint8))

    def end_chunk(self) -> None:
        number = (self.taken - 1) // self.chunk_rows
        # The last chunk is as large as the others.
        self.put(np.zeros((self.chunk_rows - self.held, self.units), self.dtype))
        if self.compress:
            content = Blosc(**PACKING).encode(np.concatenate(self.packed))
            self.append(np.frombuffer(content, np.uint8))
            self.packed = []
        self.end_checked()
        self.index[number] = self.begin, self.offset - self.begin
        self.send_off()
        self.begin, self.held = self.offset, 0

    def append(self, content: np.ndarray) -> None:
        """Append bytes (n,) uint8."""
        self.checksum = google_crc32c.extend(self.checksum, content)
        self.digest.update(content)
        self.offset += len(content)
        while len(content):
            content = content[self.file.write(content) :]

    def end_checked(self) -> None:
        """Append the checksum of what was appended since the last one."""
        self.append(np.array([self.checksum], "<u4").view(np.uint8))
        self.checksum = 0

    def send_off(self) -> None:
        """Have the end of the file written to the disk now, and what is there leave the page cache.

        A harvest is read much later. Left to the system, its pages would push out those of others, and each would have
        to be found anew: on a virtual machine that takes longer than to write them.
        """
        if hasattr(os, "posix_fadvise"):
            begin = max(self.offset - BEHIND, 0)
            os.posix_fadvise(self.file.fileno(), begin, self.offset - begin, os.POSIX_FADV_DONTNEED)

    def abandon(self) -> None:
        """Remove what was written, after an error."""
        self.file.close()
        self.partial.unlink(missing_ok=True)

    def close(self) -> str:
        """End the file and put it in its place; returns its BLAKE3 (64 hex digits)."""
        self.append(self.index.reshape(-1).view(np.uint8))
        self.end_checked()
        os.fsync(self.file.fileno())
        self.send_off()
        self.file.close()
        self.partial.replace(self.path)
        return self.digest.hexdigest()
