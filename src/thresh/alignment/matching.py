"""Matching single units: who correlates with whom on training stimuli, and whether it holds on others.

For every fold, columns are centred and of unit norm, on the training rows and again on the held-out rows. Pairs are
chosen on training correlations alone and scored on held-out ones: chosen and scored on the same stimuli, independent
sparse codes reach .75.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import linear_sum_assignment

from thresh.alignment.arrays import paired, unit_columns, varies
from thresh.alignment.folds import FOLDS, split
from thresh.errors import AlignmentError
from thresh.parameters import SEED, between, checked


@dataclass(frozen=True)
class Matches:
    """The pairs of one fold.

    Attributes
    ----------
    x, y : (pairs,)
        Units' columns.
    weight : (pairs,)
        Sums to 1.
    correlation : (pairs,)
        On held-out rows; 0 where a unit does not vary there.
    live : (int, int)
        Units of x and of y that vary on the training rows. The others are dead: they match nobody.
    """

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    correlation: np.ndarray
    live: tuple[int, int]


Pairs = tuple[np.ndarray, np.ndarray, np.ndarray]
FOLDED = {"folds": FOLDS, "seed": SEED}


def matches(
    x: ArrayLike, y: ArrayLike, choose: Callable[[np.ndarray], Pairs], folds: int = 5, seed: int = 0
) -> list[Matches]:
    """Match the live units of every training fold and correlate the pairs on the held-out fold.

    Parameters
    ----------
    choose
        From training correlations (live units x, live units y) to indices into both and weights that sum to 1.

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than 3 stimuli a fold; no unit of a side varies on a training fold.
    """
    x, y = paired(x, y)
    found = []
    for number, (train, test) in enumerate(split(len(x), folds, seed), start=1):
        live_x, live_y = np.flatnonzero(varies(x[train])), np.flatnonzero(varies(y[train]))
        for name, live in (("x", live_x), ("y", live_y)):
            if not len(live):
                raise AlignmentError(f"{name}: found no unit that varies on the training rows of fold {number}.")
        chosen_x, chosen_y, weight = choose(unit_columns(x[train][:, live_x]).T @ unit_columns(y[train][:, live_y]))
        chosen_x, chosen_y = live_x[chosen_x], live_y[chosen_y]
        held_x, held_y = unit_columns(x[test]), unit_columns(y[test])
        correlation = np.einsum("ij,ij->j", held_x[:, chosen_x], held_y[:, chosen_y])
        found.append(Matches(chosen_x, chosen_y, weight, correlation, (len(live_x), len(live_y))))
    return found


def best_for_each(correlation: np.ndarray) -> Pairs:
    """For every unit of y the unit of x that correlates most with it."""
    y = np.arange(correlation.shape[1])
    return correlation.argmax(axis=0), y, np.full(len(y), 1 / len(y))


def assignment(correlation: np.ndarray) -> Pairs:
    """The one-to-one pairs with the largest sum of correlations; the larger side keeps units without a partner."""
    x, y = linear_sum_assignment(correlation, maximize=True)
    return x, y, np.full(len(x), 1 / len(x))


def transport(correlation: np.ndarray) -> Pairs:
    """The plan T that moves mass 1/a of each unit of x to 1/b of each unit of y at the least cost 1 - correlation."""
    import ot  # POT looks for torch when it is imported: only who asks for soft matching waits for that

    masses = [np.full(units, 1 / units) for units in correlation.shape]
    plan, log = ot.emd(*masses, 1 - correlation, numItermax=100_000_000, log=True)
    if log["warning"]:
        raise AlignmentError(f"soft matching of {correlation.shape} units did not converge: {log['warning']}.")
    x, y = np.nonzero(plan)
    return x, y, plan[x, y]


def mean_correlation(found: list[Matches]) -> tuple[float, dict]:
    """Held-out correlation, weighted within a fold, mean over folds."""
    scores = [float(fold.weight @ fold.correlation) for fold in found]
    return float(np.mean(scores)), {"folds": scores, **live_units(found)}


@checked(threshold=between(-1, 1))
def fraction_above(found: list[Matches], threshold: float = 0.5) -> tuple[float, dict]:
    """Pairs whose held-out correlation exceeds the threshold / sqrt(live units x * live units y), mean over folds."""
    scores = [float((fold.correlation > threshold).sum() / np.sqrt(fold.live[0] * fold.live[1])) for fold in found]
    return float(np.mean(scores)), {"folds": scores, **live_units(found)}


def live_units(found: list[Matches]) -> dict:
    live_x, live_y = np.mean([fold.live for fold in found], axis=0)
    return {"live_units_x": float(live_x), "live_units_y": float(live_y)}


@checked(**FOLDED)
def semi_matches(x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0) -> list[Matches]:
    """For every live unit of y its best unit of x; several units of y may share one."""
    return matches(x, y, best_for_each, folds, seed)


@checked(**FOLDED)
def one_to_one_matches(x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0) -> list[Matches]:
    """The Hungarian pairs of live units, as many as the smaller side has."""
    return matches(x, y, assignment, folds, seed)


@checked(**FOLDED)
def soft_matches(x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0) -> list[Matches]:
    """The pairs that carry mass in the optimal transport plan."""
    return matches(x, y, transport, folds, seed)


def semi_matching(x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0) -> float:
    """Mean over the units of y of the held-out correlation with the unit of x that matched best on training rows.

    mean_j R_test[i*(j), j] with i*(j) = argmax_i R_train[i, j]; signed; asymmetric; mean over folds.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    folds
        Shuffled with `seed`.

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
    return mean_correlation(semi_matches(x, y, folds=folds, seed=seed))[0]


def one_to_one_matching(x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0) -> float:
    """Mean held-out correlation of the one-to-one pairs that maximise the summed training correlation.

    mean over pairs of R_test[i, pi(i)], pi the Hungarian assignment on R_train. With unequal sides every live unit of
    the smaller one has a partner and nothing is truncated. Parameters, dead units and errors as `semi_matching`.

    References
    ----------
    Li et al. 2015, section 3.1 (bipartite matching).
    """
    return mean_correlation(one_to_one_matches(x, y, folds=folds, seed=seed))[0]


def matched_fraction(x: ArrayLike, y: ArrayLike, threshold: float = 0.5, *, folds: int = 5, seed: int = 0) -> float:
    """The share of features that two systems have in common, counted in matched pairs of units.

    |{one-to-one pairs with R_test > threshold}| / sqrt(live units x * live units y), mean over folds: with one unit a
    feature this is `theory.overlap`, s / sqrt(p_a p_b). Parameters, dead units and errors as `semi_matching`.

    Returns
    -------
    float
        In [0, 1]; at most sqrt(smaller side / larger side).
    """
    return fraction_above(one_to_one_matches(x, y, folds=folds, seed=seed), threshold)[0]


def soft_matching(x: ArrayLike, y: ArrayLike, *, folds: int = 5, seed: int = 0) -> float:
    """Held-out correlation under the optimal transport of units: one-to-one matching for sides of unequal size.

    sum_ij T_ij R_test[i, j] with T = argmin <T, 1 - R_train>, rows summing to 1/units_x and columns to 1/units_y.
    Equal to `one_to_one_matching` when both sides have as many live units. Parameters, dead units and errors as
    `semi_matching`. Imports POT.

    References
    ----------
    Khosla and Williams 2024, eq. 6 (soft matching distance), as a correlation.
    """
    return mean_correlation(soft_matches(x, y, folds=folds, seed=seed))[0]
