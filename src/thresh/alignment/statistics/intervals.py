"""How far a score would move if other stimuli, other units or other subjects had been drawn.

Intervals come from random halves without replacement. A bootstrap with replacement shows a stimulus twice, and copies
break what alignment rests on: a copy among the held-out rows of its own training row, a distance of 0 in an RDM, a
diagonal in a debiased estimator. Halves have no copies, and for averages of any kind their spread about the whole is
that of the whole about the truth: a half of n has variance s^2 (2/n), the whole shares half of it, s^2/n is left. It is
the jackknife that deletes half, consistent also for medians (Shao and Wu 1989; Politis and Romano 1994 call it
subsampling, or the bootstrap of m from n without replacement).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm
from scipy.stats import t as student

from thresh.errors import AlignmentError
from thresh.parameters import between, checked

FEWEST = 10  # defined halves, below which a spread says nothing


@dataclass(frozen=True)
class Interval:
    """score -+ z * standard_error. Not clipped to the range of a metric."""

    low: float
    high: float
    standard_error: float


@checked(level=between(0, 1))
def interval(
    score: float,
    over: dict[str, ArrayLike],
    together: ArrayLike | None = None,
    *,
    level: float = 0.95,
    items: int | None = None,
) -> Interval:
    """A confidence interval from the scores of halves.

    With one kind of halves the standard error is their standard deviation (about their own mean: scores of fewer
    stimuli or units may be lower throughout). With two kinds, of stimuli and of units, say, the variances s and u of
    each and b of both halved together give 2 (s + u) - b: halving both counts the noise of single pairs three times
    and each alone counts it once. It is kept between the larger of s and u, and b.

    Parameters
    ----------
    score
        Of everything.
    over : name -> (halves,)
        Scores of halves of stimuli, units or subjects; NaN where a metric was not defined.
    together : (halves,)
        Scores with both halved; needed for two kinds.
    level
        Of confidence.
    items
        How many stimuli, units or subjects halves were drawn of, the fewest of several kinds: of few subjects the
        quantile is Student's with one degree of freedom less than that. By default, and of many, it is normal.

    Returns
    -------
    Interval
        NaN where fewer than 10 halves have a score.

    Raises
    ------
    AlignmentError
        More than two kinds, or two without `together`.

    References
    ----------
    Shao and Wu 1989; Schutt et al. 2023 (the same correction for two-factor bootstraps).
    """
    if not 1 <= len(over) <= 2 or (len(over) == 2) != (together is not None):
        raise AlignmentError(f"found halves of {', '.join(over) or 'nothing'}, expected one kind, or two and both.")
    variances = [variance(scores) for scores in over.values()]
    if together is None:
        squared = variances[0]
    else:
        both = variance(together)
        squared = min(max(2 * sum(variances) - both, *variances), max(both, *variances))
        if not all(math.isfinite(value) for value in (*variances, both)):
            squared = math.nan
    error = math.sqrt(squared)
    quantile = norm.ppf((1 + level) / 2) if items is None else student.ppf((1 + level) / 2, max(items - 1, 1))
    reach = float(quantile) * error
    return Interval(score - reach, score + reach, error)


def variance(scores: ArrayLike) -> float:
    scores = np.asarray(scores, dtype=float)
    known = scores[np.isfinite(scores)]
    return float(known.var(ddof=1)) if len(known) >= FEWEST else math.nan
