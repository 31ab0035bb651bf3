"""Banded ridge: groups of predictors that each have a scale of their own.

Every band is divided by one number, so that the mean squared norm of its centred training rows is 1, and multiplied by
the root of its share g_b of the prior variance, the shares summing to 1. Ridge on the bands side by side is then ridge
with a penalty alpha / g_b a band. Each target chooses shares and alpha together by generalised cross-validation on
training rows, among equal shares, each band alone, and random draws.

References: Nunez-Elizalde, Huth and Gallant 2019; Dupre la Tour et al. 2022 (random search over the simplex).
"""

from __future__ import annotations

from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import varies
from thresh.alignment.folds import PrincipalAxes, axes_of_gram, axes_of_units
from thresh.alignment.ridge import Fit, ridge
from thresh.errors import AlignmentError
from thresh.parameters import Rule

CONCENTRATIONS = (0.1, 1.0)  # of the Dirichlet draws, in turn: few bands at a time, and all mixtures alike
LABEL = Rule("a name or an integer", lambda value: isinstance(value, str | Integral) and not isinstance(value, bool))


class BandedRidge:
    """Ridge on the bands of x (stimuli, units), shares chosen for every target.

    Parameters
    ----------
    bands : (units,)
        The label of each unit's band.
    draws
        Random shares to choose from, drawn with `seed`; the same in all folds.

    Raises
    ------
    AlignmentError
        Not one label for each unit.
    """

    def __init__(self, x: np.ndarray, bands: ArrayLike, draws: int, seed: int):
        labels = [str(label) for label in np.atleast_1d(np.asarray(bands, dtype=object))]
        if len(labels) != x.shape[1]:
            raise AlignmentError(
                f"bands: found {len(labels)} labels, expected one for each of {x.shape[1]} units of x."
            )
        self.bands = tuple(dict.fromkeys(labels))
        self.band = np.array([self.bands.index(label) for label in labels])
        # Bands lose their scale anyway: done here first, squares neither overflow nor vanish.
        largest = np.array([np.abs(x[:, self.band == band]).max() for band in range(len(self.bands))])
        x = x / np.where(largest > 0, largest, 1.0)[self.band]
        self.x = x - x.mean(axis=0)
        self.grams = None
        if x.shape[1] > len(x):
            members = [self.x[:, self.band == band] for band in range(len(self.bands))]
            self.grams = np.array([one @ one.T for one in members])
        self.candidates = candidate_shares(len(self.bands), draws, seed)

    def __call__(self, train: np.ndarray, test: np.ndarray, targets: np.ndarray, alphas: np.ndarray) -> Fit:
        units = targets.shape[1]
        prediction, chosen = np.zeros((len(test), units)), np.zeros(units)
        criterion, shares = np.full(units, np.inf), np.zeros((units, len(self.bands)))
        scale = self.unit_scale(train)
        for candidate in self.candidates:
            fit = ridge(self.axes(train, test, candidate * scale), targets, alphas)
            better = fit.criterion < criterion
            prediction[:, better], chosen[better] = fit.prediction[:, better], fit.alphas[better]
            criterion[better], shares[better] = fit.criterion[better], candidate
        return Fit(prediction, chosen, criterion, shares)

    def unit_scale(self, train: np.ndarray) -> np.ndarray:
        """What gives the training rows of each band a mean squared norm of 1; 0 for a band that is constant there."""
        rows = self.x[train]
        variance = np.where(varies(rows), rows.var(axis=0), 0.0)
        norm = np.bincount(self.band, variance)
        return np.where(norm > 0, 1 / np.where(norm > 0, norm, 1.0), 0.0)

    def axes(self, train: np.ndarray, test: np.ndarray, weight: np.ndarray) -> PrincipalAxes:
        """Principal axes of the training rows, each band's squares multiplied by its weight."""
        if self.grams is None:
            return axes_of_units(self.x * np.sqrt(weight)[self.band], train, test)
        return axes_of_gram(np.tensordot(weight, self.grams, axes=1), train, test)


def candidate_shares(bands: int, draws: int, seed: int) -> np.ndarray:
    """Equal shares, each band alone, and Dirichlet draws, (candidates, bands)."""
    if bands == 1:
        return np.ones((1, 1))
    generator = np.random.default_rng(seed)
    drawn = [generator.dirichlet(np.full(bands, CONCENTRATIONS[draw % 2])) for draw in range(draws)]
    return np.vstack([np.full((1, bands), 1 / bands), np.eye(bands), *drawn])
