"""Second moments of two dense sides over the rows of one fold, about the fold's own means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thresh.alignment.at_size.passes import Spread, cut, summed
from thresh.alignment.at_size.reading import step_of
from thresh.alignment.at_size.sources import Source


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over some rows, of deviations from the mean of these rows.

    Attributes
    ----------
    mean_x : (units_x,)
    mean_y : (units_y,)
    xx : (units_x, units_x)
    xy : (units_x, units_y)
    yy : (units_y,)
    """

    rows: int
    mean_x: np.ndarray
    mean_y: np.ndarray
    xx: np.ndarray
    xy: np.ndarray
    yy: np.ndarray


def moments_of_fold(x: Source, y: Source, spread_x: Spread, spread_y: Spread, groups: np.ndarray, fold: int) -> Moments:
    """Moments over the rows whose group is `fold`; one pass over both sides.

    Sums of float64 about the exact mean lose no digits, whatever the rows of the other folds are.
    """
    step = step_of(x, y)
    units_x, units_y = x.shape[1], y.shape[1]
    mean_x, mean_y = spread_x.mean[fold], spread_y.mean[fold]
    parts = cut(len(groups), step, 8 * units_x * (units_x + units_y))
    xx, xy, yy = summed(
        sums_of_rows,
        ((x, y, mean_x, mean_y, start, stop, step, groups[start:stop] == fold) for start, stop in parts),
        added,
    )
    constant = ~spread_x.varies([fold])
    xx[constant], xx[:, constant], xy[constant] = 0.0, 0.0, 0.0  # of these there is only rounding
    xy[:, ~spread_y.varies([fold])] = 0.0
    yy[~spread_y.varies([fold])] = 0.0
    return Moments(int(spread_x.rows[fold]), mean_x, mean_y, xx, xy, yy)


def sums_of_rows(
    x: Source,
    y: Source,
    mean_x: np.ndarray,
    mean_y: np.ndarray,
    start: int,
    stop: int,
    step: int,
    chosen: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    units_x, units_y = len(mean_x), len(mean_y)
    xx, xy, yy = np.zeros((units_x, units_x)), np.zeros((units_x, units_y)), np.zeros(units_y)
    for first in range(start, stop, step):
        last = min(first + step, stop)
        of_block = chosen[first - start : last - start]
        left = x.read(first, last)[of_block] - mean_x
        right = y.read(first, last)[of_block] - mean_y
        xx += left.T @ left
        xy += left.T @ right
        yy += np.einsum("ij,ij->j", right, right)
    return xx, xy, yy


def added(a: tuple[np.ndarray, ...], b: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    return tuple(one + other for one, other in zip(a, b, strict=True))


def pooled(folds: list[Moments]) -> Moments:
    """Moments over the rows of several folds (Chan, Golub and LeVeque 1983)."""
    rows = sum(fold.rows for fold in folds)
    weights = np.array([fold.rows for fold in folds]) / rows
    mean_x = weights @ [fold.mean_x for fold in folds]
    mean_y = weights @ [fold.mean_y for fold in folds]
    shift_x = np.array([fold.mean_x - mean_x for fold in folds])
    shift_y = np.array([fold.mean_y - mean_y for fold in folds])
    weighted = shift_x.T * (weights * rows)
    xx, xy, yy = weighted @ shift_x, weighted @ shift_y, (weights * rows) @ shift_y**2
    for fold in folds:
        xx += fold.xx
        xy += fold.xy
        yy += fold.yy
    return Moments(rows, mean_x, mean_y, xx, xy, yy)
