"""Some rows or units of a source: the stimuli that two systems share, atoms that are active often enough."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from thresh.alignment.at_size.reading import BLOCK_ROWS
from thresh.alignment.at_size.sources import Source, as_source
from thresh.errors import AlignmentError


class PickedRows(Source):
    """Rows of another source, by their numbers, which rise."""

    def __init__(self, source: Source, rows: np.ndarray):
        self.source, self.rows = source, rows
        self.shape, self.sparse = (len(rows), source.shape[1]), source.sparse
        self.span = max(BLOCK_ROWS, source.chunk_rows)

    def read(self, start: int, stop: int) -> np.ndarray | sparse.csr_array:
        rows = self.rows[start:stop]
        # Rows that lie far apart are read a span at a time, so that what lies between is never held as a whole.
        edges = np.flatnonzero(np.diff(rows // self.span)) + 1
        found = [self.source.read(int(some[0]), int(some[-1]) + 1)[some - some[0]] for some in np.split(rows, edges)]
        return sparse.vstack(found, format="csr") if self.sparse else np.concatenate(found)


def picked(values: Any, rows: ArrayLike) -> PickedRows:
    """Some rows of responses, for the functions of `at_size`.

    Parameters
    ----------
    values : (all rows, units)
        Whatever these functions take.
    rows : (stimuli,) int
        Numbers of the rows, rising: rows are read in the order of the store. Two systems whose stimuli stand in
        different orders must be brought into one order when they are harvested.

    Raises
    ------
    AlignmentError
        They do not rise, or are not rows of `values`.
    """
    source, rows = as_source(values), np.asarray(rows, dtype=np.int64)
    if not len(rows) or rows[0] < 0 or rows[-1] >= source.shape[0] or (np.diff(rows) <= 0).any():
        raise AlignmentError(f"rows: found {rows}, expected rising numbers from 0 to {source.shape[0] - 1}.")
    if isinstance(source, PickedRows):
        return PickedRows(source.source, source.rows[rows])
    return PickedRows(source, rows)


class PickedUnits(Source):
    """Units of another source, by their numbers."""

    def __init__(self, source: Source, units: np.ndarray):
        self.source, self.units = source, units
        self.shape, self.sparse = (source.shape[0], len(units)), source.sparse
        self.chunk_rows = source.chunk_rows

    def read(self, start: int, stop: int) -> np.ndarray | sparse.csr_array:
        return self.source.read(start, stop)[:, self.units]


def picked_units(values: Any, units: ArrayLike) -> PickedUnits:
    """Some units of responses, for the functions of `at_size`: other atoms are never held.

    Parameters
    ----------
    values : (rows, all units)
        Whatever these functions take.
    units : (units,) int
        Numbers of the units.

    Raises
    ------
    AlignmentError
        There are none, or they are not units of `values`.
    """
    source, units = as_source(values), np.asarray(units, dtype=np.int64)
    if not len(units) or units.min() < 0 or units.max() >= source.shape[1]:
        raise AlignmentError(f"units: found {units}, expected numbers from 0 to {source.shape[1] - 1}.")
    return PickedUnits(source, units)
