"""Chunks read straight from the files of a sharded Zarr array, each checked against its checksum.

A shard is the bytes of its chunks, each followed by its CRC-32C, and at the end an index: offset and length of every
chunk as 64-bit numbers, and the index's own CRC-32C (Zarr v3, sharding_indexed). Reading that directly is several
times as fast as Zarr in Python. Files are read and not mapped: a cut file is then an error, not a signal that ends the
process, and pages of the file do not count as this process's memory.
"""

import os
from io import FileIO
from pathlib import Path

import google_crc32c
import numpy as np
import zarr
from numcodecs.blosc import Blosc
from zarr.codecs import BloscCodec, BytesCodec, Crc32cCodec, ShardingCodec

from thresh.errors import StoreError
from thresh.store.arrays import shard_names
from thresh.store.encoding import decode

CHECKSUM = 4  # bytes of a CRC-32C
ABSENT = 2**64 - 1  # offset, in the index, of a chunk that was never written


class ChunkReader:
    """Rows of the array `values` of a store.

    Arrays with other codecs than thresh writes are read by Zarr.

    Parameters
    ----------
    path
        Folder of the store; it need not be sealed.
    values
        Its array (rows, units), which is opened if it is not given.

    Attributes
    ----------
    shape, chunk_rows, stored
        (rows, units), rows of a chunk, type on disk.
    """

    def __init__(self, path: str | Path, values: zarr.Array | None = None):
        self.path = Path(path)
        self.values = zarr.open_array(self.path / "values", mode="r") if values is None else values
        self.shape: tuple[int, int] = self.values.shape
        self.chunk_rows: int = self.values.chunks[0]
        self.stored: np.dtype = self.values.dtype
        self.dtype: str = self.values.attrs["logical_dtype"]
        self.chunks_of_a_shard = (self.values.shards or self.values.chunks)[0] // self.chunk_rows
        self.files = [self.path / name for name in shard_names(self.values, "values")]
        self.compression = compression_of(self.values)

    def span(self, chunk: int) -> tuple[int, int]:
        """First row of a chunk and the row after its last."""
        return chunk * self.chunk_rows, min((chunk + 1) * self.chunk_rows, self.shape[0])

    def chunk(self, chunk: int) -> np.ndarray:
        """Rows of a chunk as they are stored (rows, units).

        Raises
        ------
        StoreError
            The shard is missing, cut, or has a byte that differs from what was written; names the file.
        """
        shard, place = divmod(chunk, self.chunks_of_a_shard)
        file, (start, stop) = self.files[shard], self.span(chunk)
        try:
            if self.compression is None:
                # Zarr reads a missing shard as zeros.
                file.stat()
                return self.values[start:stop]
            return self.unpacked(chunk_bytes(file, place, self.chunks_of_a_shard))[: stop - start]
        except FileNotFoundError:
            raise StoreError(f"{file} is missing; run `snakemake verify`.") from None
        except OSError as error:
            raise StoreError(f"{file} cannot be read: {error.strerror}.") from error
        except (ValueError, RuntimeError) as error:  # RuntimeError: Blosc
            raise StoreError(
                f"{file}: rows {start} to {stop} are damaged ({error}); run `snakemake verify`."
            ) from error

    def unpacked(self, content: np.ndarray) -> np.ndarray:
        if self.compression == "blosc":
            content = np.frombuffer(Blosc().decode(content), np.uint8)
        expected = self.chunk_rows * self.shape[1] * self.stored.itemsize
        if len(content) != expected:
            raise ValueError(f"a chunk has {len(content)} bytes, expected {expected}")
        return content.view(self.stored.newbyteorder("<")).reshape(self.chunk_rows, self.shape[1])

    def read(self, start: int, stop: int) -> np.ndarray:
        """Rows start to stop as float32 (stop - start, units), as a slice counts them; raises as `chunk`."""
        start, stop, _ = slice(start, stop).indices(self.shape[0])
        found = np.empty((max(stop - start, 0), self.shape[1]), np.float32)
        for chunk in range(start // self.chunk_rows, -(-stop // self.chunk_rows) if stop > start else 0):
            first, last = self.span(chunk)
            low, high = max(first, start), min(last, stop)
            found[low - start : high - start] = decode(self.chunk(chunk)[low - first : high - first], self.dtype)
        return found


def compression_of(values: zarr.Array) -> str | None:
    """'none' or 'blosc' for chunks as thresh writes them, None for what only Zarr can read."""
    match values.metadata.codecs:
        case (ShardingCodec() as sharding,):
            pass
        case _:
            return None
    endings = [
        codec.endian.value for codec in (sharding.codecs[0], sharding.index_codecs[0]) if hasattr(codec, "endian")
    ]
    # Whole rows in a chunk, in C order; numbers of one byte have no order of bytes.
    plain = sharding.index_location.value == "end" and values.chunks[1:] == values.shape[1:] and len(endings) == 2
    match sharding.index_codecs, sharding.codecs if plain and set(endings) == {"little"} else ():
        case (BytesCodec(), Crc32cCodec()), (BytesCodec(), Crc32cCodec()):
            return "none"
        case (BytesCodec(), Crc32cCodec()), (BytesCodec(), BloscCodec(), Crc32cCodec()):
            return "blosc"
    return None


def chunk_bytes(path: Path, place: int, chunks: int) -> np.ndarray:
    """Bytes (n,) uint8 of one chunk of a shard that holds so many chunks.

    Raises
    ------
    ValueError
        Something is not as it was written.
    """
    with open(path, "rb", buffering=0) as file:
        end = os.fstat(file.fileno()).st_size - (16 * chunks + CHECKSUM)
        if end < 0:
            raise ValueError("the file is cut")
        index = checked(file, end, 16 * chunks + CHECKSUM).view("<u8").reshape(chunks, 2)
        offset, length = map(int, index[place])
        if offset == ABSENT:
            raise ValueError("they were never written")
        if length < CHECKSUM or offset + length > end:
            raise ValueError("the file is cut")
        return checked(file, offset, length)


def checked(file: FileIO, offset: int, length: int) -> np.ndarray:
    """So many bytes of a file less the checksum that ends them, which must be theirs."""
    found = np.empty(length, np.uint8)
    file.seek(offset)
    filled = 0
    while filled < length:
        taken = file.readinto(memoryview(found)[filled:])
        if not taken:
            raise ValueError("the file is cut")
        filled += taken
    content, checksum = found[:-CHECKSUM], found[-CHECKSUM:].view("<u4")[0]
    if google_crc32c.value(content) != checksum:
        raise ValueError("the checksum differs")
    return content
