"""Ridge regression on training rows, its penalty chosen there, its predictions for held-out rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from thresh.alignment.folds import PrincipalAxes, PrincipalAxesByFold


@dataclass(frozen=True)
class Fit:
    """What one training fold predicts, and what it chose.

    Attributes
    ----------
    prediction : (held-out rows, units)
    alphas : (units,)
        Penalties.
    criterion : (units,)
        Generalised cross-validation of the choice: residuals over the square of the degrees of freedom.
    shares : (units, bands)
        Of each band of predictors in the prior variance; no bands in plain ridge.
    """

    prediction: np.ndarray
    alphas: np.ndarray
    criterion: np.ndarray
    shares: np.ndarray


class Ridge:
    """Plain ridge on all units of x (stimuli, units), or on their first principal components."""

    bands: tuple[str, ...] = ()

    def __init__(self, x: np.ndarray, components: int | None = None):
        self.axes, self.components = PrincipalAxesByFold(x), components

    def __call__(self, train: np.ndarray, test: np.ndarray, targets: np.ndarray, alphas: np.ndarray) -> Fit:
        return ridge(self.predictors(train, test), targets, alphas)

    def predictors(self, train: np.ndarray, test: np.ndarray) -> PrincipalAxes:
        return unit_rows(self.axes(train, test).first(self.components))


class RidgeAgain(Ridge):
    """The same for many targets, one after the other: it remembers the axes of all folds."""

    def __init__(self, x: np.ndarray, components: int | None = None):
        super().__init__(x, components)
        self.known: dict[bytes, PrincipalAxes] = {}

    def predictors(self, train: np.ndarray, test: np.ndarray) -> PrincipalAxes:
        fold = test.tobytes()
        if fold not in self.known:
            self.known[fold] = super().predictors(train, test)
        return self.known[fold]


def unit_rows(axes: PrincipalAxes) -> PrincipalAxes:
    """The same axes, divided by one number so that the mean squared norm of the centred training rows is 1."""
    scale = np.linalg.norm(axes.singular) / np.sqrt(len(axes.left)) if len(axes.singular) else 1.0
    return PrincipalAxes(axes.left, axes.singular / scale, axes.held_out / scale)


def ridge(axes: PrincipalAxes, targets: np.ndarray, alphas: np.ndarray) -> Fit:
    """Each unit of the targets (training rows, units) with the best of the penalties for it."""
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
    criterion = residual / freedom[:, None] ** 2
    best = np.argmin(criterion, axis=0)
    weights = axes.singular[:, None] / (axes.singular[:, None] ** 2 + alphas[best]) * loading
    return Fit(axes.held_out @ weights + mean, alphas[best], criterion.min(axis=0), np.zeros((len(best), 0)))
