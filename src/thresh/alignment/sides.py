"""Two layers to compare: their responses in several representations, and the stimuli they share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from thresh.errors import AlignmentError

OTHER_PLACES = "; positions are those of one grid or of one tokeniser, others are compared by words or as whole stimuli"


@dataclass
class View:
    """One way to describe a layer's responses: raw units, or the codes of a dictionary.

    Attributes
    ----------
    role
        'raw', 'codes', 'control' (codes of a random dictionary) or another word for the report to group by.
    values : (stimuli, units)
        Dense or scipy.sparse; or a source of `at_size`, of what does not fit in memory.
    """

    role: str
    values: ArrayLike

    @property
    def is_at_size(self) -> bool:
        """Whether responses are read by ranges of rows, so that metrics take them at size."""
        return hasattr(self.values, "read")


@dataclass
class Side:
    """One layer of one system, ready to be compared.

    Attributes
    ----------
    ids, hashes : (stimuli,) str
        Unique ids and content hashes; sides are joined on id, and a shared id must have one hash.
    views
        By representation; always has 'raw'.
    ceiling : (raw units,), optional
        The highest r that each raw unit's noise allows.
    subjects : (raw units,), optional
        Whom each raw unit was recorded from.
    blocks : (stimuli,), optional
        Labels of stimuli that are exchangeable only with each other, and as a rule are drawn together.
    groups : (rows,), optional
        The stimulus of each row, where rows are positions or words of stimuli: everything that is here said of stimuli
        then holds for rows, ids and hashes among them. Rows of one stimulus are held out, drawn and exchanged together.
    repeats : (repeats, stimuli, raw units), optional
        Single presentations of a recording; a stimulus that a repeat lacks is NaN there.
    words_left_out
        Where rows are words, how many of the texts' words the system does not hold whole.
    planted
        {'features': names, 'units': count, 'mixing': 'unit_norm'} of a planted system, for theory's predictions.
    """

    system: str
    layer: str
    ids: np.ndarray
    hashes: np.ndarray
    views: dict[str, View]
    ceiling: np.ndarray | None = None
    subjects: np.ndarray | None = None
    blocks: np.ndarray | None = None
    groups: np.ndarray | None = None
    repeats: np.ndarray | None = None
    words_left_out: int = 0
    planted: dict | None = None

    @property
    def name(self) -> str:
        return f"{self.system}/{self.layer}"


def joined(a: Side, b: Side) -> tuple[np.ndarray, np.ndarray]:
    """Rows of a and of b that show the same stimuli, in the order of ids: every pair of systems gets the same folds."""
    for side in (a, b):
        check(side)
    if (a.groups is None) != (b.groups is None):
        parts, whole = (a, b) if b.groups is None else (b, a)
        raise AlignmentError(
            f"{parts.name} and {whole.name}: found parts of stimuli in {parts.system} and whole stimuli in"
            f" {whole.system}, expected one of them on both sides."
        )
    common, rows_a, rows_b = np.intersect1d(np.asarray(a.ids), np.asarray(b.ids), return_indices=True)
    if not len(common):
        raise AlignmentError(
            f"{a.name} and {b.name}: found no common stimulus (for example {str(a.ids[0])!r} in {a.system},"
            f" {str(b.ids[0])!r} in {b.system}), expected some ids in both."
        )
    differ = np.flatnonzero(np.asarray(a.hashes)[rows_a] != np.asarray(b.hashes)[rows_b])
    if len(differ):
        first = differ[0]
        raise AlignmentError(
            f"{a.name} and {b.name}: found stimulus {str(common[first])!r} with content {a.hashes[rows_a[first]]} in"
            f" {a.system} and {b.hashes[rows_b[first]]} in {b.system} ({len(differ)} such of {len(common)} common"
            f" stimuli), expected the same content under the same id{OTHER_PLACES if a.groups is not None else ''}."
        )
    return rows_a, rows_b


def check(side: Side) -> None:
    """Ids, hashes, views and ceilings of one side belong together."""
    if "raw" not in side.views:
        raise AlignmentError(f"{side.name}: found views {', '.join(side.views) or 'none'}, expected 'raw' among them.")
    if not len(side.ids):
        raise AlignmentError(f"{side.name}: found no stimuli, expected some.")
    if len(np.unique(side.ids)) != len(side.ids):
        raise AlignmentError(f"{side.name}: found an id twice in {len(side.ids)} stimuli, expected unique ids.")
    labels = {"hashes": side.hashes, "blocks": side.blocks, "groups": side.groups}
    lengths = {name: len(label) for name, label in labels.items() if label is not None}
    lengths |= {name: view.values.shape[0] for name, view in side.views.items()}
    for name, length in lengths.items():
        if length != len(side.ids):
            raise AlignmentError(f"{side.name}: found {length} rows of {name}, expected {len(side.ids)}, one an id.")
    if side.groups is not None and side.blocks is not None:
        both = pd.DataFrame({"group": side.groups, "block": side.blocks}).drop_duplicates()
        if both["group"].duplicated().any():
            raise AlignmentError(f"{side.name}: found rows of one stimulus in several blocks, expected one block each.")
    units = side.views["raw"].values.shape[1]
    if side.repeats is not None and side.repeats.shape[1:] != (len(side.ids), units):
        found = f"found repeats of shape {side.repeats.shape}"
        raise AlignmentError(f"{side.name}: {found}, expected (repeats, {len(side.ids)}, {units}).")
    for name, labels in (("ceilings", side.ceiling), ("subjects", side.subjects)):
        if labels is not None and len(labels) != units:
            raise AlignmentError(f"{side.name}: found {len(labels)} {name}, expected one for each of {units} units.")


def representations(a: Side, b: Side) -> list[tuple[str, str, str, str]]:
    """(representation, role, view of a, view of b), raw first, the shuffled control last; at size there is none.

    Codes that one side lacks are compared with its raw responses if it has no codes at all (a recording); between two
    sides with codes they are left out, for a table must not mix codes against codes with codes against raw.
    """
    found = [("raw", a.views["raw"].role, "raw", "raw")]
    for name in (name for name in {**a.views, **b.views} if name != "raw"):
        if any(name not in side.views and len(side.views) > 1 for side in (a, b)):
            continue
        roles = [side.views[name].role for side in (a, b) if name in side.views]
        if len(set(roles)) > 1:
            raise AlignmentError(f"{a.name} and {b.name}: found roles {' and '.join(roles)} for {name}, expected one.")
        found.append((name, roles[0], *(name if name in side.views else "raw" for side in (a, b))))
    if any(side.views["raw"].is_at_size for side in (a, b)):  # rows of a store are read in their order
        return found
    return [*found, ("raw shuffled", "shuffled", "raw", "raw")]
