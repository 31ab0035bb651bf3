"""A sparse side of a comparison: codes whose columns are centred by algebra, never made dense."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import dask
import numpy as np
from scipy import sparse

from thresh.alignment.at_size.reading import whole
from thresh.alignment.at_size.sources import Source
from thresh.errors import AlignmentError

PRODUCTS = 2**24  # of two entries, in one block of a sparse product: 12 bytes each at most


@dataclass(frozen=True, eq=False)
class ScaledRows:
    """What tasks need of sparse codes that are multiplied with a dense side: not the entries, which they read."""

    source: Source
    scale: float

    def block(self, start: int, stop: int) -> sparse.csr_array:
        """Rows start to stop, divided by the scale and not centred."""
        rows = self.source.read(start, stop)
        return rows / self.scale


@dataclass(frozen=True, eq=False)
class SparseSide:
    """Codes in memory, divided by their largest value, and the mean of their columns."""

    source: Source
    codes: sparse.csr_array
    mean: np.ndarray
    scale: float

    @classmethod
    def of(cls, source: Source, name: str) -> SparseSide:
        codes = whole(source, name)
        if not varying(codes.tocsc()).any():
            raise AlignmentError(f"{name}: found {codes.shape[1]} constant units, expected at least one that varies.")
        scale = float(np.abs(codes.data).max())
        codes.data /= scale
        return cls(source, codes, codes.sum(axis=0) / codes.shape[0], scale)

    @property
    def rows(self) -> ScaledRows:
        return ScaledRows(self.source, self.scale)

    def own(self) -> tuple[float, np.ndarray]:
        """|X'X|^2 of centred columns, and the squared norms of the centred rows, (rows,)."""
        norms = self.codes.power(2).sum(axis=1) - 2 * (self.codes @ self.mean) + self.mean @ self.mean
        return self.cross_squared(self), norms

    def cross_squared(self, other: SparseSide) -> float:
        """|X'Y|^2 of centred columns: |P|^2 - 2 n mx'P my + n^2 |mx|^2 |my|^2 with P = X'Y of the codes as they are."""
        rows = self.codes.shape[0]
        left, right = self.codes.tocsc(), dask.delayed(other.codes, traverse=False)
        blocks = atom_blocks(products_of_atoms(left, other.codes))
        squares = dask.compute(*(dask.delayed(squared)(left[:, atoms], right) for atoms in blocks))
        means = (self.codes @ self.mean) @ (other.codes @ other.mean)
        centre = (self.mean @ self.mean) * (other.mean @ other.mean)
        return float(sum(squares) - 2 * rows * means + rows**2 * centre)


def squared(left: sparse.csc_array, right: sparse.csr_array) -> float:
    product = left.T @ right
    return float(product.data @ product.data)


def products_of_atoms(codes: sparse.csc_array, other: sparse.csr_array) -> np.ndarray:
    """How many pairs of entries every atom makes with the other side, (atoms,): the work of its row of X'Y."""
    return np.bincount(
        np.repeat(np.arange(codes.shape[1]), np.diff(codes.indptr)),
        np.diff(other.indptr)[codes.indices],
        minlength=codes.shape[1],
    ).astype(np.int64)


def atom_blocks(products: np.ndarray) -> Iterator[slice]:
    """Blocks of neighbouring atoms of about as much work; one of more is a block by itself."""
    number = np.cumsum(products) // PRODUCTS
    edges = np.flatnonzero(np.diff(number, prepend=-1, append=number[-1] + 1))
    for first, last in itertools.pairwise(edges):
        yield slice(int(first), int(last))


def varying(codes: sparse.csc_array) -> np.ndarray:
    """Which columns take more than one value, (atoms,) bool. Exact; entries that are stored must not be zero."""
    active = np.diff(codes.indptr)
    varies = (active > 0) & (active < codes.shape[0])
    for atom in np.flatnonzero(active == codes.shape[0]):
        values = codes.data[codes.indptr[atom] : codes.indptr[atom + 1]]
        varies[atom] = values.min() != values.max()
    return varies
