"""Where training rows come from: an array in memory, or a store on disk, through one small protocol."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from torch import Tensor

from thresh.errors import DictionaryError


class Rows(Protocol):
    """Rows of activations, read in batches.

    Attributes
    ----------
    shape : (rows, units)
    """

    shape: tuple[int, int]

    def batches(self, batch_size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
        """Float32 (batch, units); every row once an epoch, in an order that (seed, epoch) fix."""


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
        bad = np.flatnonzero(~np.isfinite(x).all(axis=1))
        if len(bad):
            raise DictionaryError(f"activations: row {bad[0]} has a value that is not finite.")
        self.x = x
        self.shape = x.shape

    def batches(self, batch_size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
        order = np.random.default_rng([seed, epoch]).permutation(len(self.x))
        for begin in range(0, len(order), batch_size):
            yield self.x[order[begin : begin + batch_size]].astype(np.float32, copy=False)


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

    def batches(self, batch_size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
        from thresh.store import shuffled_batches

        return shuffled_batches(self.store, batch_size, seed, epoch=epoch, select=self.select)


def as_rows(x) -> Rows:
    """What was given, if it has `batches`; else an array's rows."""
    return x if hasattr(x, "batches") else ArrayRows(x)


@dataclass(frozen=True)
class Moments:
    """Mean (units,) and mean squared norm of rows, in float64."""

    mean: np.ndarray
    energy: float

    @property
    def variance(self) -> float:
        """Mean squared distance from the mean, summed over units."""
        return self.energy - float(self.mean @ self.mean)

    def scale(self, bias: np.ndarray | None = None) -> float:
        """Root mean square norm of the rows less `bias`."""
        if bias is None:
            return self.energy**0.5
        bias = np.asarray(bias, np.float64)
        return max(self.energy - 2 * float(bias @ self.mean) + float(bias @ bias), 0.0) ** 0.5


def moments(rows: Rows) -> Moments:
    """One pass over the rows; refuses values that are not finite and rows that are all zero."""
    total, energy, count = np.zeros(rows.shape[1]), 0.0, 0
    for batch in rows.batches(8192, 0, 0):
        batch = batch.astype(np.float64)
        total += batch.sum(axis=0)
        energy += float(np.einsum("ij,ij->", batch, batch))
        count += len(batch)
    if not (np.isfinite(energy) and np.isfinite(total).all()):
        raise DictionaryError("activations have values that are not finite, expected none.")
    if energy == 0:
        raise DictionaryError(f"activations: all {count} rows are zero, expected responses to learn from.")
    return Moments(total / count, energy / count)
