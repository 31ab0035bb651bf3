"""Splits of stimuli that hold out what was never seen together, or lies beyond what was seen.

A split is a column (stimuli,) of 'train', 'in' and 'out'; rows of activations take it by their stimulus:
``split[activations.rows["stimulus"]]``. 'in' is drawn as 'train' is; 'out' is another distribution. An attribute of a
stimulus set is a column of it: ``stimuli.attributes["shape"]``.

To say that codes generalise, hold the same stimuli out of learning the dictionary too: else only the probe has not
seen them.
"""

import numpy as np

from thresh.errors import DictionaryError
from thresh.parameters import Rule, checked, is_number, one_of

SHARE = Rule("a number above 0 and below 1", lambda value: is_number(value) and 0 < value < 1)


@checked(held_out=SHARE, test=SHARE)
def compositional_split(first, second, held_out: float = 0.25, test: float = 0.25, seed: int = 0) -> np.ndarray:
    """Hold out combinations of two attributes: every value of either is seen in training, some pairs never.

    Parameters
    ----------
    first, second : (stimuli,)
        Attributes of a few values each.
    held_out
        Share of the combinations to be held out; fewer where a value would be left with none.
    test
        Share of the other stimuli that are 'in'.

    Returns
    -------
    (stimuli,) of 'train', 'in' and 'out'

    Raises
    ------
    DictionaryError
        No combination can be held out: an attribute has one value only, or no two share a combination.
    """
    values = np.stack([np.unique(np.asarray(each), return_inverse=True)[1] for each in (first, second)], axis=1)
    pairs, pair_of = np.unique(values, axis=0, return_inverse=True)
    random = np.random.default_rng([seed, 0x636F6D70])
    out = np.isin(pair_of, held_out_pairs(pairs, max(int(held_out * len(pairs)), 1), random))
    if not out.any():
        raise DictionaryError(
            f"found {len(pairs)} combinations of {' and '.join(str(n) for n in values.max(axis=0) + 1)} values, none of"
            " which can be held out: expected each attribute's values to come in more than one."
        )
    split = within(~out, test, random)
    # A value whose last rows of training were drawn for testing takes them back.
    for column in values.T:
        lost = np.setdiff1d(column, column[split == "train"])
        split[np.isin(column, lost) & ~out] = "train"
    return split


def held_out_pairs(pairs: np.ndarray, wanted: int, random: np.random.Generator) -> np.ndarray:
    """Indices of at most so many pairs (pairs, 2), drawn so that each value stays in a pair that is not drawn."""
    left = [np.bincount(column) for column in pairs.T]
    drawn: list[int] = []
    for index in random.permutation(len(pairs)):
        counts = [count[value] for count, value in zip(left, pairs[index], strict=True)]
        if len(drawn) < wanted and min(counts) > 1:
            drawn.append(index)
            for count, value in zip(left, pairs[index], strict=True):
                count[value] -= 1
    return np.array(drawn, int)


@checked(held_out=SHARE, test=SHARE, side=one_of("above", "below"))
def range_split(values, held_out: float = 0.2, side: str = "above", test: float = 0.25, seed: int = 0) -> np.ndarray:
    """Hold out the largest or the smallest values of a number: what is 'out' is beyond all that was trained on.

    Parameters
    ----------
    values : (stimuli,)
        An attribute that is a number.
    held_out
        Share of the stimuli to be held out; fewer where many have one value.
    side
        'above' holds out the largest, 'below' the smallest.
    test
        Share of the other stimuli that are 'in'.

    Returns
    -------
    (stimuli,) of 'train', 'in' and 'out'

    Raises
    ------
    DictionaryError
        A value is not finite, or no value is beyond the others.
    """
    values = np.asarray(values, np.float64)
    if not np.isfinite(values).all():
        raise DictionaryError("the values hold some that are not finite, expected none.")
    values = values if side == "above" else -values
    out = values > np.quantile(values, 1 - held_out)
    if not out.any():
        raise DictionaryError(f"found no values {side} those of {1 - held_out:g} of the stimuli, expected some.")
    return within(~out, test, np.random.default_rng([seed, 0x72616E67]))


def within(seen: np.ndarray, test: float, random: np.random.Generator) -> np.ndarray:
    """'out' where not seen; else 'in' for a share of the stimuli, drawn at random, and 'train'."""
    split = np.where(seen, "train", "out")
    rows = random.permutation(np.flatnonzero(seen))
    split[rows[: int(test * len(rows))]] = "in"
    return split
