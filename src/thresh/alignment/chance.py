"""What metrics score on independent responses: the levels above which a score says something.

Sources: Murphy et al. 2024 (arXiv 2405.01012; bias of CKA); Gretton et al. 2007, 'A kernel statistical test of
independence' (variance of HSIC); the rest follows from symmetry or from the distribution of a correlation, as each
function says.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad
from scipy.stats import beta, binom, hypergeom

from thresh.alignment.sparsity import PROBABILITY
from thresh.errors import ConfigError
from thresh.parameters import TRUE_OR_FALSE, checked, integer, optional

NEGLIGIBLE = 1e-9  # probability of a number of active stimuli that is left out


@checked(rows=integer(2), units_a=integer(1), units_b=integer(1))
def chance_cka(rows: int, units_a: int, units_b: int) -> float:
    """Biased linear CKA of independent white Gaussian responses: sqrt(n_a n_b / ((n_a + N) (n_b + N))).

    With units correlated within a side, put their participation ratio for the number of units.
    """
    return float(np.sqrt(units_a * units_b / ((units_a + rows) * (units_b + rows))))


@checked(rows=integer(4))
def chance_cka_debiased_deviation(rows: int) -> float:
    """Standard deviation of debiased linear CKA of independent responses, whose mean is about 0: sqrt(2 / (N (N - 3))).

    The variance of unbiased HSIC is then 2 |Sigma_a|^2 |Sigma_b|^2 / (N (N - 3)) to leading order (Gretton et al. 2007,
    theorem 4), so that neither the number of units nor their covariance is left in the ratio. Few dimensions make the
    distribution skewed, not wider.
    """
    return float(np.sqrt(2 / (rows * (rows - 3))))


@checked(rows=integer(3), units=integer(1), held_out=TRUE_OR_FALSE)
def chance_r2(rows: int, units: int, *, held_out: bool = True) -> float:
    """R2 of least squares on responses that tell nothing of what is predicted.

    On the stimuli that were fitted k / (N - 1), whatever the distribution: the share of their N - 1 dimensions that k
    units span. On others 1 - (N - 2) / (N - k - 2) for Gaussian predictors, below 0. Ridge with a chosen penalty, as in
    `linear_predictivity`, comes out near 0 instead.

    Parameters
    ----------
    rows
        Stimuli that were fitted; held out at least units + 3, else at least units + 1.
    """
    least = units + (3 if held_out else 1)
    if rows < least:
        raise ConfigError("rows", rows, f"at least {least} stimuli for least squares on {units} units")
    return 1 - (rows - 2) / (rows - units - 2) if held_out else units / (rows - 1)


@checked(rows=integer(3), k=integer(1))
def chance_mutual_knn(rows: int, k: int = 10) -> float:
    """Share of the k nearest neighbours that independent responses agree on: k / (N - 1), exactly."""
    if rows < k + 2:
        raise ConfigError("rows", rows, f"at least {k + 2} stimuli for {k} nearest neighbours")
    return k / (rows - 1)


@checked(rows=integer(4), units=integer(1), active=optional(PROBABILITY))
def chance_semi_matching(rows: int, units: int, active: float | None = None) -> float:
    """Semi-matching of independent responses if partners were selected and scored on the same stimuli.

    E max of `units` independent correlations. `semi_matching` itself selects on training stimuli and has 0 here.

    Parameters
    ----------
    units
        Live units to choose from.
    active
        None: white Gaussian units, (r + 1)/2 ~ Beta(N/2 - 1, N/2 - 1). A probability: codes that are 1 with this
        probability and otherwise 0, given that they vary; two that are on in k and m stimuli, j of them the same,
        have r = (N j - k m) / sqrt(k (N - k) m (N - m)), j hypergeometric. Codes of varied strengths reach more: with
        1000 stimuli, 4096 atoms and probability .002 .77 if uniform on [.5, 1.5], .86 if half normal, where this
        gives .70.
    """
    if active is None:
        shape = rows / 2 - 1
        return quad(lambda u: 2 * beta.ppf(u ** (1 / units), shape, shape) - 1, 0, 1, epsabs=1e-9, limit=200)[0]
    counts, weights = active_counts(rows, active)
    best = [best_of_codes(rows, count, counts, weights, units) for count in counts]
    return float(weights @ best)


def active_counts(rows: int, active: float) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of stimuli that a code which varies is on in, and their probabilities."""
    counts = np.arange(1, rows)
    weights = binom.pmf(counts, rows, active)
    kept = weights > NEGLIGIBLE * weights.max()
    if not weights.max() > 0:
        raise ConfigError("active", active, f"a probability with which codes vary over {rows} stimuli")
    return counts[kept], weights[kept] / weights[kept].sum()


def best_of_codes(rows: int, count: int, others: np.ndarray, weights: np.ndarray, units: int) -> float:
    """E max of the correlations of one code, on in `count` stimuli, with `units` others."""
    common = np.arange(count + 1)[:, None]
    scale = np.sqrt(float(count) * (rows - count) * others * (rows - others))
    correlation = ((rows * common - count * others) / scale).ravel()
    probability = (weights * hypergeom.pmf(common, rows, count, others)).ravel()
    order = correlation.argsort()
    below = np.minimum(probability[order].cumsum(), 1.0) ** units
    return float(correlation[order] @ np.diff(below, prepend=0.0))
