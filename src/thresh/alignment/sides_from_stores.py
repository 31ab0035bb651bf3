"""The two sides of a comparison, read from stores: one vector a stimulus, position or word, raw and in codes."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from thresh.alignment.large_sides import of_places, responses
from thresh.alignment.places import positions
from thresh.alignment.sides import Side, View
from thresh.alignment.words import words
from thresh.store import Activations, Codes, open_activations, open_codes


def read_side(
    system: str,
    layer: str,
    activations: Path,
    codes: dict[str, tuple[str, Path]],
    selected: np.ndarray,
    pooling: str,
    blocks: np.ndarray | None = None,
    texts: Callable[[Sequence[int]], list[str]] | None = None,
    with_repeats: bool = False,
) -> Side:
    """One layer with all its representations, pooled to stimuli, or by position or word; large ones see `large_sides`.

    Parameters
    ----------
    activations
        Store of the layer.
    codes
        Name -> (role, store) of the codes of that layer.
    selected
        (stimuli of the set,) boolean: stimuli to compare on.
    pooling
        Rule from rows to stimuli, see `thresh.store.pool`; or 'positions' or 'words', see `places` and `words`.
    blocks
        (stimuli of the set,) labels of stimuli that are exchangeable only with each other.
    texts
        Indices of stimuli -> their texts, for words.
    with_repeats
        Whether single presentations of a recording are read, for metrics that ask for `repeats_x`.

    Raises
    ------
    AlignmentError
        The rows have no positions, or no words.
    """
    store = open_activations(activations)
    owner = store.rows["stimulus"].to_numpy()
    keep, places = selected[owner], None
    if pooling == "positions":
        places = positions(store.rows, keep, f"{system}/{layer}")
    if pooling == "words":
        places = words(store.rows, keep, f"{system}/{layer}", texts)

    def read(rows: Activations | Codes) -> tuple[np.ndarray, ArrayLike]:
        return (places.stimulus, of_places(rows, places)) if places else responses(rows, owner, keep, pooling)

    stimuli, raw = read(store)
    views = {"raw": View("raw", raw)}
    for name, (role, path) in codes.items():
        views[name] = View(role, read(open_codes(path))[1])
    ids, hashes = (store.stimuli[name].to_numpy()[stimuli].astype(str) for name in ("id", "hash"))
    if places is not None:
        ids = np.strings.add(ids, places.names)
        hashes = np.strings.add(np.strings.add(hashes, " and "), places.contents)
    return Side(
        system=system,
        layer=layer,
        ids=ids,
        hashes=hashes,
        views=views,
        ceiling=ceiling_of(store),
        subjects=store.units["subject"].to_numpy() if "subject" in store.units else None,
        blocks=None if blocks is None else blocks[stimuli],
        groups=None if places is None else stimuli,
        words_left_out=0 if places is None else places.left_out,
        repeats=repeats_of(store, stimuli) if with_repeats and places is None else None,
        planted=store.attrs["facts"].get("planted"),
    )


def ceiling_of(store: Activations) -> np.ndarray | None:
    """Noise ceilings of the units; None where nothing tells of noise, as in a recording without repeats."""
    if "ceiling" not in store.units:
        return None
    repeat = store.extra("trials/repeat")
    return None if repeat is not None and repeat.max(initial=0) == 0 else store.units["ceiling"].to_numpy()


def repeats_of(store: Activations, stimuli: np.ndarray) -> np.ndarray | None:
    """(repeats, stimuli, units) float32, NaN where a stimulus was not shown; None where the store has no repeats."""
    if (trials := store.trials) is None:
        return None
    values, stimulus = trials
    repeat, row = store.extra("trials/repeat"), np.full(len(store.stimuli), -1)
    row[stimuli] = np.arange(len(stimuli))
    shown = row[stimulus] >= 0
    found = np.full((repeat.max() + 1, len(stimuli), values.shape[1]), np.nan, np.float32)
    found[repeat[shown], row[stimulus[shown]]] = values[shown]
    return found
