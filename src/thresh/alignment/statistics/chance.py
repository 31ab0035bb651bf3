"""What a score would be if the two systems had nothing to do with each other."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from thresh.parameters import between, checked


@dataclass(frozen=True)
class Chance:
    """A score beside those of the same responses given to the wrong stimuli.

    Attributes
    ----------
    mean
        Of the null scores.
    critical
        What a score exceeds by chance with probability `level` at most; see `critical_value`.
    p
        See `p_value`.
    calibrated
        max(0, (score - critical) / (best - critical)): 0 for what chance explains, 1 for the best score there is,
        so that metrics and layers whose chance levels differ can be compared. NaN where chance reaches the best.
    """

    mean: float
    critical: float
    p: float
    calibrated: float


@checked(level=between(0, 1))
def chance(score: float, null: ArrayLike, *, best: float = 1.0, level: float = 0.05) -> Chance:
    """Calibrate a score by its permutation null.

    Parameters
    ----------
    score
        Of the stimuli as they are.
    null : (permutations,)
        Scores of permuted stimuli. NaN, where a metric was not defined, counts as reaching the score.
    best
        The score of a system with itself. Below chance's mean for distances, of which low ones are close.
    level
        Of the critical value.

    References
    ----------
    Groger, Wen and Brbic 2026 (arXiv 2602.14486, calibration by permutation); Phipson and Smyth 2010 (p-values of
    random permutations are never 0).
    """
    null = np.asarray(null, dtype=float)
    known = null[np.isfinite(null)]
    if not len(known) or not math.isfinite(score):
        return Chance(math.nan, math.nan, math.nan, math.nan)
    mean = float(known.mean())
    sign = 1.0 if best >= mean else -1.0
    upward = np.where(np.isfinite(null), sign * null, np.inf)
    critical = sign * critical_value(upward, level)
    room = sign * (best - critical)
    calibrated = max(0.0, sign * (score - critical) / room) if room > 0 and math.isfinite(critical) else math.nan
    return Chance(mean, critical, p_value(sign * score, upward), calibrated)


def p_value(score: float, null: ArrayLike) -> float:
    """(1 + #{null >= score}) / (1 + permutations): valid for any number of them."""
    null = np.asarray(null, dtype=float)
    return float((1 + np.count_nonzero(null >= score)) / (1 + len(null)))


def critical_value(null: ArrayLike, level: float = 0.05) -> float:
    """The smallest null score c with #{null >= s} + 1 <= level (1 + permutations) for all s > c.

    The ceil((1 - level) (K + 1))-th smallest of K; infinite where K is too small for any score to be significant.
    """
    null = np.sort(np.asarray(null, dtype=float))
    place = math.ceil((1 - level) * (len(null) + 1) - 1e-9)
    return float(null[place - 1]) if 0 < place <= len(null) else math.inf
