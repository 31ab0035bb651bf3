"""Matching of single atoms at size: partners from sparse products, pairs from the best candidates of either side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse
from scipy.sparse.csgraph import min_weight_full_bipartite_matching

from thresh.alignment.at_size.partners import best_partners
from thresh.alignment.at_size.reading import whole
from thresh.alignment.at_size.sources import Source, paired_sources
from thresh.alignment.at_size.unit_atoms import UnitAtoms, live_atoms, unit_atoms
from thresh.alignment.folds import FOLDS, split
from thresh.alignment.pairing import Matches, Pairs
from thresh.errors import AlignmentError
from thresh.parameters import SEED, checked, integer
from thresh.store.moments import running

FOLDED = {"folds": FOLDS, "seed": SEED, "min_active": integer(1)}
ALONE = -1.5  # what it counts to leave an atom without a partner: less than the least correlation


def matches(
    x: Any,
    y: Any,
    choose: Callable[[UnitAtoms, UnitAtoms], Pairs],
    folds: int,
    seed: int,
    min_active: int,
    groups: ArrayLike | None,
    scheduler: str,
) -> list[Matches]:
    """Match the live atoms of every training fold and correlate the pairs on the held-out fold.

    Parameters
    ----------
    choose
        From the live atoms of both sides to indices into both and weights.
    """
    codes = [codes_of(side, name) for side, name in zip(paired_sources(x, y), ("x", "y"), strict=True)]
    found = []
    with running(scheduler):
        for number, (train, test) in enumerate(split(codes[0].shape[0], folds, seed, groups), start=1):
            on_train, live = [side[train].tocsc() for side in codes], []
            for name, side in zip(("x", "y"), on_train, strict=True):
                live.append(live_atoms(side, min_active))
                if not len(live[-1]):
                    raise AlignmentError(f"{name}: found no unit that varies on the training rows of fold {number}.")
            units = [unit_atoms(side[:, atoms]) for side, atoms in zip(on_train, live, strict=True)]
            chosen_x, chosen_y, weight = choose(*units)
            chosen = live[0][chosen_x], live[1][chosen_y]
            held_x, held_y = (
                unit_atoms(side[test].tocsc()[:, atoms]) for side, atoms in zip(codes, chosen, strict=True)
            )
            found.append(Matches(*chosen, weight, held_x.correlation(held_y), (len(live[0]), len(live[1]))))
    return found


def codes_of(source: Source, name: str) -> sparse.csr_array:
    if not source.sparse:
        raise AlignmentError(f"{name}: found dense responses, expected sparse codes: Codes, or scipy.sparse.")
    codes = whole(source, name)
    if not live_atoms(codes.tocsc(), 1).size:
        raise AlignmentError(f"{name}: found {codes.shape[1]} constant units, expected at least one that varies.")
    return codes


def best_for_each(x: UnitAtoms, y: UnitAtoms) -> Pairs:
    """For every atom of y the atom of x that correlates most with it."""
    index, _ = best_partners(x, y, 1)
    atoms = np.arange(len(index))
    return index[:, 0], atoms, np.full(len(atoms), 1 / len(atoms))


def assignment(x: UnitAtoms, y: UnitAtoms, candidates: int) -> Pairs:
    """The one-to-one pairs of candidates with the largest sum of correlations.

    A pair is a candidate if either of the two is among the best partners of the other. Every atom of the smaller side
    also has a column of its own for being left alone, so that there is a full matching; with all pairs as candidates
    nobody is.
    """
    if len(x.offset) > len(y.offset):
        chosen_y, chosen_x, weight = assignment(y, x, candidates)
        return chosen_x, chosen_y, weight
    few, many = len(x.offset), len(y.offset)
    for_y, value_y = best_partners(x, y, candidates)
    for_x, value_x = best_partners(y, x, candidates)
    row = np.concatenate([for_y.ravel(), np.repeat(np.arange(few), for_x.shape[1])])
    column = np.concatenate([np.repeat(np.arange(many), for_y.shape[1]), for_x.ravel()])
    _, first = np.unique(row * many + column, return_index=True)
    cost = 2 - np.concatenate([value_y.ravel(), value_x.ravel()])[first]  # zeros would be no edges
    edges = sparse.coo_array((cost, (row[first], column[first])), shape=(few, many))
    alone = sparse.diags_array(np.full(few, 2 - ALONE))
    pair_x, pair_y = min_weight_full_bipartite_matching(sparse.hstack([edges, alone], format="csr"))
    matched = pair_y < many
    return pair_x[matched], pair_y[matched], np.full(matched.sum(), 1 / few)


@checked(**FOLDED)
def semi_matches(
    x: Any,
    y: Any,
    *,
    folds: int = 2,
    seed: int = 0,
    min_active: int = 1,
    groups: ArrayLike | None = None,
    scheduler: str = "threads",
) -> list[Matches]:
    """For every live atom of y its best atom of x, fold by fold; see `semi_matching`."""
    return matches(x, y, best_for_each, folds, seed, min_active, groups, scheduler)


@checked(candidates=integer(1), **FOLDED)
def one_to_one_matches(
    x: Any,
    y: Any,
    *,
    candidates: int = 32,
    folds: int = 2,
    seed: int = 0,
    min_active: int = 1,
    groups: ArrayLike | None = None,
    scheduler: str = "threads",
) -> list[Matches]:
    """One-to-one pairs of live atoms, fold by fold; weights sum to less than 1 where atoms stay alone."""

    def choose(a: UnitAtoms, b: UnitAtoms) -> Pairs:
        return assignment(a, b, candidates)

    return matches(x, y, choose, folds, seed, min_active, groups, scheduler)
