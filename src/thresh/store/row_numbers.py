"""Which rows the batches of an epoch hold: their order, found without reading them."""

import numpy as np

from thresh.store.activations import Activations
from thresh.store.shards import ChunkReader
from thresh.store.shuffle import plan_epoch, read_buffer


def shuffled_numbers(
    store: Activations,
    seed: int,
    epoch: int = 0,
    buffer_rows: int = 65536,
    select: np.ndarray | None = None,
    part: int = 0,
    parts: int = 1,
) -> np.ndarray:
    """Numbers of the store's rows (rows of the part,) in the order in which `shuffled_batches` gives them.

    Parameters as there. No row is read: the numbers are laid out and mixed in their place.
    """
    plan = plan_epoch(store, seed, epoch, buffer_rows, select, part, parts)
    reader = NumberReader(store.reader)
    return np.concatenate([read_buffer(reader, plan, buffer)[:, 0] for buffer in range(len(plan.edges) - 1)])


class NumberReader:
    """Chunks (rows, 1) with the number of each row, where a reader would give the row."""

    stored = np.dtype(np.int64)

    def __init__(self, reader: ChunkReader):
        self.span = reader.span
        self.shape = (reader.shape[0], 1)

    def chunk(self, chunk: int) -> np.ndarray:
        return np.arange(*self.span(chunk))[:, None]
