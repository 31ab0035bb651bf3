"""What superposition alone does to alignment metrics.

A system a answers y_a = A_a z to features z: A_a (units_a, features_a) mixes the features it holds, and two systems
share some of them. Features are uncorrelated with variances l ("spectrum"); PR = (sum l)^2 / sum l^2 is their
participation ratio, the number of features when all variances are equal. Every prediction is a ratio of expectations
over independent mixings with G = A'A of unit expected diagonal; `mixing` says which:

- 'gaussian': independent normal entries; E G_ii^2 = 1 + 2/n, E G_ij^2 = 1/n;
- 'unit_norm': normal columns scaled to norm 1; E G_ii^2 = 1, E G_ij^2 = 1/n;
- 'orthonormal': n <= p orthonormal rows (a random projection), E G_ii^2 = p (n + 2) / (n (p + 2)),
  E G_ij^2 = p (p - n) / (n (p - 1) (p + 2)).

A pair of names gives each side its own. Features are independent; how often each is active enters through its excess
kurtosis (`sparse_kurtosis`) and only where a score has fourth moments in it: RSA, and biased CKA from few stimuli.
What independent responses score is in `thresh.alignment.chance`.

References: Liu et al. 2026, 'Similarity of neural network representations in superposition' (arXiv 2604.00208; the
metrics as functions of G); Longon, Klindt and Khosla 2025 (arXiv 2510.03186); Murphy et al. 2024 (arXiv 2405.01012;
bias of CKA); Bach 2024 (arXiv 2303.01372; regression after random projections).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.chance import (
    chance_cka,
    chance_cka_debiased_deviation,
    chance_mutual_knn,
    chance_r2,
    chance_semi_matching,
)
from thresh.alignment.readout import expected_r2
from thresh.alignment.sparsity import sparse_kurtosis
from thresh.alignment.superposition import own_alignments, own_fourths, spectra
from thresh.parameters import Rule, checked, integer, is_number, optional

__all__ = [
    "chance_cka",
    "chance_cka_debiased_deviation",
    "chance_mutual_knn",
    "chance_r2",
    "chance_semi_matching",
    "expected_cka",
    "expected_r2",
    "expected_rsa",
    "overlap",
    "sparse_kurtosis",
]

KURTOSIS = Rule("at least -2, which no distribution goes below", lambda value: is_number(value) and value >= -2)


def overlap(features_a: int, features_b: int, shared: int) -> float:
    """s / sqrt(p_a p_b): CKA, and matched fraction, of the features themselves (variances equal)."""
    spectra(features_a, features_b, shared)
    return shared / float(np.sqrt(features_a * features_b))


@checked(rows=optional(integer(2)), excess_kurtosis=KURTOSIS)
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
    excess_kurtosis: float = 0.0,
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
        Predict the biased estimate from this many stimuli: with v = rows - 1 and k the excess kurtosis each
        |Sigma_ab|^2 becomes |Sigma_ab|^2 (1 + 1/v) + tr Sigma_a tr Sigma_b / v + k / rows sum l_i^2 G_a,ii G_b,ii. By
        default infinitely many, which is also what debiased CKA estimates.
    excess_kurtosis
        Of the features, see `sparse_kurtosis`; 0 for normal ones. Without `rows` it does not matter.

    Returns
    -------
    float

    Raises
    ------
    ConfigError
        Systems that cannot be, an unknown mixing, fewer than 2 rows, a kurtosis below -2.
    """
    features = spectra(features_a, features_b, shared, spectrum)
    own_a, own_b = own_alignments(features, (units_a, units_b), mixing)
    cross = np.square(features.shared).sum()
    if rows is not None:
        fourth_a, fourth_b = own_fourths(features, (units_a, units_b), mixing)
        total_a, total_b = features.a.sum(), features.b.sum()
        fourth, cross = cross, finite_rows(cross, total_a * total_b, rows)
        cross += excess_kurtosis / rows * fourth
        own_a = finite_rows(own_a, total_a**2, rows) + excess_kurtosis / rows * fourth_a
        own_b = finite_rows(own_b, total_b**2, rows) + excess_kurtosis / rows * fourth_b
    return float(cross / np.sqrt(own_a * own_b))


def finite_rows(squared: float, traces: float, rows: int) -> float:
    """E |sample covariance|^2 of Gaussian responses."""
    return squared * (1 + 1 / (rows - 1)) + traces / (rows - 1)


@checked(excess_kurtosis=KURTOSIS)
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
    the score is cov(a, b) / sqrt(cov(a, a) cov(b, b)). Sparse features hide superposition from RSA: active with
    probability .02 it is .89 where CKA is .20.

    Parameters
    ----------
    features_a, features_b, shared, spectrum
        See `superposition.spectra`.
    excess_kurtosis
        Of the features, at least -2: `sparse_kurtosis(q)` where they are active with probability q, 0 for normal ones.

    Raises
    ------
    ConfigError
        As `expected_cka`.
    """
    features = spectra(features_a, features_b, shared, spectrum)
    alignments = own_alignments(features, (units_a, units_b), mixing)
    fourths = own_fourths(features, (units_a, units_b), mixing)
    own = [2 * one + excess_kurtosis / 2 * fourth for one, fourth in zip(alignments, fourths, strict=True)]
    cross = (2 + excess_kurtosis / 2) * np.square(features.shared).sum()
    return float(cross / np.sqrt(own[0] * own[1]))
