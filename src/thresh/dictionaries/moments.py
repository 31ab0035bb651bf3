"""Moments of training rows, in float64."""

from dataclasses import dataclass

import numpy as np

from thresh.dictionaries.rows import Rows
from thresh.errors import DictionaryError

BLOCK_ROWS = 8192


@dataclass(frozen=True)
class Moments:
    """Mean (units,) and mean squared norm of rows; their covariance (units, units) where it was asked for."""

    mean: np.ndarray
    energy: float
    covariance: np.ndarray | None = None

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

    def less(self, shift: np.ndarray) -> "Moments":
        """Of rows from which a shift (units,) is taken."""
        return Moments(self.mean - shift, self.scale(shift) ** 2, self.covariance)


def moments(rows: Rows, *, covariance: bool = False) -> Moments:
    """One pass over the rows.

    Parameters
    ----------
    covariance
        Whether the covariance is wanted too; it costs rows * units^2.

    Raises
    ------
    DictionaryError
        A value is not finite, or all rows are zero.
    """
    units = rows.shape[1]
    total, energy, count, origin = np.zeros(units), 0.0, 0, None
    scatter = np.zeros((units, units)) if covariance else None
    for batch in rows.batches(BLOCK_ROWS, 0, 0):
        batch = batch.astype(np.float64)
        total += batch.sum(axis=0)
        energy += float(np.einsum("ij,ij->", batch, batch))
        count += len(batch)
        if covariance:
            # About a point near the mean, so that no digits are lost.
            origin = batch.mean(axis=0) if origin is None else origin
            batch -= origin
            scatter += batch.T @ batch
    if not (np.isfinite(energy) and np.isfinite(total).all()):
        raise DictionaryError("activations have values that are not finite, expected none.")
    if energy == 0:
        raise DictionaryError(f"activations: all {count} rows are zero, expected responses to learn from.")
    mean = total / count
    if covariance:
        step = mean - origin
        scatter = scatter / count - np.outer(step, step)
    return Moments(mean, energy / count, scatter)
