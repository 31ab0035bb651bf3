"""Responses as matrices: what every metric checks before it compares, and a few operations all of them share."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from thresh.errors import AlignmentError


def as_matrix(values: ArrayLike, name: str = "x") -> np.ndarray:
    """Responses as float64 (stimuli, units).

    Takes NumPy arrays, torch tensors on any device, scipy.sparse codes (made dense) and all that `np.asarray` takes.

    Raises
    ------
    AlignmentError
        Not numbers, not two-dimensional, empty, or a value is not finite.
    """
    if sparse.issparse(values):
        values = values.toarray()
    if hasattr(values, "detach") and hasattr(values, "cpu"):
        values = values.detach().cpu().double()  # double() also for bfloat16, which NumPy does not know
    try:
        matrix = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AlignmentError(
            f"{name}: found values that are not numbers, expected (stimuli, units): {error}."
        ) from None
    if matrix.ndim != 2 or 0 in matrix.shape:
        raise AlignmentError(f"{name}: found shape {matrix.shape}, expected (stimuli, units), neither of them 0.")
    if not np.isfinite(matrix).all():
        row, unit = np.argwhere(~np.isfinite(matrix))[0]
        raise AlignmentError(f"{name}: found {matrix[row, unit]} at row {row}, unit {unit}, expected finite values.")
    return matrix


def paired(
    x: ArrayLike, y: ArrayLike, *, minimum: int = 2, names: tuple[str, str] = ("x", "y")
) -> tuple[np.ndarray, np.ndarray]:
    """Both sides as float64 matrices of the same stimuli.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    minimum
        The fewest stimuli that the metric is defined for.
    names
        What messages call the two sides.

    Raises
    ------
    AlignmentError
        As `as_matrix`; row counts differ, too few stimuli, or every unit of a side is constant.
    """
    x, y = as_matrix(x, names[0]), as_matrix(y, names[1])
    if len(x) != len(y):
        raise AlignmentError(
            f"{names[0]} and {names[1]}: found {len(x)} and {len(y)} rows, expected the same stimuli on both sides."
        )
    if len(x) < minimum:
        raise AlignmentError(f"{names[0]} and {names[1]}: found {len(x)} stimuli, expected at least {minimum}.")
    for name, side in zip(names, (x, y), strict=True):
        if not varies(side).any():
            raise AlignmentError(f"{name}: found {side.shape[1]} constant units, expected at least one that varies.")
    return x, y


def varies(x: np.ndarray) -> np.ndarray:
    """Which units take more than one value over the rows, (units,) bool. Exact: no tolerance decides who is dead."""
    return x.max(axis=0) != x.min(axis=0)


def centred(x: np.ndarray) -> np.ndarray:
    """Columns centred, and the whole scaled to a largest entry of 1 so that squares neither overflow nor vanish."""
    x = x / np.abs(x).max()
    x -= x.mean(axis=0)
    return x / np.abs(x).max()


def unit_columns(x: np.ndarray) -> np.ndarray:
    """Columns centred and of unit norm; a constant column becomes zeros, so that it correlates 0 with everything."""
    constant = ~varies(x)
    x = x - x.mean(axis=0)
    x[:, constant] = 0.0
    largest = np.abs(x).max(axis=0)
    x /= np.where(largest > 0, largest, 1.0)
    norm = np.linalg.norm(x, axis=0)
    return x / np.where(norm > 0, norm, 1.0)


def column_correlation(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson correlation of each column of x with the same column of y, (units,); 0 where one of them is constant."""
    return np.einsum("ij,ij->j", unit_columns(x), unit_columns(y))
