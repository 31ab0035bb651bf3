"""The planted model behind `theory`: which features two systems hold, and how each mixes them into its units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from thresh.errors import ConfigError

MIXINGS = ("gaussian", "unit_norm", "orthonormal")


@dataclass(frozen=True)
class Spectra:
    """Variances of the features of side a, of side b, and of the shared ones."""

    a: np.ndarray
    b: np.ndarray
    shared: np.ndarray


def spectra(
    features_a: int, features_b: int | None = None, shared: int | None = None, spectrum: ArrayLike | None = None
) -> Spectra:
    """Variances by side. By default b holds the same features as a, and all variances are 1.

    Parameters
    ----------
    features_a, features_b
        Features each side holds; features_b defaults to features_a.
    shared
        Features both hold; by default all of the smaller side.
    spectrum : (features_a + features_b - shared,)
        Variances of all features: first the shared ones, then those of a alone, then those of b alone.
    """
    features_b = features_a if features_b is None else features_b
    smaller = min(features_a, features_b)
    shared = smaller if shared is None else shared
    for key, value in (("features_a", features_a), ("features_b", features_b)):
        if value < 1:
            raise ConfigError(key, value, "at least 1 feature")
    if not 0 <= shared <= smaller:
        raise ConfigError("shared", shared, f"between 0 and the features of the smaller side ({smaller})")
    everything = features_a + features_b - shared
    variances = np.ones(everything) if spectrum is None else np.asarray(spectrum, dtype=float)
    if variances.shape != (everything,):
        raise ConfigError("spectrum", f"shape {variances.shape}", f"one variance for each of {everything} features")
    if not (np.isfinite(variances) & (variances > 0)).all():
        raise ConfigError("spectrum", "a variance that is not positive", "positive variances")
    return Spectra(
        a=variances[:features_a],
        b=np.concatenate([variances[:shared], variances[features_a:]]),
        shared=variances[:shared],
    )


def squared_gram(units: int, features: int, mixing: str) -> tuple[float, float]:
    """E G_ii^2 and E G_ij^2 of one side's mixing."""
    if units < 1:
        raise ConfigError("units", units, "at least 1 unit")
    if mixing == "gaussian":
        return 1 + 2 / units, 1 / units
    if mixing == "unit_norm":
        return 1.0, 1 / units
    if mixing != "orthonormal":
        raise ConfigError("mixing", mixing, f"one of {', '.join(MIXINGS)}")
    if units > features:
        raise ConfigError("units", units, f"at most the number of features ({features}) for orthonormal rows")
    diagonal = features * (units + 2) / (units * (features + 2))
    if features == 1:
        return diagonal, 0.0
    return diagonal, features * (features - units) / (units * (features - 1) * (features + 2))


def own_alignments(features: Spectra, units: tuple[int, int], mixing: str | tuple[str, str]) -> list[float]:
    """E tr(G L G L) of either side."""
    found = []
    for variances, count, name in zip((features.a, features.b), units, by_side(mixing), strict=True):
        diagonal, other = squared_gram(count, len(variances), name)
        squares = np.square(variances).sum()
        found.append(squares * diagonal + (variances.sum() ** 2 - squares) * other)
    return found


def own_fourths(features: Spectra, units: tuple[int, int], mixing: str | tuple[str, str]) -> list[float]:
    """E sum l_i^2 G_ii^2 of either side, the weight of the kurtosis."""
    return [
        np.square(variances).sum() * squared_gram(count, len(variances), name)[0]
        for variances, count, name in zip((features.a, features.b), units, by_side(mixing), strict=True)
    ]


def by_side(mixing: str | tuple[str, str]) -> tuple[str, str]:
    return (mixing, mixing) if isinstance(mixing, str) else tuple(mixing)
