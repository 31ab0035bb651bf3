"""Scores of matched atoms at size: those of `thresh.alignment.matching` for sparse codes of any number of atoms."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from thresh.alignment.at_size.matches import one_to_one_matches, semi_matches
from thresh.alignment.matching import fraction_above, mean_correlation


def semi_matching(
    x: Any,
    y: Any,
    *,
    folds: int = 2,
    seed: int = 0,
    min_active: int = 1,
    groups: ArrayLike | None = None,
    scheduler: str = "threads",
) -> float:
    """`thresh.alignment.semi_matching` of sparse codes.

    Both sides' entries are held (12 bytes each, a few times over), and correlations of some atoms at a time come from
    sparse products: neither dense codes nor a matrix of atoms by atoms is ever made.

    Parameters
    ----------
    x : (stimuli, atoms_x)
    y : (stimuli, atoms_y)
        Codes, or scipy.sparse; same stimuli in the same order.
    folds
        Shuffled with `seed`. Halves unless it is given: rare atoms are then active on both.
    min_active
        An atom is live, and can match, if it varies and is not zero on at least so many training rows; others are
        dead in that fold, as constant ones are in memory.
    groups : (stimuli,)
        As in memory.
    scheduler
        As `at_size.linear_cka`; it changes no bit of the result.

    Returns
    -------
    float
        With the same folds and `min_active` 1 equal to the metric in memory.

    Raises
    ------
    AlignmentError
        As the metric in memory; a side is dense.
    """
    given = {"folds": folds, "seed": seed, "min_active": min_active, "groups": groups, "scheduler": scheduler}
    return mean_correlation(semi_matches(x, y, **given))[0]


def one_to_one_matching(x: Any, y: Any, **parameters: Any) -> float:
    """`thresh.alignment.one_to_one_matching` of sparse codes, among each atom's best candidates.

    Parameters
    ----------
    candidates : int, default 32
        A pair may be made if either of the two is among so many best partners of the other. Atoms that find no free
        candidate stay alone and count as a correlation of 0 among the atoms of the smaller side.
    **parameters
        As `semi_matching`.

    Returns
    -------
    float
        Equal to the metric in memory where all pairs are candidates; with fewer, atoms whose partner says little may
        stay alone, which moves scores near 0 by little.
    """
    return mean_correlation(one_to_one_matches(x, y, **parameters))[0]


def matched_fraction(x: Any, y: Any, threshold: float = 0.5, **parameters: Any) -> float:
    """`thresh.alignment.matched_fraction` of sparse codes; parameters as `one_to_one_matching`."""
    return fraction_above(one_to_one_matches(x, y, **parameters), threshold)[0]
