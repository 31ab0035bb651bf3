"""Centring and scaling of training rows, and the way back to raw activations."""

from collections.abc import Iterator

import numpy as np

from thresh.dictionaries.rows import Moments, Rows
from thresh.parameters import checked, one_of

NORMALISATION = one_of("none", "centre", "scale")


class NormalisedRows:
    """Rows as a learner sees them: factor * (x - shift).

    `none` leaves them, `centre` subtracts the mean, `scale` divides by one number so that the mean of |x|^2
    is the number of units. One number for all units keeps angles, so that folding back is exact and leaves
    atoms at unit norm.

    Attributes
    ----------
    shape : (rows, units)
    moments : Moments
        Of the normalised rows.
    shift : (units,) float64
    factor : float
    """

    @checked(normalise=NORMALISATION)
    def __init__(self, rows: Rows, moments: Moments, normalise: str):
        units = rows.shape[1]
        self.rows, self.shape = rows, rows.shape
        self.shift = moments.mean if normalise == "centre" else np.zeros(units)
        self.factor = (units / moments.energy) ** 0.5 if normalise == "scale" else 1.0
        self.moments = Moments(
            self.factor * (moments.mean - self.shift), self.factor**2 * moments.scale(self.shift) ** 2
        )

    def batches(self, batch_size: int, seed: int, epoch: int) -> Iterator[np.ndarray]:
        shift, factor = self.shift.astype(np.float32), np.float32(self.factor)
        for batch in self.rows.batches(batch_size, seed, epoch):
            yield (batch - shift) * factor

    def sample(self, count: int, seed: int) -> np.ndarray:
        """The first `count` rows (or all) of a shuffled epoch, (count, units)."""
        taken, size = [], 0
        for batch in self.batches(min(count, self.shape[0]), seed, 0):
            taken.append(batch)
            size += len(batch)
            if size >= count:
                break
        return np.concatenate(taken)[:count]
