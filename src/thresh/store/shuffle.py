"""Rows in random order from chunked stores, at the speed of reading them in order.

Chunks are permuted and put one after the other; buffers are stretches of that sequence, the rows of each are mixed, and
batches are cut from the buffers one after the other. Where a buffer begins and how it is mixed follows from seed, epoch
and part alone, so any batch is found without reading what comes before it: (epoch, number of batches taken) is all the
state that a trainer saves.

With documents of m rows, a share r of the variance between documents, batches of B rows and buffers of n rows, the
variance of batch means is at most 1 + (B - 1) (m - 1) r / (n - 1) times that of independent rows, from the chance that
two rows of a batch are of one document: 1.05 for B = 256, m = 128, r = 0.1, n = 65536 (benchmarks/reader.py). A
buffer of m batches (n = m B) keeps it at 1 + r, whatever the batches.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from thresh.ahead import ahead
from thresh.errors import ConfigError
from thresh.store.activations import Activations
from thresh.store.encoding import decode
from thresh.store.shards import ChunkReader


def shuffled_batches(
    store: Activations,
    batch_size: int,
    seed: int,
    epoch: int = 0,
    buffer_rows: int = 65536,
    select: np.ndarray | None = None,
    start_batch: int = 0,
    part: int = 0,
    parts: int = 1,
    stored: bool = False,
) -> Iterator[np.ndarray]:
    """Batches (batch_size, units) of one epoch; each row comes once, the last batch may be smaller.

    Two buffers are held in memory, in the stored type; one is read in a thread while the other is used.

    Parameters
    ----------
    store
        Sealed activations.
    seed, epoch
        Fix the order: equal values give equal batches.
    buffer_rows
        Fewest rows that are mixed together; 64k or more for language models, whose neighbouring rows are alike.
    select
        (rows,) boolean: rows to use; all by default.
    start_batch
        Batches to pass over, as if they had been taken: buffers before them are not read.
    part, parts
        Take one of so many parts of equal size (to one row), which share no row and together have all of them. Which
        rows a part has changes with the epoch.
    stored
        Give the stored type (bfloat16: its bits as uint16) instead of float32, for a trainer that casts on its device.

    Raises
    ------
    ConfigError
        A parameter is out of its range.
    StoreError
        A shard is missing or damaged; raised when its rows are due.
    """
    for name, value, least in (("batch_size", batch_size, 1), ("buffer_rows", buffer_rows, 1), ("parts", parts, 1)):
        if value < least:
            raise ConfigError(name, value, f"{least} or more")
    if start_batch < 0:
        raise ConfigError("start_batch", start_batch, "0 or more")
    if not 0 <= part < parts:
        raise ConfigError("part", part, f"0 to {parts - 1}, for there are {parts} parts")
    if select is not None and np.shape(select) != store.shape[:1]:
        raise ConfigError("select", np.shape(select), f"shape {store.shape[:1]}, one value a row")
    plan = plan_epoch(store, seed, epoch, buffer_rows, select, part, parts)
    found = batches_of(plan, batch_size, start_batch, lambda number: read_buffer(store.reader, plan, number))
    return found if stored else (decode(batch, store.dtype) for batch in found)


def batches_in_epoch(rows: int, batch_size: int, part: int | None = None, parts: int = 1) -> int:
    """Number of batches of one epoch, with the last and smaller one.

    Parameters
    ----------
    rows
        Rows of the store, or those selected.
    part
        Part to count for; None for as many as every part has, which is how many each rank of a data-parallel training
        must take. Parts differ by one batch at most.
    """
    first, last = part_range(rows, part or 0, parts)  # no part is smaller than the first
    return -(-(last - first) // batch_size)


def part_range(rows: int, part: int, parts: int) -> tuple[int, int]:
    return rows * part // parts, rows * (part + 1) // parts


@dataclass(frozen=True)
class Plan:
    """What one epoch of one part reads.

    Attributes
    ----------
    chunks
        Numbers of the chunks in the order of the epoch.
    starts
        (chunks + 1,) where the selected rows of each begin in the sequence of all, and the end.
    edges
        (buffers + 1,) where buffers begin in that sequence, and the end.
    """

    chunks: np.ndarray
    starts: np.ndarray
    edges: np.ndarray
    select: np.ndarray | None
    random: tuple[int, int, int]


def plan_epoch(
    store: Activations, seed: int, epoch: int, buffer_rows: int, select: np.ndarray | None, part: int, parts: int
) -> Plan:
    """Lay the buffers of a part out: whole chunks, but for those that a part shares with the next."""
    first_rows = np.arange(0, store.shape[0], store.reader.chunk_rows)
    if select is None:
        counts = np.diff(np.r_[first_rows, store.shape[0]])
    else:
        select = np.asarray(select, bool)
        counts = np.add.reduceat(select, first_rows, dtype=np.int64) if len(first_rows) else first_rows
    order = np.random.default_rng([seed, epoch]).permutation(len(counts))
    starts = np.r_[0, np.cumsum(counts[order])]
    low, high = part_range(int(starts[-1]), part, parts)
    # Buffers of equal size, but for what it takes to begin with a chunk; one chunk more, so that none is too small.
    buffers = max((high - low) // (buffer_rows + int(counts.max(initial=0))), 1)
    wanted = low + (high - low) * np.arange(1, buffers) // buffers
    edges = np.r_[low, starts[np.searchsorted(starts, wanted)], high]
    return Plan(order, starts, edges, select, (seed, epoch, part))


def batches_of(
    plan: Plan, batch_size: int, start_batch: int, read: Callable[[int], np.ndarray]
) -> Iterator[np.ndarray]:
    """Batches cut from buffers one after the other; one that straddles two takes rows of both."""
    position = int(plan.edges[0]) + start_batch * batch_size
    if position >= plan.edges[-1]:
        return
    first = int(np.searchsorted(plan.edges, position, side="right")) - 1
    skip = position - int(plan.edges[first])
    carried = None
    for buffer in ahead(read(number) for number in range(first, len(plan.edges) - 1)):
        rows, skip = buffer[skip:], 0
        if carried is not None:
            missing = batch_size - len(carried)
            carried, rows = np.concatenate([carried, rows[:missing]]), rows[missing:]
            if len(carried) < batch_size:
                continue
            yield carried
        whole = len(rows) // batch_size * batch_size
        yield from (rows[start : start + batch_size] for start in range(0, whole, batch_size))
        carried = rows[whole:].copy()  # a view would keep the buffer
        del buffer, rows
    if len(carried):
        yield carried


def read_buffer(reader: ChunkReader, plan: Plan, number: int) -> np.ndarray:
    """Rows of a buffer, mixed, as they are stored: every row is written once, to its place."""
    low, high = map(int, plan.edges[number : number + 2])
    *stream, part = plan.random
    random = np.random.default_rng(np.random.SeedSequence(stream, spawn_key=(part, number)))
    places = random.permutation(high - low)
    mixed = np.empty((high - low, reader.shape[1]), reader.stored)
    first, last = np.searchsorted(plan.starts, low, side="right") - 1, np.searchsorted(plan.starts, high)
    for place in range(first, last):
        begin, end = max(int(plan.starts[place]), low), min(int(plan.starts[place + 1]), high)
        if begin < end:
            rows = selected(reader, int(plan.chunks[place]), plan.select)
            offset = begin - int(plan.starts[place])
            mixed[places[begin - low : end - low]] = rows[offset : offset + end - begin]
    return mixed


def selected(reader: ChunkReader, chunk: int, select: np.ndarray | None) -> np.ndarray:
    rows = reader.chunk(chunk)
    return rows if select is None else rows[select[slice(*reader.span(chunk))]]
