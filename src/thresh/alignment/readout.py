"""How much of one system a linear read-out of another is expected to explain, under superposition."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from thresh.alignment.superposition import spectra
from thresh.errors import ConfigError
from thresh.parameters import checked, integer, optional


@checked(units_a=integer(1), rows=optional(integer(1)))
def expected_r2(
    units_a: int,
    features_a: int,
    features_b: int | None = None,
    shared: int | None = None,
    spectrum: ArrayLike | None = None,
    *,
    rows: int | None = None,
) -> float:
    """R2 with which a linear read-out of system a's units predicts the units of system b; b's size does not matter.

    Equal variances: (s / p_b) min(1, n_a / p_a). In general sum_shared l^2 / (l + t) / sum_b l with t >= 0 such that
    sum_a l / (l + t) = n_a, or 0 if a has as many units as features. An asymptotic equivalent for Gaussian mixing:
    exact in the mean for equal variances. It is the share of the variance of all units of b together; the mean over
    units of their own R2 is less where few features dominate (.64 for .66: variances 1/i, 512 features, 128 units).

    Parameters
    ----------
    features_a, features_b, shared, spectrum
        See `superposition.spectra`.
    rows
        Predict the out-of-sample R2 of least squares fitted on this many Gaussian stimuli:
        1 - (1 - R2) (N - 2) / (N - k - 2), k = min(n_a, p_a), relative to the training mean as `linear_predictivity`
        has it; relative to the true mean errors are larger by 1 + 1/N. A ridge does no worse. By default infinitely
        many.

    Raises
    ------
    ConfigError
        Systems that cannot be, or too few rows for least squares.
    """
    features = spectra(features_a, features_b, shared, spectrum)
    threshold = 0.0 if units_a >= features_a else captured_variance_threshold(features.a, units_a)
    r2 = float((features.shared**2 / (features.shared + threshold)).sum() / features.b.sum())
    if rows is None:
        return r2
    rank = min(units_a, features_a)
    if rows <= rank + 2:
        raise ConfigError("rows", rows, f"more than {rank + 2} stimuli for least squares on {rank} dimensions")
    return 1 - (1 - r2) * (rows - 2) / (rows - rank - 2)


def captured_variance_threshold(variances: np.ndarray, units: int) -> float:
    """t with sum l / (l + t) = units."""

    def excess(logarithm: float) -> float:
        return float((variances / (variances + np.exp(logarithm))).sum() - units)

    low = np.log(variances.min()) - np.log(len(variances)) - np.log(4)
    high = np.log(variances.sum() / units)  # sum l/(l+t) < sum l / t
    return float(np.exp(brentq(excess, low, high, xtol=1e-14)))
