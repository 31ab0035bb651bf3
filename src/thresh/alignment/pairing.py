"""Pairs of single units: chosen by correlations on training stimuli, correlated again on others.

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
from thresh.alignment.folds import split
from thresh.errors import AlignmentError


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
ITERATIONS = 100_000_000  # of the solver of transport, which stops by itself long before


def matches(
    x: ArrayLike,
    y: ArrayLike,
    choose: Callable[[np.ndarray], Pairs],
    folds: int = 5,
    seed: int = 0,
    groups: ArrayLike | None = None,
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
    parts = split(len(x), folds, seed, groups)
    return [matched(of_x, of_y, choose) for of_x, of_y in zip(seen(x, parts, "x"), seen(y, parts, "y"), strict=True)]


def matches_of_orders(
    x: np.ndarray,
    y: np.ndarray,
    choose: Callable[[np.ndarray], Pairs],
    folds: int,
    seed: int,
    groups: ArrayLike | None = None,
) -> Callable[[np.ndarray], list[Matches]]:
    """`matches` of x with y in the order of the given rows; the columns of x are brought to unit norm once."""
    parts = split(len(x), folds, seed, groups)
    of_x = seen(x, parts, "x")
    return lambda order: [matched(*both, choose) for both in zip(of_x, seen(y[order], parts, "y"), strict=True)]


@dataclass(frozen=True)
class Seen:
    """One side in one fold: its live units, their training columns and all held-out columns, of unit norm."""

    live: np.ndarray
    train: np.ndarray
    test: np.ndarray


def seen(x: np.ndarray, parts: list, name: str) -> list[Seen]:
    found = []
    for number, (train, test) in enumerate(parts, start=1):
        live = np.flatnonzero(varies(x[train]))
        if not len(live):
            raise AlignmentError(f"{name}: found no unit that varies on the training rows of fold {number}.")
        found.append(Seen(live, unit_columns(x[train][:, live]), unit_columns(x[test])))
    return found


def matched(x: Seen, y: Seen, choose: Callable[[np.ndarray], Pairs]) -> Matches:
    """The pairs that training rows choose, correlated on held-out rows."""
    chosen_x, chosen_y, weight = choose(x.train.T @ y.train)
    chosen_x, chosen_y = x.live[chosen_x], y.live[chosen_y]
    correlation = np.einsum("ij,ij->j", x.test[:, chosen_x], y.test[:, chosen_y])
    return Matches(chosen_x, chosen_y, weight, correlation, (len(x.live), len(y.live)))


def best_for_each(correlation: np.ndarray) -> Pairs:
    """For every unit of y the unit of x that correlates most with it."""
    y = np.arange(correlation.shape[1])
    return correlation.argmax(axis=0), y, np.full(len(y), 1 / len(y))


def assignment(correlation: np.ndarray) -> Pairs:
    """The one-to-one pairs with the largest sum of correlations; the larger side keeps units without a partner."""
    x, y = linear_sum_assignment(correlation, maximize=True)
    return x, y, np.full(len(x), 1 / len(x))


def transport(correlation: np.ndarray, mass: float = 1.0) -> Pairs:
    """The plan T that moves mass 1/a of each unit of x to 1/b of each unit of y at the least cost 1 - correlation.

    With a mass below 1 only so much of it is moved, and what costs most stays; weights are shares of what is moved.
    """
    import ot  # POT looks for torch when it is imported: only who asks for soft matching waits for that

    masses = [np.full(units, 1 / units) for units in correlation.shape]
    try:
        if mass < 1:
            # A constant cost changes no plan of a given mass; without it POT moves more where all costs are 0.
            plan = ot.partial.partial_wasserstein(*masses, 2 - correlation, m=mass, numItermax=ITERATIONS)
        else:
            plan, log = ot.emd(*masses, 1 - correlation, numItermax=ITERATIONS, log=True)
            if log["warning"]:
                raise ValueError(log["warning"])
    except ValueError as error:
        raise AlignmentError(f"soft matching of {correlation.shape} units did not converge: {error}.") from None
    x, y = np.nonzero(plan)
    return x, y, plan[x, y] / mass
