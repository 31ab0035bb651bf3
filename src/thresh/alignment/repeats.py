"""Distances between stimuli that the noise of single presentations does not inflate."""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.rdm_comparison import FEWEST
from thresh.errors import AlignmentError


def unbiased_distances(repeats: ArrayLike) -> np.ndarray:
    """Cross-validated squared Euclidean distances between stimuli that were shown several times.

    d_ij = mean over r != s of (x_ri - x_rj)'(x_si - x_sj) / units, over the repeats r, s in which both stimuli were
    shown. Noise that is independent between repeats adds nothing to it in expectation, whereas distances of averages
    grow with it: the expected distance of stimuli with equal mean responses is 0, and single ones are negative.
    An offset that a repeat adds to all its stimuli cancels.

    Parameters
    ----------
    repeats : (repeats, stimuli, units)
        A stimulus that was not shown in a repeat is NaN in all its units.

    Returns
    -------
    (stimuli * (stimuli - 1) / 2,)
        The upper triangle of the RDM, row by row, as `compare_rdms` takes it.

    Raises
    ------
    AlignmentError
        Not three-dimensional; fewer than 2 repeats, 3 stimuli or 1 unit; infinite, or NaN in part of the units; two
        stimuli without two repeats in which both were shown.

    References
    ----------
    Walther et al. 2016; Diedrichsen et al. 2020. Without missing stimuli it is rsatoolbox
    `calc_rdm_crossnobis` with the identity for noise.
    """
    values, shown = presentations(repeats)
    # An offset common to all cancels in the end, but not without loss where it is much larger than what varies.
    values -= values[shown].mean(axis=0)
    values[~shown] = 0.0
    _, stimuli, units = values.shape
    total, count = np.zeros((stimuli, stimuli)), np.zeros((stimuli, stimuli))
    for one, other in combinations(range(len(values)), 2):
        both = (shown[one] & shown[other]).astype(float)
        product = values[one] @ values[other].T
        own = product.diagonal()
        common = np.outer(both, both)
        total += common * (own[:, None] + own - product - product.T)
        count += common
    upper = np.triu_indices(stimuli, 1)
    if not count[upper].all():
        i, j = np.argwhere(np.triu(count == 0, 1))[0]
        raise AlignmentError(f"found no 2 repeats in which stimuli {i} and {j} were both shown, expected at least 2.")
    return total[upper] / (count[upper] * units)


def presentations(repeats: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """A float64 copy of the responses, and which stimulus was shown in which repeat, (repeats, stimuli) bool."""
    if hasattr(repeats, "detach") and hasattr(repeats, "cpu"):
        repeats = repeats.detach().cpu().double().numpy()
    values = np.array(repeats, dtype=np.float64)
    expected = f"(repeats, stimuli, units), at least (2, {FEWEST}, 1)"
    if values.ndim != 3 or any(size < least for size, least in zip(values.shape, (2, FEWEST, 1), strict=True)):
        raise AlignmentError(f"repeats: found shape {values.shape}, expected {expected}.")
    finite = np.isfinite(values)
    shown = finite.all(axis=2)
    partly = ~shown & ~np.isnan(values).all(axis=2)
    if partly.any():
        repeat, stimulus = np.argwhere(partly)[0]
        unit = np.flatnonzero(~finite[repeat, stimulus])[0]
        raise AlignmentError(
            f"repeats: found {values[repeat, stimulus, unit]} at repeat {repeat}, stimulus {stimulus}, unit {unit}, "
            "expected finite values, or NaN in all units of a stimulus that was not shown."
        )
    return values, shown
