"""Representational similarity analysis: do two systems find the same pairs of stimuli alike?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import squareform
from scipy.stats import rankdata

from thresh.alignment.arrays import centred, paired
from thresh.alignment.rdm_comparison import COMPARISONS, FEWEST, compare_rdms, spread
from thresh.errors import AlignmentError
from thresh.parameters import SEED, checked, integer, one_of, optional

LARGEST_RDM = 20_000  # stimuli; their 200 million distances and ranks take about 8 GB


@checked(
    distance=one_of("correlation", "euclidean", "sqeuclidean", "cosine"),
    compare=one_of(*COMPARISONS),
    limit=optional(integer(FEWEST)),
    seed=SEED,
)
def rsa(
    x: ArrayLike,
    y: ArrayLike,
    *,
    distance: str = "correlation",
    compare: str = "spearman",
    limit: int | None = None,
    seed: int = 0,
) -> float:
    """Similarity of the two matrices of distances between stimuli (RDMs), over all pairs of stimuli.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
    distance
        'correlation' (1 - Pearson r over units), 'cosine' (1 - cosine), 'euclidean' or 'sqeuclidean'. A stimulus whose
        response does not vary over units (for 'cosine': is zero) correlates 0 with every other: distance 1.
    compare
        'spearman', 'pearson', 'cosine', 'whitened_cosine' or 'whitened_correlation' of the distances; see
        `compare_rdms`. 'whitened_cosine' of 'sqeuclidean' is biased linear CKA.
    limit
        Use at most this many stimuli, drawn with `seed`; all by default.

    Returns
    -------
    float
        In [-1, 1].

    Raises
    ------
    AlignmentError
        As `linear_cka`; fewer than 3 stimuli; all distances of one side equal; more than 20,000 stimuli.
    ConfigError
        Unknown distance or comparison; a limit below 3.

    References
    ----------
    Kriegeskorte et al. 2008. Agrees with rsatoolbox `calc_rdm` and `compare`.
    """
    x, y = paired(x, y, minimum=FEWEST)
    if limit is not None and limit < len(x):
        rows = np.sort(np.random.default_rng(seed).choice(len(x), limit, replace=False))
        x, y = paired(x[rows], y[rows], minimum=FEWEST)
    return compare_rdms(*distances_of_both(x, y, distance, compare), compare)


def rsa_of_orders(
    x: np.ndarray, y: np.ndarray, *, distance: str, compare: str, limit: int | None, seed: int
) -> Callable[[np.ndarray], float]:
    """`rsa` of x with y in the order of the given rows, from distances and ranks that are computed once."""
    if limit is not None and limit < len(x):
        return lambda order: rsa(x, y[order], distance=distance, compare=compare, limit=limit, seed=seed)
    return comparison_of_orders(*distances_of_both(x, y, distance, compare), compare)


def comparison_of_orders(first: np.ndarray, second: np.ndarray, compare: str) -> Callable[[np.ndarray], float]:
    """`compare_rdms` with the stimuli of the second RDM in the order of the given rows."""
    if compare == "spearman":
        first, second, compare = rankdata(first), rankdata(second), "pearson"
    square = squareform(second)
    above, below = np.triu_indices(len(square), 1)
    return lambda order: compare_rdms(first, square[order[above], order[below]], compare)


def distances_of_both(x: np.ndarray, y: np.ndarray, distance: str, compare: str) -> tuple[np.ndarray, np.ndarray]:
    """Upper triangles of both RDMs, refused where a side has nothing to compare."""
    if len(x) > LARGEST_RDM:
        raise AlignmentError(f"found {len(x)} stimuli, expected at most {LARGEST_RDM} for an RDM: give rsa a limit.")
    found = distances(x, distance), distances(y, distance)
    check_spread(*found, distance, compare)
    return found


def check_spread(x: np.ndarray, y: np.ndarray, distance: str, compare: str) -> None:
    """Raise AlignmentError where a side has nothing to compare."""
    for name, side in (("x", x), ("y", y)):
        # Distances by angle are at most 2, and the largest by Euclid is at least 1: below is rounding.
        if spread(side, compare) <= 1e-12 * max(1.0, side.max()):
            raise AlignmentError(f"{name}: found equal distances ({distance}) between all stimuli, RSA is undefined.")


def distances(x: np.ndarray, distance: str) -> np.ndarray:
    """The RDM's upper triangle, row by row: (stimuli * (stimuli - 1) / 2,). Euclidean ones up to a common factor."""
    if distance in ("correlation", "cosine"):
        vectors = x / np.abs(x).max()
        if distance == "correlation":
            constant = vectors.max(axis=1) == vectors.min(axis=1)
            vectors = vectors - vectors.mean(axis=1, keepdims=True)
            vectors[constant] = 0.0
        norm = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.where(norm > 0, norm, 1.0)
        square = 1 - vectors @ vectors.T
    else:
        vectors = centred(x)
        gram = vectors @ vectors.T
        square = np.maximum(gram.diagonal()[:, None] + gram.diagonal() - 2 * gram, 0.0)
        if distance == "euclidean":
            np.sqrt(square, out=square)
    return square[np.triu_indices(len(x), 1)]
