"""The best-correlated atoms of one side for every atom of the other, without the matrix of all correlations.

Atoms that are never active together have a correlation of -rows offset_x offset_y, which is nearly 0. Only those that
share rows are in the sparse product X'Y, and as a rule the best are among them; where an atom's k-th best of these does
not exceed the most that any other could have, its correlations with all are looked at.
"""

from __future__ import annotations

import dask
import numpy as np
from scipy import sparse

from thresh.alignment.at_size.sparse import products_of_atoms
from thresh.alignment.at_size.unit_atoms import UnitAtoms

BLOCK_ENTRIES = 2**22  # of correlations that are looked at together: 32 MB, and some times as much on the way


def best_partners(x: UnitAtoms, y: UnitAtoms, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k atoms of x that correlate most with every atom of y, on the scheduler of dask that is set.

    Returns
    -------
    index : (atoms_y, k) int64
        Best first; of equal correlations the first atom. With k = 1 exactly the argmax over all atoms of x.
    correlation : (atoms_y, k) float64
    """
    k = min(k, len(x.offset))
    rows_of_x = x.entries.tocsr()
    size = np.minimum(products_of_atoms(y.entries, rows_of_x), len(x.offset))
    order = np.argsort(size, kind="stable")  # atoms of a block have about as many to look at
    left, offset = dask.delayed(rows_of_x, traverse=False), dask.delayed(x.offset, traverse=False)
    blocks = list(blocks_of(order, size))
    found = dask.compute(
        *(dask.delayed(best_in_block)(left, offset, y.of(atoms).entries, y.offset[atoms], k) for atoms in blocks)
    )
    index, correlation = np.empty((len(order), k), np.int64), np.empty((len(order), k))
    for atoms, (best, value) in zip(blocks, found, strict=True):
        index[atoms], correlation[atoms] = best, value
    return index, correlation


def blocks_of(order: np.ndarray, size: np.ndarray) -> list[np.ndarray]:
    """The atoms in order, as many together as a table of their partners, as wide as the last one's, may have."""
    found, first = [], 0
    while first < len(order):
        width = np.maximum(size[order[first : first + BLOCK_ENTRIES]], 1)
        fits = np.arange(1, len(width) + 1) * width <= BLOCK_ENTRIES
        count = max(int(np.argmin(fits)) if not fits.all() else len(fits), 1)
        found.append(order[first : first + count])
        first += count
    return found


def best_in_block(
    x: sparse.csr_array, offset_x: np.ndarray, y: sparse.csc_array, offset_y: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray]:
    """Best partners of the atoms of one block."""
    product = y.T @ x
    together = np.diff(product.indptr)
    atom = np.repeat(np.arange(len(offset_y)), together)
    product.data -= x.shape[0] * offset_y[atom] * offset_x[product.indices]
    width = max(int(together.max()), k)
    filled = np.arange(width) < together[:, None]
    value, index = np.full(filled.shape, -np.inf), np.zeros(filled.shape, np.int64)
    value[filled], index[filled] = product.data, product.indices
    value, index = largest(value, index, k)
    # The most that an atom of x without common rows could have.
    apart = -x.shape[0] * np.minimum(offset_y * offset_x.min(), offset_y * offset_x.max())
    unsure = np.flatnonzero(value[:, -1] <= apart)
    per = max(BLOCK_ENTRIES // len(offset_x), 1)
    for atoms in (unsure[first : first + per] for first in range(0, len(unsure), per)):
        every = -x.shape[0] * np.outer(offset_y[atoms], offset_x)
        some = product[atoms].tocoo()
        every[some.row, some.col] = some.data
        value[atoms], index[atoms] = largest(every, np.broadcast_to(np.arange(len(offset_x)), every.shape), k)
    return index, value


def largest(value: np.ndarray, index: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k largest of each row, largest first, and their indices; of equal ones the lowest index first."""
    if k == 1:
        best = value.max(axis=1, keepdims=True)
        return best, np.where(value == best, index, np.iinfo(np.int64).max).min(axis=1, keepdims=True)
    if k < value.shape[1]:
        chosen = np.argpartition(value, value.shape[1] - k, axis=1)[:, -k:]
        value, index = np.take_along_axis(value, chosen, axis=1), np.take_along_axis(index, chosen, axis=1)
    order = np.lexsort((index, -value), axis=1)
    return np.take_along_axis(value, order, axis=1), np.take_along_axis(index, order, axis=1)
