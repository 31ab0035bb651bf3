"""Stimuli that are held out together: combinations of attributes never seen together, or values beyond all others."""

from collections.abc import Sequence

import numpy as np

from thresh.errors import StimuliError
from thresh.parameters import Rule, checked, is_number, one_of

SHARE = Rule("a number above 0 and below 1", lambda value: is_number(value) and 0 < value < 1)


@checked(share=SHARE)
def held_out_combinations(first, second, share: float = 0.25, seed: int = 0) -> np.ndarray:
    """Hold out combinations of two attributes so that every value of either stays in some that are not held out.

    Parameters
    ----------
    first, second : (stimuli,)
        Attributes of a few values each. A stimulus that lacks one is not held out.
    share
        Of the combinations; fewer are held out where a value would be left with none, and one at least.

    Returns
    -------
    (stimuli,) boolean

    Raises
    ------
    StimuliError
        No combination can be held out: an attribute has one value only, or no two share a combination.
    """
    columns = [np.asarray(each) for each in (first, second)]
    if len(columns[0]) != len(columns[1]):
        raise StimuliError(f"found attributes of {len(columns[0])} and {len(columns[1])} stimuli, expected as many.")
    known = ~(missing(columns[0]) | missing(columns[1]))
    for column in columns:
        check_comes_again(column[known])
    values = np.stack([np.unique(each[known], return_inverse=True)[1] for each in columns], axis=1)
    pairs, pair_of = np.unique(values, axis=0, return_inverse=True)
    random = np.random.default_rng([seed, 0x636F6D70])
    drawn = drawn_pairs(pairs, max(int(share * len(pairs)), 1), random)
    if not len(drawn):
        counts = " and ".join(str(n) for n in (values.max(axis=0) + 1 if len(values) else (0, 0)))
        raise StimuliError(
            f"found {len(pairs)} combinations of {counts} values, none of which can be held out: expected each"
            " attribute's values to come in more than one."
        )
    found = np.zeros(len(known), bool)
    found[known] = np.isin(pair_of, drawn)
    return found


def check_comes_again(column: np.ndarray) -> None:
    count = len(np.unique(column))
    if 2 * count > len(column):
        raise StimuliError(
            f"found {count} values in {len(column)} stimuli to combine, expected attributes whose values come more than"
            " once; `range` holds numbers out."
        )


def drawn_pairs(pairs: np.ndarray, wanted: int, random: np.random.Generator) -> np.ndarray:
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


@checked(share=SHARE, side=one_of("above", "below"))
def held_out_range(values, share: float = 0.25, side: str = "above") -> np.ndarray:
    """Hold out the largest or the smallest values of a number.

    Parameters
    ----------
    values : (stimuli,)
        A stimulus without a value (NaN) is not held out.
    share
        Of the stimuli; fewer are held out where many have one value.
    side
        'above' holds out the largest, 'below' the smallest.

    Returns
    -------
    (stimuli,) boolean

    Raises
    ------
    StimuliError
        The values are no numbers, or none is beyond the others.
    """
    values = np.asarray(values)
    if not np.issubdtype(values.dtype, np.number):
        raise StimuliError(f"found values such as {values.flat[0]!r}, expected numbers to hold a range out of.")
    known = ~missing(values)
    signed = values.astype(np.float64) * (1 if side == "above" else -1)
    found = np.zeros(len(values), bool)
    if known.any():
        found[known] = signed[known] > np.quantile(signed[known], 1 - share)
    if not found.any():
        raise StimuliError(f"found no values {side} those of {1 - share:g} of the stimuli, expected some.")
    return found


def held_out(
    attributes: dict[str, np.ndarray],
    *,
    combinations: Sequence[str] | None = None,
    range: str | None = None,
    share: float = 0.25,
    side: str = "above",
    seed: int = 0,
) -> np.ndarray:
    """`held_out_combinations` of two attributes, or `held_out_range` of one, by their names.

    Raises
    ------
    StimuliError
        An attribute is not there, or nothing can be held out of it.
    """
    columns = [attribute(attributes, name) for name in (combinations or [range])]
    if combinations is not None:
        return held_out_combinations(*columns, share=share, seed=seed)
    return held_out_range(*columns, share=share, side=side)


def attribute(attributes: dict[str, np.ndarray], name: str) -> np.ndarray:
    if name not in attributes:
        known = f"one of {', '.join(sorted(attributes))}" if attributes else "attributes, of which there are none"
        raise StimuliError(f"found no attribute {name!r}, expected {known}.")
    return attributes[name]


def missing(column: np.ndarray) -> np.ndarray:
    """(stimuli,) boolean: where a column has no value, which is NaN among numbers and '' among texts."""
    if np.issubdtype(column.dtype, np.floating):
        return np.isnan(column)
    return column == "" if column.dtype.kind == "U" else np.zeros(len(column), bool)
