"""Stimuli in other orders, and halves of them: drawn from a seed alone, hence the same for every pair of layers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from thresh.errors import AlignmentError
from thresh.parameters import SEED, checked, integer

# Of the two kinds of draws, so that no half is the beginning of a permutation.
OF_ORDERS, OF_HALVES = 1, 2


@checked(count=integer(0), seed=SEED)
def permutations(stimuli: int, count: int, *, blocks: ArrayLike | None = None, seed: int = 0) -> np.ndarray:
    """Orders in which the stimuli of one side are given to those of the other.

    Parameters
    ----------
    stimuli
        How many there are.
    count
        How many orders.
    blocks : (stimuli,), optional
        Labels; stimuli change places only with others of their label. For stimuli that are exchangeable only within a
        category, a session or a film: a null that keeps what such blocks explain.

    Returns
    -------
    (count, stimuli) integers
        Each row an order; the first ones are the same for any count.

    Raises
    ------
    AlignmentError
        As many blocks as stimuli, or labels of another number: nothing could change places.
    """
    labels = np.zeros(stimuli, int) if blocks is None else group_numbers(blocks, stimuli, "blocks")
    if count and (stimuli < 2 or len(np.unique(labels)) == stimuli):
        raise AlignmentError(f"blocks: found one for each of {stimuli} stimuli, expected two stimuli in one of them.")
    places = np.argsort(labels, kind="stable")
    orders = np.empty((count, stimuli), int)
    for number, generator in enumerate(generators(OF_ORDERS, count, seed)):
        orders[number, places] = np.lexsort((generator.random(stimuli), labels))
    return orders


@checked(count=integer(0), seed=SEED)
def permutations_of_groups(
    groups: ArrayLike, count: int, *, blocks: ArrayLike | None = None, seed: int = 0
) -> Iterator[np.ndarray]:
    """Orders of the rows of one side in which whole stimuli change places: one at a time, for rows may be many.

    The rows of a stimulus stand for those of another one by one, in their order: positions keep what they have by
    themselves and in common with their neighbours, and so does chance.

    Parameters
    ----------
    groups : (rows,)
        The stimulus of each row; all stimuli have equally many, see `equally_long`.
    count
        How many orders.
    blocks : (rows,), optional
        Labels; stimuli change places only with others of their label.

    Yields
    ------
    (rows,) integers

    Raises
    ------
    AlignmentError
        As `permutations`, of stimuli; stimuli with different numbers of rows.
    """
    groups = np.asarray(groups)
    _, first, label, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    if len(set(sizes.tolist())) > 1:
        raise AlignmentError(f"groups: found {sizes.min()} to {sizes.max()} rows a stimulus, expected equally many.")
    rows_of = np.argsort(label, kind="stable").reshape(len(sizes), -1)
    of_stimuli = None if blocks is None else np.asarray(blocks)[first]
    for order in permutations(len(sizes), count, blocks=of_stimuli, seed=seed):
        found = np.empty(len(groups), int)
        found[rows_of] = rows_of[order]
        yield found


def equally_long(groups: ArrayLike) -> np.ndarray:
    """Rows that can change places with those of other stimuli: the first ones of all stimuli that have so many.

    Their number is that, up to the median, with which most rows are kept: half of the stimuli at least are. Other ways
    to exchange stimuli of different lengths (rows that are repeated, or laid end to end) give chance what no stimulus
    has, such as a beginning in the middle, and call unrelated systems aligned.

    Parameters
    ----------
    groups : (rows,)
        The stimulus of each row.

    Returns
    -------
    (kept rows,) rising indices; all rows where stimuli are equally long.
    """
    _, label, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    lengths = np.unique(sizes[sizes <= np.median(sizes)])
    kept = [length * np.count_nonzero(sizes >= length) for length in lengths]
    length = lengths[int(np.argmax(kept))]
    within = np.empty(len(label), int)
    within[np.argsort(label, kind="stable")] = np.arange(len(label)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.flatnonzero((within < length) & (sizes[label] >= length))


@checked(count=integer(0), seed=SEED)
def halves(items: int, count: int, *, groups: ArrayLike | None = None, seed: int = 0) -> np.ndarray:
    """Random halves, without replacement.

    Parameters
    ----------
    items
        Stimuli, or units.
    count
        How many halves.
    groups : (items,), optional
        Labels; items of one label stay together (frames of a film, units of a subject), and half of the labels are
        drawn.

    Returns
    -------
    (count, items) boolean
        Of an odd number, every second half is the larger one.
    """
    labels = np.arange(items) if groups is None else group_numbers(groups, items, "groups")
    number = int(labels.max(initial=-1)) + 1
    chosen = np.zeros((count, number), bool)
    for place, generator in enumerate(generators(OF_HALVES, count, seed)):
        size = (number + place % 2) // 2
        chosen[place, generator.permutation(number)[:size]] = True
    return chosen[:, labels]


def group_numbers(labels: ArrayLike, items: int, name: str) -> np.ndarray:
    labels = np.asarray(labels)
    if labels.shape != (items,):
        raise AlignmentError(f"{name}: found labels of shape {labels.shape}, expected one for each of {items}.")
    return np.unique(labels, return_inverse=True)[1]


def generators(kind: int, count: int, seed: int) -> list[np.random.Generator]:
    """One for each draw, so that more draws leave the first as they are."""
    return [np.random.default_rng([seed, kind, number]) for number in range(count)]
