"""One shard of a Zarr array, written a chunk at a time; `thresh.store.shards` tells how its file is made up."""

import os
from pathlib import Path

import google_crc32c
import numpy as np
from blake3 import blake3
from numcodecs.blosc import Blosc

from thresh.store.shards import ABSENT, CHECKSUM

# As BloscCodec(cname="lz4", shuffle="bitshuffle") of `thresh.store.arrays.create_array` packs a chunk.
PACKING = {"cname": "lz4", "clevel": 5, "shuffle": Blosc.BITSHUFFLE}

# Bytes at the end of a file that may be on their way to the disk.
BEHIND = 2**24


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
        self.taken = self.offset = self.held = 0
        self.chunk = np.zeros((chunk_rows, units), dtype.newbyteorder("<"))
        self.index = np.full((chunks, 2), ABSENT, "<u8")

    def take(self, stored: np.ndarray) -> bool:
        """Take rows (n, units) as they are stored; returns whether they were the last."""
        while len(stored):
            part = stored[: len(self.chunk) - self.held]
            self.chunk[self.held : self.held + len(part)] = part
            self.held += len(part)
            self.taken += len(part)
            stored = stored[len(part) :]
            if self.held == len(self.chunk) or self.taken == self.rows:
                self.write_chunk()
        return self.taken == self.rows

    def write_chunk(self) -> None:
        self.chunk[self.held :] = 0
        number = (self.taken - 1) // len(self.chunk)
        content = Blosc(**PACKING).encode(self.chunk) if self.compress else self.chunk.reshape(-1).view(np.uint8)
        self.index[number] = self.offset, len(content) + CHECKSUM
        self.write(content)
        self.send_off()
        self.held = 0

    def write(self, content: bytes | np.ndarray) -> None:
        """Append bytes and their checksum."""
        for part in (content, np.array([google_crc32c.value(content)], "<u4").tobytes()):
            view = memoryview(part)
            self.offset += len(view)
            self.digest.update(view)
            while len(view):
                view = view[self.file.write(view) :]

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
        self.write(self.index.reshape(-1).view(np.uint8))
        os.fsync(self.file.fileno())
        self.send_off()
        self.file.close()
        self.partial.replace(self.path)
        return self.digest.hexdigest()
