"""Passes over rows: parts of them are summed by whichever worker is free, and merged in an order that is fixed."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import dask
import numpy as np

from thresh.alignment.at_size.reading import blocks, not_finite, step_of
from thresh.alignment.at_size.sources import Source
from thresh.errors import AlignmentError
from thresh.store.moments import tree

SUM_BYTES = 2**30  # of all parts' sums, were none of them merged
PARTS = (4, 64)


def cut(rows: int, step: int, sum_bytes: int) -> list[tuple[int, int]]:
    """Ranges of whole blocks: enough of them for the workers, few enough that their sums fit in memory.

    They do not depend on the workers, and so neither does the rounding.
    """
    steps = -(-rows // step)
    count = min(int(np.clip(SUM_BYTES // sum_bytes, *PARTS)), steps)
    edges = [min(steps * part // count * step, rows) for part in range(count + 1)]
    return list(itertools.pairwise(edges))


def summed(function: Callable, arguments: Iterable[tuple], merge: Callable) -> Any:
    """function(*arguments) for every part, merged, on the scheduler of dask that is set."""
    delayed = dask.delayed(function)
    return tree([delayed(*part) for part in arguments], merge).compute()


@dataclass(frozen=True)
class Spread:
    """Where the units lie, by group of rows.

    Attributes
    ----------
    rows : (groups,)
    total, low, high : (groups, units)
        Sum, smallest and largest value.
    """

    rows: np.ndarray
    total: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        return self.total / self.rows[:, None]

    def varies(self, groups: np.ndarray | list[int]) -> np.ndarray:
        """Which units take more than one value over the rows of these groups, (units,) bool. Exact."""
        return self.low[groups].min(axis=0) != self.high[groups].max(axis=0)


def spread_of(source: Source, name: str, groups: np.ndarray | None = None) -> Spread:
    """Where the units of a dense source lie; one pass.

    Parameters
    ----------
    groups : (rows,) int, optional
        The group of every row, counted from 0; one group of all rows if it is not given.

    Raises
    ------
    AlignmentError
        A value is not finite, or no unit varies.
    """
    groups = np.zeros(source.shape[0], np.int64) if groups is None else groups
    step = step_of(source)
    parts = cut(source.shape[0], step, 24 * source.shape[1])
    count = int(groups.max()) + 1
    found = summed(
        spread_of_rows, ((source, name, start, stop, step, groups[start:stop], count) for start, stop in parts), merged
    )
    if not found.varies(np.arange(count)).any():
        raise AlignmentError(f"{name}: found {source.shape[1]} constant units, expected at least one that varies.")
    return found


def spread_of_rows(
    source: Source, name: str, start: int, stop: int, step: int, groups: np.ndarray, count: int
) -> Spread:
    units = source.shape[1]
    rows, total = np.bincount(groups, minlength=count), np.zeros((count, units))
    low, high = np.full((count, units), np.inf), np.full((count, units), -np.inf)
    for first, block in zip(range(start, stop, step), blocks(source, start, stop, step), strict=True):
        of_block = groups[first - start : first - start + len(block)]
        for group in np.unique(of_block):
            chosen = block if count == 1 else block[of_block == group]
            low[group] = np.minimum(low[group], chosen.min(axis=0))
            high[group] = np.maximum(high[group], chosen.max(axis=0))
            if not np.isfinite([low[group], high[group]]).all():
                row, unit = np.argwhere(~np.isfinite(block))[0]
                raise not_finite(name, block[row, unit], first + row, unit)
            total[group] += chosen.sum(axis=0, dtype=np.float64)
    return Spread(rows, total, low, high)


def merged(a: Spread, b: Spread) -> Spread:
    return Spread(a.rows + b.rows, a.total + b.total, np.minimum(a.low, b.low), np.maximum(a.high, b.high))
