"""A dense side of a comparison: blocks of centred rows, and squared norms of products that are summed over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from thresh.alignment.at_size.passes import cut, spread_of, summed
from thresh.alignment.at_size.reading import step_of
from thresh.alignment.at_size.sources import Source

if TYPE_CHECKING:
    from thresh.alignment.at_size.sparse import ScaledRows

PRODUCT_BYTES = 2**29  # of the product of some columns of x with all of y; further columns take further passes


@dataclass(frozen=True, eq=False)
class DenseSide:
    """A dense source, the exact mean of its columns, and the largest deviation from it: squares neither overflow nor
    vanish when all is divided by that."""

    source: Source
    mean: np.ndarray
    scale: float

    @classmethod
    def of(cls, source: Source, name: str) -> DenseSide:
        spread = spread_of(source, name)
        mean = spread.mean[0]
        return cls(source, mean, float(max((spread.high[0] - mean).max(), (mean - spread.low[0]).max())))

    def block(self, start: int, stop: int) -> np.ndarray:
        """Rows start to stop, centred, in the precision in which they are read."""
        rows = self.source.read(start, stop)
        centred = rows - self.mean
        centred /= self.scale
        return centred.astype(rows.dtype, copy=False)

    def own(self) -> tuple[float, np.ndarray]:
        """|X'X|^2 of centred columns, and the squared norms of the centred rows, (rows,)."""
        total, units = 0.0, self.source.shape[1]
        for columns in column_pieces(units, units):
            product, norms = product_of(self, None, columns)
            # X'X is symmetric: columns before this piece have been counted with it.
            before_next = product[:, : len(product)]
            total += 2 * float(np.vdot(product, product)) - float(np.square(before_next).sum())
        return total, norms


def squared_product(x: DenseSide | ScaledRows, y: DenseSide) -> float:
    """|X'Y|^2 of centred columns."""
    total = 0.0
    for columns in column_pieces(x.source.shape[1], y.source.shape[1]):
        product, _ = product_of(x, y, columns)
        total += float(np.vdot(product, product))
    return total


def column_pieces(units_x: int, units_y: int) -> list[slice]:
    width = max(PRODUCT_BYTES // (8 * units_y), 1)
    return [slice(first, min(first + width, units_x)) for first in range(0, units_x, width)]


def product_of(x: DenseSide | ScaledRows, y: DenseSide | None, columns: slice) -> tuple[np.ndarray, np.ndarray]:
    """Some columns of X, times Y, over all rows; and the squared norms of the rows of Y.

    Without Y, times X from these columns on, and the norms of the rows of X.
    """
    other = y or x
    step = step_of(*(side.source for side in (x, other) if not side.source.sparse))
    size = (columns.stop - columns.start) * other.source.shape[1]
    parts = cut(x.source.shape[0], step, 8 * size)
    return summed(product_of_rows, ((x, y, columns, start, stop, step) for start, stop in parts), merged)


def product_of_rows(
    x: DenseSide | ScaledRows, y: DenseSide | None, columns: slice, start: int, stop: int, step: int
) -> tuple[np.ndarray, np.ndarray]:
    other, from_column = y or x, columns.start if y is None else 0
    product, norms = np.zeros((columns.stop - columns.start, other.source.shape[1] - from_column)), []
    for first in range(start, stop, step):
        last = min(first + step, stop)
        left = x.block(first, last)
        right = left if y is None else y.block(first, last)
        norms.append(np.einsum("ij,ij->i", right, right, dtype=np.float64))
        # The same columns on both sides are a symmetric product, of half the work.
        product += left[:, columns].T @ right[:, from_column:]
    return product, np.concatenate(norms)


def merged(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    return a[0] + b[0], np.concatenate([a[1], b[1]])
