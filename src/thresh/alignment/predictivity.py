"""Linear predictivity: how well the units of one system are predicted from those of another, on new stimuli."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import column_correlation, paired, varies
from thresh.alignment.banded import LABEL, BandedRidge
from thresh.alignment.folds import FOLDS, split
from thresh.alignment.ridge import Ridge, RidgeAgain
from thresh.errors import ConfigError
from thresh.parameters import POSITIVE, SEED, checked, each, integer, optional

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
    bands : (bands,)
        Labels of the bands of x; none in plain ridge.
    shares : (folds, units_y, bands)
        What each training fold chose for a band; see `banded`. NaN where the unit was constant.
    """

    r: np.ndarray
    r2: np.ndarray
    alphas: np.ndarray
    grid: np.ndarray
    bands: tuple[str, ...]
    shares: np.ndarray


def components_or_bands(*, components: int | None = None, bands: ArrayLike | None = None, **_: object) -> None:
    if components is not None and bands is not None:
        raise ConfigError("components", components, "none where there are bands, which components would mix")


@checked(
    components_or_bands,
    folds=FOLDS,
    alphas=each(POSITIVE),
    components=optional(integer(1)),
    bands=optional(each(LABEL)),
    draws=integer(0),
    seed=SEED,
)
def linear_predictivity(
    x: ArrayLike,
    y: ArrayLike,
    *,
    folds: int = 5,
    alphas: ArrayLike = ALPHAS,
    components: int | None = None,
    bands: ArrayLike | None = None,
    draws: int = 100,
    seed: int = 0,
    groups: ArrayLike | None = None,
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
    groups : (stimuli,)
        Labels of stimuli that stay on one side of every fold; see `folds.split`.
    alphas
        Penalties to choose from, positive.
    components
        Regress on at most this many principal components of x, fitted on each training fold before it is scaled.
    bands : (units_x,)
        Labels that part the units of x into bands, each with a scale of its own (see `banded`): where some layers or
        features tell more than others. By default plain ridge.
    draws
        Random shares of the bands to choose from, drawn with `seed`.

    Returns
    -------
    Predictivity
        A unit that is constant on a training fold is not scored there. One that varies there but not among the
        held-out rows has r = 0 in that fold: units are never dropped by what the held-out rows say. Where all of x is
        constant on a training fold, the training mean is predicted.

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than 3 stimuli a fold; not one label for each unit of x.
    ConfigError
        An alpha that is not positive, fewer than 1 component or 2 folds; both components and bands.

    References
    ----------
    Yamins et al. 2014; Golub, Heath and Wahba 1979 (eq. 1.4). For one alpha equal to scikit-learn's PCA and Ridge on
    rows so scaled.
    """
    x, y = paired(x, y)
    fit = Ridge(x, components) if bands is None else BandedRidge(x, bands, draws, seed)
    return predicted(fit, y, split(len(x), folds, seed, groups), alphas)


def linear_predictivity_of_orders(
    x: np.ndarray,
    y: np.ndarray,
    *,
    folds: int,
    alphas: ArrayLike,
    components: int | None,
    bands: ArrayLike | None,
    draws: int,
    seed: int,
    groups: ArrayLike | None = None,
) -> Callable[[np.ndarray], Predictivity]:
    """`linear_predictivity` of y in the order of the given rows; plain ridge decomposes the folds of x once."""
    fit = RidgeAgain(x, components) if bands is None else BandedRidge(x, bands, draws, seed)
    parts = split(len(x), folds, seed, groups)
    return lambda order: predicted(fit, y, parts, alphas, order)


def predicted(
    fit: Ridge | BandedRidge, y: np.ndarray, parts: list, alphas: ArrayLike, order: np.ndarray | None = None
) -> Predictivity:
    """Every unit of y (stimuli, units) in all folds; in the order of the given rows without a copy of them all."""
    order = np.arange(len(y)) if order is None else order
    alphas, folds = np.atleast_1d(np.asarray(alphas, dtype=float)), len(parts)
    r, chosen = np.full((folds, y.shape[1]), np.nan), np.full((folds, y.shape[1]), np.nan)
    shares = np.full((folds, y.shape[1], len(fit.bands)), np.nan)
    errors, deviations = np.zeros(y.shape[1]), np.zeros(y.shape[1])
    for fold, (train, test) in enumerate(parts):
        trained, target = y[order[train]], y[order[test]]
        live = varies(trained)
        if not live.any():
            continue
        if not live.all():
            trained, target = trained[:, live], target[:, live]
        fitted = fit(train, test, trained, alphas)
        chosen[fold, live], shares[fold, live] = fitted.alphas, fitted.shares
        r[fold, live] = column_correlation(fitted.prediction, target)
        errors[live] += np.square(target - fitted.prediction).sum(axis=0)
        deviations[live] += np.square(target - trained.mean(axis=0)).sum(axis=0)
    scored = ~np.isnan(r)
    count = scored.sum(axis=0)
    mean_r = np.where(count > 0, np.where(scored, r, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
    known = deviations > 0
    r2 = np.where(known, 1 - errors / np.where(known, deviations, 1.0), np.nan)
    return Predictivity(r=mean_r, r2=r2, alphas=chosen, grid=alphas, bands=fit.bands, shares=shares)
