"""Pairs of canonical directions of every fold: found on training rows, correlated on held-out ones."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import column_correlation
from thresh.alignment.folds import PrincipalAxes, PrincipalAxesByFold, split


def pairs_of_folds(
    x: np.ndarray, y: np.ndarray, variance: float, folds: int | None, seed: int, groups: ArrayLike | None
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Of every fold the training rows, and what `held_out_pairs` finds between axes that hold this share of variance.

    Without folds, all rows are both training and held-out ones.
    """
    everything = np.arange(len(x))
    axes_x, axes_y = PrincipalAxesByFold(x), PrincipalAxesByFold(y)
    for train, test in [(everything, everything)] if folds is None else split(len(x), folds, seed, groups):
        of_x, of_y = (below_the_rows(holding(axes(train, test), variance), folds) for axes in (axes_x, axes_y))
        yield train, *held_out_pairs(of_x, of_y)


def below_the_rows(axes: PrincipalAxes, folds: int | None) -> PrincipalAxes:
    """So few axes of each side that training rows do not correlate perfectly whatever they are.

    Where two sides together have more dimensions than training rows, several canonical correlations are 1, and which of
    the directions that reach it come out is a matter of rounding. The published form on all rows is left as it is.
    """
    return axes if folds is None else axes.first((len(axes.left) - 1) // 2)


def holding(axes: PrincipalAxes, variance: float) -> PrincipalAxes:
    """The first axes, as many as hold this share of the variance of the training rows."""
    if variance == 1 or not len(axes.singular):
        return axes
    held = np.cumsum(axes.singular**2)
    return axes.first(int(np.searchsorted(held, variance * held[-1] * (1 - 1e-12))) + 1)


def held_out_pairs(of_x: PrincipalAxes, of_y: PrincipalAxes) -> tuple[np.ndarray, np.ndarray]:
    """Canonical variates of x on the training rows, (training rows, pairs), and how far pairs correlate on the others.

    Variates are orthonormal; correlations (pairs,) fall on the training rows, not necessarily on the held-out ones.
    """
    left, _, right = np.linalg.svd(of_x.left.T @ of_y.left, full_matrices=False)
    variates_x = of_x.held_out / of_x.singular @ left
    variates_y = of_y.held_out / of_y.singular @ right.T
    return of_x.left @ left, column_correlation(variates_x, variates_y)
