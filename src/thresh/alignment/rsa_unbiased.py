"""Representational similarity that the noise of single presentations does not inflate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.arrays import paired
from thresh.alignment.rdm import LARGEST_RDM, check_spread, comparison_of_orders, distances
from thresh.alignment.rdm_comparison import COMPARISONS, FEWEST, compare_rdms
from thresh.alignment.repeats import unbiased_distances
from thresh.errors import AlignmentError
from thresh.parameters import checked, one_of


@checked(compare=one_of(*COMPARISONS))
def rsa_unbiased(
    x: ArrayLike,
    y: ArrayLike,
    *,
    compare: str = "whitened_cosine",
    repeats_x: ArrayLike | None = None,
    repeats_y: ArrayLike | None = None,
) -> float:
    """Similarity of squared Euclidean distances, of recordings from pairs of repeats: `repeats.unbiased_distances`.

    Parameters
    ----------
    x : (stimuli, units_x)
    y : (stimuli, units_y)
        Responses, of recordings the means over repeats.
    compare
        As `compare_rdms`; by default the whitened unbiased cosine.
    repeats_x, repeats_y : (repeats, stimuli, units)
        Single presentations of a side, NaN where a stimulus was not shown. A side without them is taken for free of
        noise, as a network is.

    Returns
    -------
    float
        In [-1, 1]. Without repeats on either side it is `rsa` of 'sqeuclidean' distances.

    Raises
    ------
    AlignmentError
        As `rsa`, and as `unbiased_distances`; repeats of other stimuli or units than the responses.
    ConfigError
        Unknown comparison.

    References
    ----------
    Walther et al. 2016; Diedrichsen et al. 2020. Agrees with rsatoolbox `calc_rdm_crossnobis` and `compare` with
    'cosine_cov'.
    """
    return compare_rdms(*distances_of_both(*paired(x, y, minimum=FEWEST), compare, repeats_x, repeats_y), compare)


def rsa_unbiased_of_orders(
    x: np.ndarray,
    y: np.ndarray,
    *,
    compare: str,
    repeats_x: ArrayLike | None = None,
    repeats_y: ArrayLike | None = None,
) -> Callable[[np.ndarray], float]:
    """`rsa_unbiased` of x with y in the order of the given rows, from distances that are computed once."""
    return comparison_of_orders(*distances_of_both(x, y, compare, repeats_x, repeats_y), compare)


def distances_of_both(
    x: np.ndarray, y: np.ndarray, compare: str, repeats_x: ArrayLike | None, repeats_y: ArrayLike | None
) -> tuple[np.ndarray, np.ndarray]:
    if len(x) > LARGEST_RDM:
        raise AlignmentError(f"found {len(x)} stimuli, expected at most {LARGEST_RDM} for an RDM.")
    found = distances_of(x, "x", repeats_x), distances_of(y, "y", repeats_y)
    check_spread(*found, "squared", compare)
    return found


def distances_of(side: np.ndarray, name: str, repeats: ArrayLike | None) -> np.ndarray:
    """The upper triangle of the RDM, of which the largest distance is 1."""
    if repeats is None:
        return distances(side, "sqeuclidean")
    if np.shape(repeats)[1:] != side.shape:
        shape = np.shape(repeats)
        raise AlignmentError(
            f"{name}: found repeats of shape {shape}, expected (repeats, {', '.join(map(str, side.shape))})."
        )
    found = unbiased_distances(repeats)
    largest = np.abs(found).max()
    return found / largest if largest > 0 else found
