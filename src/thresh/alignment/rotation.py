"""Procrustes: how well one system's responses are a rotation of another's."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import centred, paired
from thresh.alignment.folds import FOLDS, PrincipalAxesByFold, split
from thresh.parameters import SEED, checked, optional


@checked(folds=optional(FOLDS), seed=SEED)
def procrustes(
    x: ArrayLike, y: ArrayLike, *, folds: int | None = 5, seed: int = 0, groups: ArrayLike | None = None
) -> float:
    """Cosine between y and the best rotation of x.

    max_Q <X Q, Y> / (|X|_F |Y|_F), Q with orthonormal rows or columns, sides centred. Q is fitted on training rows
    and the cosine taken on held-out rows (centred by the training mean), mean over folds. With folds=None all rows
    both fit and score, and the value is the closed form |X'Y|_* / (|X|_F |Y|_F), the cosine of the Procrustes
    angular distance: a similarity of shapes, inflated when units are many for the stimuli there are.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    folds
        Shuffled with `seed`; None for the closed form.
    groups : (stimuli,)
        Labels of stimuli that stay on one side of every fold; see `folds.split`.

    Returns
    -------
    float
        In [-1, 1]; in [0, 1] with folds=None.

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than 3 stimuli a fold.

    References
    ----------
    Williams et al. 2021, eq. 5 to 7; Harvey et al. 2024. The closed form equals rsatoolbox `bures`.
    """
    x, y = paired(x, y)
    x, y = centred(x), centred(y)
    if folds is None:
        return float(np.linalg.svd(thin(x).T @ thin(y), compute_uv=False).sum() / np.linalg.norm(x) / np.linalg.norm(y))
    axes_x, axes_y = PrincipalAxesByFold(x), PrincipalAxesByFold(y)
    return float(np.mean([held_out_cosine(x, y, axes_x, axes_y, *part) for part in split(len(x), folds, seed, groups)]))


@checked(folds=optional(FOLDS), seed=SEED)
def shape_distance(
    x: ArrayLike, y: ArrayLike, *, folds: int | None = 5, seed: int = 0, groups: ArrayLike | None = None
) -> float:
    """Angle between y and the best rotation of x: how far apart two shapes are, in radians.

    arccos of `procrustes`. With folds=None it is the angular shape distance, a metric: symmetric, 0 between rotations
    of the same responses (to about 1e-8, for an arccos near 1 halves the digits), and subject to the triangle
    inequality, so that systems can be embedded or clustered by it. Held out, the default, it is neither inflated by
    many units nor a metric.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    folds
        Shuffled with `seed`; None for the closed form on all rows.
    groups : (stimuli,)
        Labels of stimuli that stay on one side of every fold; see `folds.split`.

    Returns
    -------
    float
        In [0, pi]; in [0, pi/2] with folds=None.

    Raises
    ------
    AlignmentError
        As `procrustes`.

    References
    ----------
    Williams et al. 2021, eq. 5 to 7. The closed form is arccos of rsatoolbox `bures`.
    """
    return float(np.arccos(np.clip(procrustes(x, y, folds=folds, seed=seed, groups=groups), -1.0, 1.0)))


def held_out_cosine(
    x: np.ndarray,
    y: np.ndarray,
    axes_x: PrincipalAxesByFold,
    axes_y: PrincipalAxesByFold,
    train: np.ndarray,
    test: np.ndarray,
) -> float:
    """One fold: the rotation in the principal axes of the training rows, outside of which nothing is aligned."""
    of_x, of_y = axes_x(train, test), axes_y(train, test)
    left, _, right = np.linalg.svd((of_x.left * of_x.singular).T @ (of_y.left * of_y.singular), full_matrices=False)
    norms = [np.linalg.norm(side[test] - side[train].mean(axis=0)) for side in (x, y)]
    if min(norms) == 0:
        return 0.0
    return float(np.vdot(of_x.held_out @ left @ right, of_y.held_out) / norms[0] / norms[1])


def thin(x: np.ndarray) -> np.ndarray:
    """x up to a rotation of its units, with no more columns than rows."""
    if x.shape[1] <= len(x):
        return x
    squared, left = np.linalg.eigh(x @ x.T)
    return left * np.sqrt(np.maximum(squared, 0.0))
