"""Responses that need not fit in memory, each kind read by ranges of rows: stores, arrays, codes."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

from thresh.errors import AlignmentError
from thresh.store import Activations, Codes, open_codes
from thresh.store.shards import ChunkReader


class Source:
    """One side of a comparison.

    Tasks of dask carry it to where they run: of a store it carries the path alone.

    Attributes
    ----------
    shape
        (rows, units).
    chunk_rows
        Rows that are read together at no more cost than one.
    sparse
        Whether `read` gives CSR arrays.
    """

    shape: tuple[int, int]
    chunk_rows: int = 1
    sparse: bool = False

    def read(self, start: int, stop: int) -> np.ndarray | sparse.csr_array:
        """Rows start to stop: float32 or float64 (rows, units), or a CSR array of float64."""
        raise NotImplementedError


class ActivationsRows(Source):
    def __init__(self, store: Activations):
        self.path = Path(store.path).resolve()
        self.shape, self.chunk_rows = store.shape, store.reader.chunk_rows

    @cached_property
    def reader(self) -> ChunkReader:
        return ChunkReader(self.path)

    def __getstate__(self) -> dict:
        return {name: value for name, value in self.__dict__.items() if name != "reader"}

    def read(self, start: int, stop: int) -> np.ndarray:
        return self.reader.read(start, stop)


class CodesRows(Source):
    sparse = True

    def __init__(self, store: Codes):
        self.path = Path(store.path).resolve()
        self.shape = store.shape

    @cached_property
    def codes(self) -> Codes:
        return open_codes(self.path)

    def __getstate__(self) -> dict:
        return {name: value for name, value in self.__dict__.items() if name != "codes"}

    def read(self, start: int, stop: int) -> sparse.csr_array:
        return self.codes.read(start, stop).astype(np.float64)


class SparseRows(Source):
    sparse = True

    def __init__(self, codes: Any):
        self.codes = sparse.csr_array(codes)
        self.shape = self.codes.shape

    def read(self, start: int, stop: int) -> sparse.csr_array:
        return self.codes[start:stop].astype(np.float64)


class ReadableRows(Source):
    """Anything else that has a shape and reads ranges of rows, such as several stores side by side."""

    def __init__(self, store: Any):
        self.store, self.shape = store, tuple(store.shape)

    def read(self, start: int, stop: int) -> np.ndarray:
        return self.store.read(start, stop)


class ArrayRows(Source):
    """A NumPy array or memory map, a torch tensor, an array of dask or Zarr: whatever has a shape and slices."""

    def __init__(self, array: Any):
        self.array = array
        self.shape = tuple(array.shape)
        first = (getattr(array, "chunks", None) or (1,))[0]
        self.chunk_rows = first[0] if isinstance(first, tuple) else first

    def read(self, start: int, stop: int) -> np.ndarray:
        block = self.array[start:stop]
        if hasattr(block, "compute"):
            block = block.compute(scheduler="synchronous")  # it is read inside a task of dask
        if hasattr(block, "detach"):
            block = block.detach().cpu().double()
        block = np.asarray(block)
        try:
            return block.astype(np.float32 if block.dtype in (np.float16, np.float32) else np.float64, copy=False)
        except (TypeError, ValueError) as error:
            raise AlignmentError(f"found values that are not numbers, expected (stimuli, units): {error}.") from None


def as_source(values: Any, name: str = "x") -> Source:
    """The source of whatever holds responses (rows, units).

    Raises
    ------
    AlignmentError
        It is not two-dimensional, or empty.
    """
    if isinstance(values, Source):
        return values
    if isinstance(values, Activations):
        source = ActivationsRows(values)
    elif isinstance(values, Codes):
        source = CodesRows(values)
    elif sparse.issparse(values):
        source = SparseRows(values)
    elif hasattr(values, "read") and hasattr(values, "shape"):
        source = ReadableRows(values)
    else:
        source = ArrayRows(values if hasattr(values, "shape") else np.asarray(values))
    if len(source.shape) != 2 or 0 in source.shape:
        raise AlignmentError(f"{name}: found shape {source.shape}, expected (stimuli, units), neither of them 0.")
    return source


def paired_sources(x: Any, y: Any, minimum: int = 2) -> tuple[Source, Source]:
    """Both sides as sources of the same stimuli.

    Raises
    ------
    AlignmentError
        As `as_source`; row counts differ, or there are too few.
    """
    x, y = as_source(x, "x"), as_source(y, "y")
    if x.shape[0] != y.shape[0]:
        raise AlignmentError(
            f"x and y: found {x.shape[0]} and {y.shape[0]} rows, expected the same stimuli on both sides."
        )
    if x.shape[0] < minimum:
        raise AlignmentError(f"x and y: found {x.shape[0]} stimuli, expected at least {minimum}.")
    return x, y
