"""Many scores at once: the best of several layers, and false discoveries in a table."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.statistics.chance import p_value


def across_layers(scores: ArrayLike, nulls: ArrayLike) -> np.ndarray:
    """p-values of the scores of several layers that stay honest for the best of them.

    Scores of each layer, permuted ones and its own, are first brought to mean 0 and deviation 1 over all K + 1 of
    them, for a wide layer scores more by chance than a narrow one. Each z_i is then compared with the largest of all
    layers in the same permutation, p_i = (1 + #{k: max_j z_jk >= z_i}) / (1 + K): the probability that any layer is
    called aligned when none is stays below the level, however the layers depend on each other.

    Parameters
    ----------
    scores : (layers,)
        Higher is closer. NaN stays NaN and takes no part.
    nulls : (layers, permutations)
        Of the same permutations in the same order for all layers; NaN counts as reaching any score.

    Returns
    -------
    (layers,)

    References
    ----------
    Westfall and Young 1993 (single-step maxT); Groger, Wen and Brbic 2026 (calibration of the best layer).
    """
    scores, nulls = np.asarray(scores, dtype=float), np.asarray(nulls, dtype=float)
    known = np.isfinite(scores)
    adjusted = np.full(len(scores), np.nan)
    if known.any() and nulls.shape[1]:
        own, permuted = standardised(scores[known], nulls[known])
        adjusted[known] = [p_value(score, permuted.max(axis=0)) for score in own]
    return adjusted


def standardised(scores: np.ndarray, nulls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each layer's scores about their mean, over their deviation; permuted scores that are not defined are infinite."""
    everything = np.c_[scores, nulls]
    defined = np.where(np.isfinite(everything), everything, np.nan)
    centred = defined - np.nanmean(defined, axis=1, keepdims=True)
    deviation = np.nanstd(defined, axis=1, keepdims=True)
    # Not quite 0 where all are equal, by rounding.
    deviation = np.where(deviation > 1e-12 * np.nanmax(np.abs(defined), axis=1, keepdims=True), deviation, np.inf)
    found = np.where(np.isnan(centred), np.inf, centred / deviation)
    return found[:, 0], found[:, 1:]


def false_discovery_rate(p: ArrayLike) -> np.ndarray:
    """p-values adjusted so that of those below a level q at most a share q is expected to be false.

    min over j >= i of p_(j) m / j, at most 1. NaN stays NaN and is no test.

    References
    ----------
    Benjamini and Hochberg 1995. Agrees with scipy's `false_discovery_control`.
    """
    p = np.asarray(p, dtype=float)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known])]
    ranks = np.arange(1, len(order) + 1)
    adjusted = np.full(len(p), np.nan)
    adjusted[order] = np.minimum.accumulate((p[order] * len(order) / ranks)[::-1])[::-1].clip(max=1.0)
    return adjusted
