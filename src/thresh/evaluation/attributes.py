"""Whether attributes of stimuli can be read as a probe or a splice wants to read them."""

from collections.abc import Callable

import numpy as np

from thresh.errors import StimuliError
from thresh.evaluation.splits import study_split
from thresh.stimuli.held_out import attribute as attribute_of
from thresh.stimuli.held_out import held_out as held_out_by
from thresh.stimuli.held_out import missing

Columns = dict[str, np.ndarray]


def probe_plan(
    attributes: Columns,
    split: np.ndarray,
    *,
    attribute: str,
    kind: str,
    held_out: dict | None = None,
    left_out: dict | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Values of an attribute, and where each stimulus goes.

    Parameters
    ----------
    attributes, split
        Of a stimulus set.
    kind
        'labels', 'quantity', or 'classes': numbers of a model's classes.
    held_out
        Arguments of `thresh.stimuli.held_out.held_out`: what is scored apart.
    left_out
        The same, for what the study's split holds out beside.

    Returns
    -------
    values : (stimuli,)
    places : (stimuli,) of 'train', 'in', 'out', and '' for those without a value or left out
    out : (stimuli,) boolean of those that are held out, or None

    Raises
    ------
    StimuliError
        There is no such attribute, nothing can be held out of it, it is not of that kind, train stimuli have less
        than two values, or test stimuli, or those that are held out, none that could be scored.
    """
    values = attribute_of(attributes, attribute)
    KINDS[kind](attribute, values[~missing(values)])
    out = None if held_out is None else held_out_by(attributes, **held_out)
    apart = None if left_out is None else held_out_by(attributes, **left_out)
    places = np.where(missing(values), "", study_split(split, out, apart))
    trained = np.unique(values[places == "train"])
    if len(trained) < 2:
        raise StimuliError(f"found less than two values of {attribute!r} among train stimuli, expected two or more.")
    for place, words in SCORED.items():
        found = values[places == place]
        if (place == "in" or out is not None) and not tells_apart(found, trained, kind):
            mend = "" if place == "in" else " (another share or seed, or a `held_out` of the probe's own)"
            raise StimuliError(
                f"found {len(np.unique(found))} of the values of {attribute!r} in {len(found)} {words} stimuli,"
                f" expected two or more, one of them trained on{mend}."
            )
    return values, places, out


SCORED = {"in": "test", "out": "held-out test"}


def tells_apart(found: np.ndarray, trained: np.ndarray, kind: str) -> bool:
    """Whether scores are defined: a class that was trained on, and others beside it; or two numbers."""
    known = kind == "quantity" or np.isin(found, trained).any()
    return bool(known and len(np.unique(found)) > 1)


def drawn(wanted: np.ndarray, at_most: int, seed: int) -> np.ndarray:
    """At most so many of the stimuli that are wanted, drawn at random: (stimuli,) boolean."""
    found = np.flatnonzero(wanted)
    if len(found) > at_most:
        found = np.random.default_rng([seed, 0x64726177]).choice(found, at_most, replace=False)
    chosen = np.zeros(len(wanted), bool)
    chosen[found] = True
    return chosen


def check_labels(name: str, values: np.ndarray) -> None:
    """Labels come again and again; numbers that do not are quantities."""
    classes = len(np.unique(values))
    if 2 * classes > len(values):
        raise StimuliError(
            f"found {classes} values of {name!r} in {len(values)} stimuli, expected labels that come more than once"
            " (`kind: quantity` reads a number by its size)."
        )


def check_numbers(name: str, values: np.ndarray) -> None:
    if not (np.issubdtype(values.dtype, np.number) or values.dtype == bool) or not np.isfinite(values).all():
        raise StimuliError(f"found values of {name!r} such as {values[:1].tolist()}, expected finite numbers.")


def check_classes(name: str, values: np.ndarray) -> None:
    if not np.issubdtype(values.dtype, np.integer) or (values < 0).any():
        raise StimuliError(
            f"found values of {name!r} such as {values[:1].tolist()}, expected numbers of the model's classes, from 0,"
            " for every stimulus."
        )


KINDS: dict[str, Callable[[str, np.ndarray], None]] = {
    "labels": check_labels,
    "quantity": check_numbers,
    "classes": check_classes,
}
