"""Matching single units: who correlates with whom on training stimuli, and whether it holds on others."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.folds import FOLDS
from thresh.alignment.pairing import Matches, assignment, best_for_each, matches, transport
from thresh.parameters import SEED, SHARE, between, checked, each

FOLDED = {"folds": FOLDS, "seed": SEED}
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(20))


def mean_correlation(found: list[Matches]) -> tuple[float, dict]:
    """Held-out correlation, weighted within a fold, mean over folds."""
    scores = [float(fold.weight @ fold.correlation) for fold in found]
    return float(np.mean(scores)), {"folds": scores, **live_units(found)}


@checked(threshold=between(-1, 1))
def fraction_above(found: list[Matches], threshold: float = 0.5) -> tuple[float, dict]:
    """Matched fraction at one threshold; in the detail it is also given at those of THRESHOLDS, for a curve."""
    scores = fractions_above(found, [threshold])[:, 0].tolist()
    curve = fractions_above(found, THRESHOLDS).mean(axis=0).tolist()
    detail = {"folds": scores, "thresholds": list(THRESHOLDS), "fractions": curve, **live_units(found)}
    return float(np.mean(scores)), detail


def fractions_above(found: list[Matches], thresholds: ArrayLike) -> np.ndarray:
    """Pairs above each threshold / sqrt(live units x * live units y), (folds, thresholds)."""
    thresholds = np.atleast_1d(np.asarray(thresholds, dtype=float))
    above = [(fold.correlation[:, None] > thresholds).sum(axis=0) / np.sqrt(np.prod(fold.live)) for fold in found]
    return np.array(above)


def live_units(found: list[Matches]) -> dict:
    live_x, live_y = np.mean([fold.live for fold in found], axis=0)
    return {"live_units_x": float(live_x), "live_units_y": float(live_y)}


@checked(**FOLDED)
def semi_matches(
    x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0, groups: ArrayLike | None = None
) -> list[Matches]:
    """For every live unit of y its best unit of x; several units of y may share one."""
    return matches(x, y, best_for_each, folds, seed, groups)


@checked(**FOLDED)
def one_to_one_matches(
    x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0, groups: ArrayLike | None = None
) -> list[Matches]:
    """The Hungarian pairs of live units, as many as the smaller side has."""
    return matches(x, y, assignment, folds, seed, groups)


@checked(mass=SHARE, **FOLDED)
def soft_matches(
    x: ArrayLike, y: ArrayLike, mass: float = 1.0, *, folds: int = 5, seed: int = 0, groups: ArrayLike | None = None
) -> list[Matches]:
    """The pairs that carry mass in the optimal transport plan."""
    return matches(x, y, partial(transport, mass=mass), folds, seed, groups)


def semi_matching(
    x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0, groups: ArrayLike | None = None
) -> float:
    """Mean over the units of y of the held-out correlation with the unit of x that matched best on training rows.

    mean_j R_test[i*(j), j] with i*(j) = argmax_i R_train[i, j]; signed; asymmetric; mean over folds.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    folds
        Shuffled with `seed`.
    groups : (stimuli,)
        Labels of stimuli that stay on one side of every fold; see `folds.split`.

    Returns
    -------
    float
        In [-1, 1]. Units that are constant on a fold's training rows are dead there: no partner and not counted.

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than 3 stimuli a fold; all units of a side constant on a training fold.

    References
    ----------
    Li et al. 2015, section 3.2 (semi-matching).
    """
    return mean_correlation(semi_matches(x, y, folds=folds, seed=seed, groups=groups))[0]


def one_to_one_matching(
    x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0, groups: ArrayLike | None = None
) -> float:
    """Mean held-out correlation of the one-to-one pairs that maximise the summed training correlation.

    mean over pairs of R_test[i, pi(i)], pi the Hungarian assignment on R_train. With unequal sides every live unit of
    the smaller one has a partner and nothing is truncated. Parameters, dead units and errors as `semi_matching`.

    References
    ----------
    Li et al. 2015, section 3.1 (bipartite matching).
    """
    return mean_correlation(one_to_one_matches(x, y, folds=folds, seed=seed, groups=groups))[0]


def matched_fraction(
    x: ArrayLike,
    y: ArrayLike,
    threshold: float = 0.5,
    *,
    folds: int = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> float:
    """The share of features that two systems have in common, counted in matched pairs of units.

    |{one-to-one pairs with R_test > threshold}| / sqrt(live units x * live units y), mean over folds: with one unit a
    feature this is `theory.overlap`, s / sqrt(p_a p_b). Parameters, dead units and errors as `semi_matching`.

    Returns
    -------
    float
        In [0, 1]; at most sqrt(smaller side / larger side).
    """
    return fraction_above(one_to_one_matches(x, y, folds=folds, seed=seed, groups=groups), threshold)[0]


@checked(thresholds=each(between(-1, 1)))
def matched_fractions(
    x: ArrayLike,
    y: ArrayLike,
    thresholds: ArrayLike = THRESHOLDS,
    *,
    folds: int = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
) -> np.ndarray:
    """`matched_fraction` against its threshold: how much of a verdict is the threshold's.

    Parameters
    ----------
    thresholds : (thresholds,)
        In [-1, 1]; by default 0 to .95 in steps of .05.

    Returns
    -------
    (thresholds,)
        Never rising with the threshold. Features shared without noise give a curve that is flat.
    """
    return fractions_above(one_to_one_matches(x, y, folds=folds, seed=seed, groups=groups), thresholds).mean(axis=0)


def soft_matching(
    x: ArrayLike, y: ArrayLike, mass: float = 1.0, *, folds: int = 5, seed: int = 0, groups: ArrayLike | None = None
) -> float:
    """Held-out correlation under the optimal transport of units: one-to-one matching for sides of unequal size.

    sum_ij T_ij R_test[i, j] / mass with T = argmin <T, 1 - R_train> that sums to `mass`, rows to at most 1/units_x and
    columns to at most 1/units_y. With all mass and as many live units on both sides equal to `one_to_one_matching`.
    With less, units without a counterpart stay out: the score says how well the best matched share agrees, not how
    large it is. Parameters, dead units and errors as `semi_matching`. Imports POT.

    Parameters
    ----------
    mass
        Share of the units of either side that is matched, above 0 and at most 1.

    References
    ----------
    Khosla and Williams 2024, eq. 6 (soft matching distance), as a correlation; Chapel, Alaya and Gasso 2020 (partial
    transport). Agrees with POT `emd` and `partial_wasserstein`.
    """
    return mean_correlation(soft_matches(x, y, mass, folds=folds, seed=seed, groups=groups))[0]
