"""Linear predictivity: how well the units of one system are predicted from those of another, on new stimuli."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import as_matrix, column_correlation, paired, varies
from thresh.alignment.folds import FOLDS, PrincipalAxes, PrincipalAxesByFold, split
from thresh.errors import AlignmentError
from thresh.parameters import POSITIVE, SEED, Rule, checked, each, integer, optional

ALPHAS = tuple(float(alpha) for alpha in np.logspace(-8, 8, 17))


@dataclass(frozen=True)
class Predictivity:
    """Held-out scores of every unit of the predicted side; NaN for a unit that never varies.

    Attributes
    ----------
    r : (units_y,)
        Pearson correlation of prediction and response on held-out stimuli, mean over folds.
    r2 : (units_y,)
        1 - (squared errors) / (squared deviations from the training mean), both summed over all folds: 0 is what the
        training mean alone would reach.
    alphas : (folds, units_y)
        The ridge penalty that each training fold chose; NaN where the unit was constant.
    grid : (penalties,)
        The penalties that there were to choose from.
    """

    r: np.ndarray
    r2: np.ndarray
    alphas: np.ndarray
    grid: np.ndarray


@checked(folds=FOLDS, alphas=each(POSITIVE), components=optional(integer(1)), seed=SEED)
def linear_predictivity(
    x: ArrayLike,
    y: ArrayLike,
    *,
    folds: int = 5,
    alphas: ArrayLike = ALPHAS,
    components: int | None = None,
    seed: int = 0,
) -> Predictivity:
    """Ridge regression of every unit of y on all units of x, scored on held-out stimuli.

    Per fold and unit j: w_j = argmin |y_j - X w|^2 + alpha_j |w|^2 on training rows, centred and all divided by one
    number so that their mean squared norm is 1. alpha_j is then about the ratio of noise to signal in y_j, for any
    number of rows and units, and the score is the same for s x Q + c, s any scale and Q a rotation. alpha_j minimises
    generalised cross-validation on the training rows, rows * |(1 - H) y_j|^2 / tr(1 - H)^2 with the intercept in H,
    for all alphas from one decomposition. Nothing of the held-out rows enters the choice, the centring, the scale or
    the PCA.

    Parameters
    ----------
    x : (stimuli, units_x)
        Predictors. Single units are not standardised: one that varies more counts for more.
    y : (stimuli, units_y)
        Targets.
    folds
        Shuffled with `seed`.
    alphas
        Penalties to choose from, positive.
    components
        Regress on at most this many principal components of x, fitted on each training fold before it is scaled.

    Returns
    -------
    Predictivity
        A unit that is constant on a training fold is not scored there. One that varies there but not among the
        held-out rows has r = 0 in that fold: units are never dropped by what the held-out rows say. Where all of x is
        constant on a training fold, the training mean is predicted.

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than 3 stimuli a fold.
    ConfigError
        An alpha that is not positive, fewer than 1 component or 2 folds.

    References
    ----------
    Yamins et al. 2014; Golub, Heath and Wahba 1979 (eq. 1.4). For one alpha equal to scikit-learn's PCA and Ridge on
    rows so scaled.
    """
    alphas = np.atleast_1d(np.asarray(alphas, dtype=float))
    x, y = paired(x, y)
    parts = split(len(x), folds, seed)
    axes_of = PrincipalAxesByFold(x)
    r, chosen = np.full((folds, y.shape[1]), np.nan), np.full((folds, y.shape[1]), np.nan)
    errors, deviations = np.zeros(y.shape[1]), np.zeros(y.shape[1])
    for fold, (train, test) in enumerate(parts):
        live = varies(y[train])
        if not live.any():
            continue
        # Where nothing varies, the only axis would be rounding, and its scale would blow the held-out rows up.
        axes = axes_of(train, test).first(components if varies(x[train]).any() else 0)
        prediction, chosen[fold, live] = ridge(unit_rows(axes), y[train][:, live], alphas)
        target = y[test][:, live]
        r[fold, live] = column_correlation(prediction, target)
        errors[live] += np.square(target - prediction).sum(axis=0)
        deviations[live] += np.square(target - y[train][:, live].mean(axis=0)).sum(axis=0)
    scored = ~np.isnan(r)
    count = scored.sum(axis=0)
    mean_r = np.where(count > 0, np.where(scored, r, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    known = deviations > 0
    r2 = np.where(known, 1 - errors / np.where(known, deviations, 1.0), np.nan)
    return Predictivity(r=mean_r, r2=r2, alphas=chosen, grid=alphas)


def unit_rows(axes: PrincipalAxes) -> PrincipalAxes:
    """The same axes, divided by one number so that the mean squared norm of the centred training rows is 1."""
    scale = np.linalg.norm(axes.singular) / np.sqrt(len(axes.left))
    return PrincipalAxes(axes.left, axes.singular / scale, axes.held_out / scale)


def ridge(axes: PrincipalAxes, targets: np.ndarray, alphas: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Predictions for the held-out rows, (held-out rows, units), and the penalty that each unit chose, (units,)."""
    rows, rank = axes.left.shape
    mean = targets.mean(axis=0)
    targets = targets - mean
    loading = axes.left.T @ targets
    outside = np.zeros(targets.shape[1])
    if rank < rows - 1:  # else the axes span all that varies, and the difference would be nothing but rounding
        outside = np.maximum(np.square(targets).sum(axis=0) - np.square(loading).sum(axis=0), 0.0)
    left_over = alphas[:, None] / (axes.singular**2 + alphas[:, None])
    residual = left_over**2 @ loading**2 + outside
    freedom = rows - 1 - rank + left_over.sum(axis=1)
    best = np.argmin(residual / freedom[:, None] ** 2, axis=0)
    weights = axes.singular[:, None] / (axes.singular[:, None] ** 2 + alphas[best]) * loading
    return axes.held_out @ weights + mean, alphas[best]


@checked(ceiling=optional(each(Rule("a number", lambda value: isinstance(value, int | float)))))
def median_over_ceiling(result: Predictivity, ceiling: ArrayLike | None = None) -> tuple[float, dict]:
    """Median over units of held-out r, each divided by its ceiling where ceilings are given. Never clipped at 1.

    Parameters
    ----------
    ceiling : (units_y,)
        The highest r that a unit's own noise allows: sqrt of its Spearman-Brown reliability. Units whose ceiling is
        not a positive number are left out and counted.

    Returns
    -------
    float, dict
        The score; mean_r, mean_r2, median_r (without ceiling), ceiling (its median, or None), units_scored,
        units_left_out, alpha and alpha_at_edge (see `chosen_penalty`).
    """
    scored = np.isfinite(result.r)
    ratio = result.r
    if ceiling is not None:
        ceiling = as_matrix(np.nan_to_num(np.atleast_2d(ceiling), nan=0.0, posinf=0.0, neginf=0.0), "ceiling")[0]
        if len(ceiling) != len(result.r):
            raise AlignmentError(
                f"ceiling: found {len(ceiling)} values, expected one for each of {len(result.r)} units."
            )
        scored = scored & (ceiling > 0)
        ratio = result.r / np.where(ceiling > 0, ceiling, 1.0)
    if not scored.any():
        raise AlignmentError("found no unit that varies and has a positive ceiling, expected at least one.")
    finite = np.isfinite(result.r)
    detail = {
        "mean_r": float(result.r[finite].mean()),
        "mean_r2": mean_r2(result)[0],
        "median_r": float(np.median(result.r[finite])),
        "ceiling": None if ceiling is None else float(np.median(ceiling[scored])),
        "units_scored": int(scored.sum()),
        "units_left_out": int((~scored).sum()),
        **chosen_penalty(result),
    }
    return float(np.median(ratio[scored])), detail


def mean_r2(result: Predictivity) -> tuple[float, dict]:
    """Mean of R2 over the units that vary; how many they are, and alpha and alpha_at_edge (see `chosen_penalty`)."""
    finite = np.isfinite(result.r2)
    if not finite.any():
        raise AlignmentError("found no unit whose held-out responses vary, expected at least one.")
    return float(result.r2[finite].mean()), {"units_scored": int(finite.sum()), **chosen_penalty(result)}


def chosen_penalty(result: Predictivity) -> dict:
    """alpha: the median over units and folds; alpha_at_edge: the share at the lowest or highest of the grid.

    At the highest x tells nothing of the unit; at the lowest hardly any penalty is needed. 0 where there was no choice.
    """
    chosen = result.alphas[np.isfinite(result.alphas)]
    at_edge = np.isin(chosen, (result.grid.min(), result.grid.max())) & (result.grid.size > 1)
    return {"alpha": float(np.median(chosen)), "alpha_at_edge": float(at_edge.mean())}
