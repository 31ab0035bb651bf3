"""How rows are treated before learning, and the way back to raw activations."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from thresh.dictionaries.moments import Moments
from thresh.parameters import one_of

NORMALISATION = one_of("none", "centre", "scale", "whiten")
# Of the mean variance, added to each: directions that hardly vary are not blown up to the size of the others.
WHITENING_FLOOR = 1e-5


@dataclass(frozen=True)
class Transform:
    """An affine map of rows, x -> (x - shift) M.

    Attributes
    ----------
    shift : (units,) float64
    matrix : float or (units, units) float64
        M; a number stands for a multiple of the identity.
    inverse : float or (units, units) float64
    """

    shift: np.ndarray
    matrix: float | np.ndarray
    inverse: float | np.ndarray

    @property
    def is_scalar(self) -> bool:
        return isinstance(self.matrix, float)

    @property
    def is_identity(self) -> bool:
        return self.is_scalar and self.matrix == 1 and not self.shift.any()

    def __call__(self, x: Tensor) -> Tensor:
        """Transformed rows, of the dtype and device of x."""
        if self.is_identity:
            return x
        moved = x - torch.from_numpy(self.shift).to(x)
        return moved * self.matrix if self.is_scalar else moved @ torch.from_numpy(self.matrix).to(x)

    def moments(self, raw: Moments) -> Moments:
        """Moments of the transformed rows."""
        mean = times(raw.mean - self.shift, self.matrix)
        if self.is_scalar:
            return Moments(mean, self.matrix**2 * raw.scale(self.shift) ** 2)
        spread = float(np.trace(self.matrix.T @ raw.covariance @ self.matrix))
        return Moments(mean, spread + float(mean @ mean))


def transform_of(normalise: str, raw: Moments) -> Transform:
    """The map that makes rows what a method learns from.

    `none` leaves them; `centre` subtracts the mean; `scale` multiplies by one number, so that the mean of |x|^2 is the
    number of units and angles stay; `whiten` centres, turns to principal components and divides each by its standard
    deviation, M = E diag(v + floor)^-1/2 with covariance E diag(v) E' in float64.

    Parameters
    ----------
    normalise
        One of those names; or `centre_scale`, which is `centre` and then `scale`.
    raw
        Moments of the rows, with covariance for `whiten`.
    """
    units = len(raw.mean)
    if normalise == "none":
        return scaling(units, 1.0)
    if normalise == "centre":
        return Transform(raw.mean, 1.0, 1.0)
    if normalise == "scale":
        return scaling(units, float((units / raw.energy) ** 0.5))
    if normalise == "centre_scale":
        factor = float((units / raw.variance) ** 0.5) if raw.variance > 0 else 1.0
        return Transform(raw.mean, factor, 1 / factor)
    variance, vectors = np.linalg.eigh(raw.covariance)
    deviation = np.sqrt(variance.clip(min=0) + WHITENING_FLOOR * max(variance.mean(), np.finfo(float).tiny))
    return Transform(raw.mean, vectors / deviation, deviation[:, None] * vectors.T)


def scaling(units: int, factor: float) -> Transform:
    return Transform(np.zeros(units), factor, 1 / factor)


def times(x: np.ndarray, matrix: float | np.ndarray) -> np.ndarray:
    return x * matrix if isinstance(matrix, float) else x @ matrix
