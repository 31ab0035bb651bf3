"""What one side shows in a comparison."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from thresh.alignment.sides import Side


@dataclass
class Face:
    """What one side shows in a comparison.

    Attributes
    ----------
    view
        Its name: 'raw', or codes.
    values : (stimuli, units)
    left_out
        Atoms that are active on too few stimuli.
    """

    view: str
    name: str
    values: ArrayLike
    ceiling: np.ndarray | None
    subjects: np.ndarray | None
    left_out: int = 0
    repeats: np.ndarray | None = None

    @classmethod
    def of(cls, side: Side, view: str, rows: np.ndarray, active: int) -> Face:
        values, name = side.views[view].values, f"{side.name} ({view})"
        values = values.tocsr()[rows] if sparse.issparse(values) else values[rows]
        if view == "raw":
            repeats = None if side.repeats is None else side.repeats[:, rows]
            return cls(view, name, values, side.ceiling, side.subjects, repeats=repeats)
        used = stimuli_active(values, None if side.groups is None else side.groups[rows]) >= active
        if used.all() or not used.any():  # with no atom left, that all are constant tells more than an empty shape
            return cls(view, name, values, None, None)
        return cls(view, name, values[:, np.flatnonzero(used)], None, None, int((~used).sum()))


def stimuli_active(codes: ArrayLike, groups: np.ndarray | None) -> np.ndarray:
    """(atoms,) number of stimuli on which each atom is active, in any of their rows."""
    active = sparse.csr_array(codes != 0)
    if groups is not None:
        stimuli, label = np.unique(groups, return_inverse=True)
        shape = (len(stimuli), len(groups))
        members = sparse.csr_array((np.ones(len(groups), int), (label, np.arange(len(groups)))), shape=shape)
        active = (members @ active) != 0
    return np.asarray(active.sum(axis=0)).ravel()
