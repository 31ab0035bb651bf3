"""Reading a source a block of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from thresh.alignment.at_size.sources import Source
from thresh.errors import AlignmentError

BLOCK_ROWS = 2048
BLOCK_BYTES = 256 * 2**20  # of a block in float64, where chunks are so large that a block holds whole ones


def step_of(*dense: Source) -> int:
    """Rows of a block: whole chunks of all sources, unless their chunks are too large for that."""
    chunk = max(source.chunk_rows for source in dense)
    step = -(-BLOCK_ROWS // chunk) * chunk
    return step if 8 * step * max(source.shape[1] for source in dense) <= BLOCK_BYTES else BLOCK_ROWS


def blocks(source: Source, start: int, stop: int, step: int) -> Iterator[np.ndarray | sparse.csr_array]:
    """Rows start to stop, `step` at a time."""
    for first in range(start, stop, step):
        yield source.read(first, min(first + step, stop))


def whole(source: Source, name: str) -> sparse.csr_array:
    """All rows of sparse codes in memory, 12 bytes an entry; entries that are stored as zeros are left out.

    Raises
    ------
    AlignmentError
        A value is not finite.
    """
    codes = sparse.csr_array(sparse.vstack(list(blocks(source, 0, source.shape[0], 65536)), format="csr"))
    if not np.isfinite(codes.data).all():
        entry = np.flatnonzero(~np.isfinite(codes.data))[0]
        row = np.searchsorted(codes.indptr, entry, side="right") - 1
        raise not_finite(name, codes.data[entry], row, codes.indices[entry])
    codes.sum_duplicates()
    codes.eliminate_zeros()
    return codes


def not_finite(name: str, value: float, row: int, unit: int) -> AlignmentError:
    return AlignmentError(f"{name}: found {value} at row {row}, unit {unit}, expected finite values.")
