"""How many rows go into a chunk and into a shard."""

from dataclasses import dataclass

from thresh.errors import ConfigError

# Reads are fast from 2 MiB a chunk on; a writer holds one shard of each layer in memory.
CHUNK_BYTES = 2 * 2**20
SHARD_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Layout:
    """Rows of a chunk (a power of two) and of a shard (a multiple of it)."""

    chunk_rows: int
    shard_rows: int

    def shards(self, rows: int) -> int:
        return -(-rows // self.shard_rows)


def choose_layout(rows: int, row_bytes: int, shard_rows: int | None = None) -> Layout:
    """Chunks of 2 to 4 MiB and shards of about 64 MiB; smaller where the whole array is smaller.

    Parameters
    ----------
    rows
        Rows of the array.
    row_bytes
        Bytes of one row.
    shard_rows
        Rows of a shard if the user wants another size; a power of two.

    Raises
    ------
    ConfigError
        `shard_rows` is not a power of two.
    """
    if shard_rows is not None and (shard_rows < 1 or shard_rows & (shard_rows - 1)):
        raise ConfigError("harvest.shard_rows", shard_rows, "a power of two")
    chunk = min(power_of_two(CHUNK_BYTES / row_bytes), power_of_two(rows))
    if shard_rows is not None:
        return Layout(min(chunk, shard_rows), shard_rows)
    chunks_of_a_shard = min(max(SHARD_BYTES // (chunk * row_bytes), 1), -(-rows // chunk))
    return Layout(chunk, chunk * max(chunks_of_a_shard, 1))


def power_of_two(at_least: float) -> int:
    power = 1
    while power < at_least:
        power *= 2
    return power
