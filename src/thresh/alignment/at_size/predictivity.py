"""Linear predictivity of responses that need not fit in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.at_size.fold_moments import moments_of_fold, pooled
from thresh.alignment.at_size.passes import spread_of
from thresh.alignment.at_size.ridge import ridge, scores
from thresh.alignment.at_size.sources import paired_sources
from thresh.alignment.folds import FOLDS, split
from thresh.alignment.predictivity import ALPHAS, Predictivity
from thresh.errors import AlignmentError
from thresh.parameters import POSITIVE, SEED, checked, each, integer, optional
from thresh.store.moments import running


@checked(folds=FOLDS, alphas=each(POSITIVE), components=optional(integer(1)), seed=SEED)
def linear_predictivity(
    x: Any,
    y: Any,
    *,
    folds: int = 5,
    alphas: ArrayLike = ALPHAS,
    components: int | None = None,
    seed: int = 0,
    groups: ArrayLike | None = None,
    scheduler: str = "threads",
) -> Predictivity:
    """`thresh.alignment.linear_predictivity` for any number of rows.

    The folds are those of the metric in memory. Each fold's second moments are summed in float64 about its own mean,
    one pass a fold after a first for the means; training moments are those of the other folds together. Weights and
    penalties come from their eigendecomposition, scores from the moments of the held-out fold, so that no prediction
    is ever written down. Memory: 8 units_x (units_x + units_y) bytes a fold and as much for a few parts of the rows,
    at any number of rows, and 8 bytes a row.

    Parameters
    ----------
    x : (stimuli, units_x)
        Activations, arrays of dask or Zarr, memory maps or arrays; not codes.
    y : (stimuli, units_y)
        Same stimuli in the same order.
    folds, alphas, components, seed, groups
        As in memory.
    scheduler
        As `at_size.linear_cka`.

    Returns
    -------
    Predictivity
        Equal to the metric in memory within 1e-6, edges included. Directions of x are known from their variances:
        those with less than units_x * 2e-16 of the largest are left out, where the metric in memory, which decomposes x
        itself, keeps directions with the square of that. Hence with more units than training rows, and targets that
        are predicted without error, penalties near the lower end of the grid can differ.

    Raises
    ------
    AlignmentError
        As the metric in memory; a side is codes.
    ConfigError
        As the metric in memory; the cluster cannot be reached.
    """
    alphas = np.atleast_1d(np.asarray(alphas, dtype=float))
    x, y = paired_sources(x, y)
    for name, side in (("x", x), ("y", y)):
        if side.sparse:
            raise AlignmentError(f"{name}: found sparse codes, expected dense responses.")
    fold_of = fold_of_rows(x.shape[0], folds, seed, groups)
    with running(scheduler):
        spread_x, spread_y = spread_of(x, "x", fold_of), spread_of(y, "y", fold_of)
        moments = [moments_of_fold(x, y, spread_x, spread_y, fold_of, fold) for fold in range(folds)]
    r, chosen = np.full((folds, y.shape[1]), np.nan), np.full((folds, y.shape[1]), np.nan)
    errors, deviations = np.zeros(y.shape[1]), np.zeros(y.shape[1])
    for fold, held_out in enumerate(moments):
        others = [other for other in range(folds) if other != fold]
        live = spread_y.varies(others)
        train = pooled([moments[other] for other in others])
        # As in memory: where nothing of x varies, the only axis would be rounding.
        weights, penalties = ridge(train, alphas, components if spread_x.varies(others).any() else 0)
        found = scores(train, held_out, weights)
        r[fold, live], chosen[fold, live] = found[0][live], penalties[live]
        errors[live] += found[1][live]
        deviations[live] += found[2][live]
    count, known = (~np.isnan(r)).sum(axis=0), deviations > 0
    mean_r = np.where(count > 0, np.nansum(r, axis=0) / np.maximum(count, 1), np.nan)
    r2 = np.where(known, 1 - errors / np.where(known, deviations, 1.0), np.nan)
    no_bands = np.zeros((*chosen.shape, 0))
    return Predictivity(r=mean_r, r2=r2, alphas=chosen, grid=alphas, bands=(), shares=no_bands)


def fold_of_rows(rows: int, folds: int, seed: int, groups: ArrayLike | None) -> np.ndarray:
    """The fold that holds every row out, (rows,) int."""
    fold_of = np.empty(rows, np.int64)
    for fold, (_, held_out) in enumerate(split(rows, folds, seed, groups)):
        fold_of[held_out] = fold
    return fold_of
