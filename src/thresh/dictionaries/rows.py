"""Where training rows come from: an array in memory, or a store on disk, through one small protocol."""

from collections.abc import Iterator
from typing import Protocol

import numpy as np
from torch import Tensor

from thresh.errors import DictionaryError

# Rows that are mixed before batches are cut: more mix better, two buffers stand in memory.
BUFFER_BYTES = 2**27
BUFFER_ROWS = (65536, 524288)


class Rows(Protocol):
    """Rows of activations, read in batches.

    Attributes
    ----------
    shape : (rows, units)
    """

    shape: tuple[int, int]

    def batches(
        self, batch_size: int, seed: int, epoch: int, start_batch: int = 0, part: int = 0, parts: int = 1
    ) -> Iterator[np.ndarray]:
        """Float32 (batch, units); every row once an epoch, in an order that (seed, epoch, part, parts) fix.

        The order does not depend on the size of the batches. Parts share no row, and together have all.

        A source may also have `numbers(seed, epoch, part, parts)`: which of its rows these are, (rows of the part,)
        integers below `shape[0]` in that order. Without it, methods cannot go on from what they know of a row.
        """


class ArrayRows:
    """Rows of an array (rows, units), NumPy or torch.

    Raises
    ------
    DictionaryError
        It is not a matrix, or a value is not finite (names the row).
    """

    def __init__(self, x):
        x = x.detach().cpu().numpy() if isinstance(x, Tensor) else np.asarray(x)
        if x.ndim != 2 or 0 in x.shape:
            raise DictionaryError(f"activations have shape {x.shape}, expected (rows, units), neither of them 0.")
        if x.dtype.kind not in "biuf":
            raise DictionaryError(f"activations are of type {x.dtype}, expected real numbers.")
        bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
        if len(bad):
            raise DictionaryError(f"activations: row {bad[0]} has a value that is not finite.")
        self.x = x
        self.shape = x.shape

    def batches(
        self, batch_size: int, seed: int, epoch: int, start_batch: int = 0, part: int = 0, parts: int = 1
    ) -> Iterator[np.ndarray]:
        order = self.numbers(seed, epoch, part, parts)
        for begin in range(start_batch * batch_size, len(order), batch_size):
            yield self.x[order[begin : begin + batch_size]].astype(np.float32, copy=False)

    def numbers(self, seed: int, epoch: int, part: int = 0, parts: int = 1) -> np.ndarray:
        order = np.random.default_rng([seed, epoch]).permutation(len(self.x))
        return order[len(order) * part // parts : len(order) * (part + 1) // parts]


class StoreRows:
    """Rows of an activations store.

    Parameters
    ----------
    store
        As `thresh.store.open_activations` gives it.
    select : (rows,) boolean, optional
        Rows to use; all by default.
    """

    def __init__(self, store, select: np.ndarray | None = None):
        rows, units = store.values.shape
        if select is not None and np.shape(select) != (rows,):
            raise DictionaryError(f"select has shape {np.shape(select)}, expected ({rows},) as the store has rows.")
        self.store = store
        self.select = None if select is None else np.asarray(select, dtype=bool)
        self.shape = (rows if select is None else int(self.select.sum()), units)
        self.buffer_rows = int(np.clip(BUFFER_BYTES // (2 * units), *BUFFER_ROWS))

    def batches(
        self, batch_size: int, seed: int, epoch: int, start_batch: int = 0, part: int = 0, parts: int = 1
    ) -> Iterator[np.ndarray]:
        from thresh.store import shuffled_batches

        return shuffled_batches(
            self.store,
            batch_size,
            seed,
            epoch=epoch,
            buffer_rows=self.buffer_rows,
            select=self.select,
            start_batch=start_batch,
            part=part,
            parts=parts,
        )

    def numbers(self, seed: int, epoch: int, part: int = 0, parts: int = 1) -> np.ndarray:
        """Among the rows that are used."""
        from thresh.store.row_numbers import shuffled_numbers

        numbers = shuffled_numbers(self.store, seed, epoch, self.buffer_rows, self.select, part, parts)
        return numbers if self.select is None else (np.cumsum(self.select) - 1)[numbers]


class ColumnsOfRows:
    """Some units of rows that stand side by side."""

    def __init__(self, rows: Rows, begin: int, end: int):
        self.rows, self.begin, self.end = rows, begin, end
        self.shape = (rows.shape[0], end - begin)

    def batches(self, *arguments, **options) -> Iterator[np.ndarray]:
        for batch in self.rows.batches(*arguments, **options):
            yield np.ascontiguousarray(batch[:, self.begin : self.end])


def as_rows(x) -> Rows:
    """What was given, if it has `batches`; else an array's rows."""
    return x if hasattr(x, "batches") else ArrayRows(x)
