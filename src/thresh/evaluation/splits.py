"""Splits of stimuli that hold out what was never seen together, or lies beyond what was seen.

A split is a column (stimuli,) of 'train', 'in' and 'out'; rows of activations take it by their stimulus:
``split[activations.rows["stimulus"]]``. 'in' is drawn as 'train' is; 'out' is another distribution. An attribute of a
stimulus set is a column of it: ``stimuli.attributes["shape"]``.

To say that codes generalise, hold the same stimuli out of learning the dictionary too: else only the probe has not
seen them.
"""

import numpy as np

from thresh.parameters import checked
from thresh.stimuli.held_out import SHARE, held_out_combinations, held_out_range


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
    StimuliError
        No combination can be held out: an attribute has one value only, or no two share a combination.
    """
    out = held_out_combinations(first, second, held_out, seed)
    split = within(~out, test, np.random.default_rng([seed, 0x7365656E]))
    # A value whose last rows of training were drawn for testing takes them back.
    for column in (np.asarray(first), np.asarray(second)):
        lost = np.setdiff1d(column, column[split == "train"])
        split[np.isin(column, lost) & ~out] = "train"
    return split


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
    StimuliError
        No value is beyond the others.
    """
    out = held_out_range(values, held_out, side)
    return within(~out, test, np.random.default_rng([seed, 0x72616E67]))


def study_split(split: np.ndarray, out: np.ndarray | None = None, apart: np.ndarray | None = None) -> np.ndarray:
    """Places of the stimuli of a study for probes: fitted on train stimuli, scored on test stimuli.

    Parameters
    ----------
    split : (stimuli,)
        The study's own, 'train' and 'test'.
    out : (stimuli,) boolean, optional
        Those that are held out; in training they are left out.
    apart : (stimuli,) boolean, optional
        Those that the study holds out for another reason; they are left out but where they are in `out` too.

    Returns
    -------
    (stimuli,) of 'train', 'in', 'out' and '' for those left out
    """
    places = np.where(split == "test", "in", "train")
    if apart is not None:
        places[apart] = ""
    if out is not None:
        places[out] = np.where(split[out] == "test", "out", "")
    return places


def within(seen: np.ndarray, test: float, random: np.random.Generator) -> np.ndarray:
    """'out' where not seen; else 'in' for a share of the stimuli, drawn at random, and 'train'."""
    split = np.where(seen, "train", "out")
    rows = random.permutation(np.flatnonzero(seen))
    split[rows[: int(test * len(rows))]] = "in"
    return split
