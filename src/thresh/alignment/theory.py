"""What superposition alone does to alignment metrics.

A system a answers y_a = A_a z to features z: A_a (units_a, features_a) mixes the features it holds, and two systems
share some of them. Features are uncorrelated with variances l ("spectrum"); PR = (sum l)^2 / sum l^2 is their
participation ratio, the number of features when all variances are equal. Every prediction is a ratio of expectations
over independent mixings with G = A'A of unit expected diagonal; `mixing` says which:

- 'gaussian': independent normal entries; E G_ii^2 = 1 + 2/n, E G_ij^2 = 1/n;
- 'unit_norm': normal columns scaled to norm 1; E G_ii^2 = 1, E G_ij^2 = 1/n;
- 'orthonormal': n <= p orthonormal rows (a random projection), E G_ii^2 = p (n + 2) / (n (p + 2)),
  E G_ij^2 = p (p - n) / (n (p - 1) (p + 2)).

A pair of names gives each side its own.

References: Liu et al. 2026, 'Similarity of neural network representations in superposition' (arXiv 2604.00208; the
metrics as functions of G); Longon, Klindt and Khosla 2025 (arXiv 2510.03186); Murphy et al. 2024 (arXiv 2405.01012;
bias of CKA); Bach 2024 (arXiv 2303.01372; regression after random projections).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq

from thresh.alignment.superposition import by_side, spectra, squared_gram
from thresh.errors import ConfigError


def overlap(features_a: int, features_b: int, shared: int) -> float:
    """s / sqrt(p_a p_b): CKA, and matched fraction, of the features themselves (variances equal)."""
    spectra(features_a, features_b, shared)
    return shared / float(np.sqrt(features_a * features_b))


def expected_cka(
    units_a: int,
    units_b: int,
    features_a: int,
    features_b: int | None = None,
    shared: int | None = None,
    spectrum: ArrayLike | None = None,
    *,
    mixing: str | tuple[str, str] = "gaussian",
    rows: int | None = None,
) -> float:
    """Linear CKA that two mixings of shared features are expected to have.

    Equal variances, Gaussian mixing: s / sqrt(p_a p_b (1 + (p_a + 1)/n_a) (1 + (p_b + 1)/n_b)); PR for p with other
    spectra, p - 1 for p + 1 with unit-norm columns, s sqrt(n_a n_b) / (p_a p_b) with orthonormal rows. In general
    sum_shared l^2 / sqrt(S_a S_b), S = E tr(G L G L) = sum l^2 (E G_ii^2 + (PR - 1) E G_ij^2).

    Parameters
    ----------
    features_a, features_b, shared, spectrum
        See `superposition.spectra`.
    mixing
        See the module.
    rows
        Predict the biased estimate from this many stimuli, for Gaussian features: with v = rows - 1 each
        |Sigma_ab|^2 becomes |Sigma_ab|^2 (1 + 1/v) + tr Sigma_a tr Sigma_b / v. By default infinitely many, which is
        also what debiased CKA estimates.

    Returns
    -------
    float
    """
    features = spectra(features_a, features_b, shared, spectrum)
    own_a, own_b = (
        alignment_with_itself(variances, units, name)
        for variances, units, name in zip((features.a, features.b), (units_a, units_b), by_side(mixing), strict=True)
    )
    cross = np.square(features.shared).sum()
    if rows is not None:
        if rows < 2:
            raise ConfigError("rows", rows, "at least 2 stimuli")
        total_a, total_b = features.a.sum(), features.b.sum()
        cross = finite_rows(cross, total_a * total_b, rows)
        own_a, own_b = finite_rows(own_a, total_a**2, rows), finite_rows(own_b, total_b**2, rows)
    return float(cross / np.sqrt(own_a * own_b))


def alignment_with_itself(variances: np.ndarray, units: int, mixing: str) -> float:
    """E tr(G L G L) of one side."""
    diagonal, other = squared_gram(units, len(variances), mixing)
    squares = np.square(variances).sum()
    return squares * diagonal + (variances.sum() ** 2 - squares) * other


def finite_rows(squared: float, traces: float, rows: int) -> float:
    """E |sample covariance|^2 of Gaussian responses."""
    return squared * (1 + 1 / (rows - 1)) + traces / (rows - 1)


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
    exact in the mean for equal variances.

    Parameters
    ----------
    features_a, features_b, shared, spectrum
        See `superposition.spectra`.
    rows
        Predict the out-of-sample R2 of least squares fitted on this many Gaussian stimuli:
        1 - (1 - R2) (1 + 1/N) (N - 2) / (N - k - 2), k = min(n_a, p_a); a ridge does no worse. By default
        infinitely many.
    """
    features = spectra(features_a, features_b, shared, spectrum)
    if units_a < 1:
        raise ConfigError("units_a", units_a, "at least 1 unit")
    threshold = 0.0 if units_a >= features_a else captured_variance_threshold(features.a, units_a)
    r2 = float((features.shared**2 / (features.shared + threshold)).sum() / features.b.sum())
    if rows is None:
        return r2
    rank = min(units_a, features_a)
    if rows <= rank + 2:
        raise ConfigError("rows", rows, f"more than {rank + 2} stimuli for least squares on {rank} dimensions")
    return 1 - (1 - r2) * (1 + 1 / rows) * (rows - 2) / (rows - rank - 2)


def captured_variance_threshold(variances: np.ndarray, units: int) -> float:
    """t with sum l / (l + t) = units."""

    def excess(logarithm: float) -> float:
        return float((variances / (variances + np.exp(logarithm))).sum() - units)

    low = np.log(variances.min()) - np.log(len(variances)) - np.log(4)
    high = np.log(variances.sum() / units)  # sum l/(l+t) < sum l / t
    return float(np.exp(brentq(excess, low, high, xtol=1e-14)))


def expected_rsa(
    units_a: int,
    units_b: int,
    features_a: int,
    features_b: int | None = None,
    shared: int | None = None,
    spectrum: ArrayLike | None = None,
    *,
    excess_kurtosis: float = 0.0,
    mixing: str | tuple[str, str] = "gaussian",
) -> float:
    """Pearson correlation of squared Euclidean RDMs that two mixings of shared features are expected to have.

    cov(a, b) = 2 tr(G_a L G_b L) + (k/2) sum l_i^2 G_a,ii G_b,ii, for independent features of excess kurtosis k;
    the score is cov(a, b) / sqrt(cov(a, a) cov(b, b)). k = 3/q - 3 for features that are normal with probability q and
    otherwise 0. Sparse features hide superposition from RSA: at q = .02 it is .89 where CKA is .20.

    Parameters
    ----------
    features_a, features_b, shared, spectrum
        See `superposition.spectra`.
    excess_kurtosis
        Of the features, at least -2; 0 for normal ones.
    """
    if excess_kurtosis < -2:
        raise ConfigError("excess_kurtosis", excess_kurtosis, "at least -2, which no distribution goes below")
    features = spectra(features_a, features_b, shared, spectrum)
    own = []
    for variances, units, name in zip((features.a, features.b), (units_a, units_b), by_side(mixing), strict=True):
        diagonal, _ = squared_gram(units, len(variances), name)
        fourth = np.square(variances).sum() * diagonal
        own.append(2 * alignment_with_itself(variances, units, name) + excess_kurtosis / 2 * fourth)
    cross = (2 + excess_kurtosis / 2) * np.square(features.shared).sum()
    return float(cross / np.sqrt(own[0] * own[1]))


def chance_cka(rows: int, units_a: int, units_b: int) -> float:
    """Biased linear CKA of independent white Gaussian responses: sqrt(n_a n_b / ((n_a + N) (n_b + N))).

    With units correlated within a side, put their participation ratio for the number of units.
    """
    for key, value, least in (("rows", rows, 2), ("units_a", units_a, 1), ("units_b", units_b, 1)):
        if value < least:
            raise ConfigError(key, value, f"at least {least}")
    return float(np.sqrt(units_a * units_b / ((units_a + rows) * (units_b + rows))))
