"""Mutual nearest neighbours: do two systems put the same stimuli next to each other?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import paired
from thresh.errors import AlignmentError
from thresh.parameters import checked, integer

BLOCK = 1024  # rows whose similarities to all others are held at once


def fewest_for_neighbours(k: int) -> int:
    return k + 2


@checked(k=integer(1))
def mutual_knn(x: ArrayLike, y: ArrayLike, k: int = 10) -> float:
    """Mean share of a stimulus' k nearest neighbours (by cosine) that both systems agree on.

    mean_i |knn_x(i) & knn_y(i)| / k. Independent responses give k / (stimuli - 1), not 0. A zero row is at cosine 0
    to all. Stimuli that tie for the last places share them: the score is the mean over all ways to break ties,
    independently on each side, lest equal similarities agree by the order of rows.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    k
        Neighbours, fewer than the other stimuli.

    Returns
    -------
    float
        In [0, 1]; 1 for a system with itself unless it has ties.

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than k + 2 stimuli.
    ConfigError
        k below 1.

    References
    ----------
    Huh et al. 2024, section 3 and appendix A (mutual k-nearest neighbours; rows of unit norm, not centred).
    """
    x, y = paired(x, y)
    fewest = fewest_for_neighbours(k)
    if len(x) < fewest:
        raise AlignmentError(f"found {len(x)} stimuli, expected at least {fewest} for {k} nearest neighbours.")
    x, y = unit_rows(x), unit_rows(y)
    agreed = 0.0
    for start in range(0, len(x), BLOCK):
        rows = np.arange(start, min(start + BLOCK, len(x)))
        agreed += float(np.vdot(neighbours(x, rows, k), neighbours(y, rows, k)))
    return agreed / (k * len(x))


def neighbours(x: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """Each stimulus' share of a place among the k nearest of some rows, (rows, stimuli), rows summing to k."""
    distance = -(x[rows] @ x.T)
    distance[np.arange(len(rows)), rows] = np.inf
    farthest = np.partition(distance, k - 1, axis=1)[:, k - 1 : k]
    nearer, tied = distance < farthest, distance == farthest
    places = (k - nearer.sum(axis=1, keepdims=True)) / tied.sum(axis=1, keepdims=True)
    return nearer + tied * places


def unit_rows(x: np.ndarray) -> np.ndarray:
    x = x / np.abs(x).max()
    norm = np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.where(norm > 0, norm, 1.0)
