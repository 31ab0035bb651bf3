"""Cross-validation: which stimuli select, which are scored, and the principal axes of the first seen by the second."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import varies
from thresh.errors import AlignmentError
from thresh.parameters import SEED, checked, integer

ROWS_A_FOLD = 3  # the fewest held-out rows on which a correlation says anything
FOLDS = integer(2)


def fewest_in_folds(folds: int | None = None, **_: object) -> int:
    """The fewest rows that can be held out in so many folds; the fewest that vary at all where there are none."""
    return 2 if folds is None else folds * ROWS_A_FOLD


@checked(folds=FOLDS, seed=SEED)
def split(rows: int, folds: int, seed: int, groups: ArrayLike | None = None) -> list[tuple[np.ndarray, np.ndarray]]:
    """Shuffled folds as (training rows, held-out rows), each sorted; every row is held out once.

    Parameters
    ----------
    groups : (rows,)
        Labels of rows that belong together, such as the tokens of one document: whole groups are dealt into folds,
        so that what a group has in common is never both learned and scored. By default every row is dealt alone.

    Raises
    ------
    ConfigError
        Fewer than 2 folds.
    AlignmentError
        Fewer than 3 rows a fold, in all or where whole groups are dealt; fewer groups than folds; not one label a row.
    """
    if rows < fewest_in_folds(folds):
        raise AlignmentError(f"found {rows} stimuli, expected at least {fewest_in_folds(folds)} for {folds} folds.")
    if groups is None:
        held_out = np.array_split(np.random.default_rng(seed).permutation(rows), folds)
    else:
        held_out = whole_groups(rows, folds, seed, np.asarray(groups))
    return [(np.setdiff1d(np.arange(rows), part), np.sort(part)) for part in held_out]


def whole_groups(rows: int, folds: int, seed: int, groups: np.ndarray) -> list[np.ndarray]:
    """The rows held out in each fold: shuffled groups, each dealt to the fold with the fewest rows so far."""
    if groups.shape != (rows,):
        raise AlignmentError(f"found groups of shape {groups.shape}, expected one label for each of {rows} stimuli.")
    _, label, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    if len(sizes) < folds:
        raise AlignmentError(f"found {len(sizes)} groups of stimuli, expected at least {folds} for {folds} folds.")
    fold_of, filled = np.zeros(len(sizes), dtype=int), np.zeros(folds, dtype=int)
    for group in np.random.default_rng(seed).permutation(len(sizes)):
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += sizes[group]
    if filled.min() < ROWS_A_FOLD:
        raise AlignmentError(
            f"found a fold of {filled.min()} stimuli in whole groups, expected at least {ROWS_A_FOLD}."
        )
    return [np.flatnonzero(fold_of[label] == fold) for fold in range(folds)]


@dataclass(frozen=True)
class PrincipalAxes:
    """The training rows are left * singular in their principal axes (centred), the held-out rows are `held_out`.

    Attributes
    ----------
    left : (training rows, k)
        Orthonormal.
    singular : (k,)
        Falling, all above rounding.
    held_out : (held-out rows, k)
        Centred by the training mean.
    """

    left: np.ndarray
    singular: np.ndarray
    held_out: np.ndarray

    def first(self, k: int | None) -> PrincipalAxes:
        return PrincipalAxes(self.left[:, :k], self.singular[:k], self.held_out[:, :k])


class PrincipalAxesByFold:
    """Principal axes of the training rows of any fold of x (stimuli, units).

    With more units than stimuli everything comes from the stimuli's Gram matrix, which is computed once for all
    folds: 32768 units cost no more per fold than 640.
    """

    def __init__(self, x: np.ndarray):
        self.x = x - x.mean(axis=0)  # an offset that all rows share would cost the Gram matrix its precision
        self.gram = self.x @ self.x.T if x.shape[1] > len(x) else None

    def __call__(self, train: np.ndarray, test: np.ndarray) -> PrincipalAxes:
        if not varies(self.x[train]).any():  # else the only axis would be the rounding that centring leaves
            return PrincipalAxes(np.zeros((len(train), 0)), np.zeros(0), np.zeros((len(test), 0)))
        return axes_of_units(self.x, train, test) if self.gram is None else axes_of_gram(self.gram, train, test)


def axes_of_units(x: np.ndarray, train: np.ndarray, test: np.ndarray) -> PrincipalAxes:
    """Principal axes of x[train], from x (stimuli, units)."""
    mean = x[train].mean(axis=0)
    left, singular, axes = np.linalg.svd(x[train] - mean, full_matrices=False)
    kept = singular > singular[0] * max(len(train), len(mean)) * np.finfo(float).eps
    return PrincipalAxes(left[:, kept], singular[kept], (x[test] - mean) @ axes[kept].T)


def axes_of_gram(gram: np.ndarray, train: np.ndarray, test: np.ndarray) -> PrincipalAxes:
    """Principal axes of the training rows, from the Gram matrix of all stimuli."""
    across = gram[np.ix_(test, train)]
    gram = gram[np.ix_(train, train)]
    column_mean, grand_mean = gram.mean(axis=0), gram.mean()
    across = across - across.mean(axis=1, keepdims=True) - column_mean + grand_mean
    squared, left = np.linalg.eigh(gram - column_mean - column_mean[:, None] + grand_mean)
    squared, left = squared[::-1], left[:, ::-1]
    kept = squared > squared[0] * len(train) * np.finfo(float).eps
    singular = np.sqrt(squared[kept])
    return PrincipalAxes(left[:, kept], singular, across @ left[:, kept] / singular)
