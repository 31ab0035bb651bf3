"""Atoms that stand for no feature, and the rows that show where one is missed."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.statistics import Statistics
from thresh.dictionaries.worst import WorstRows

FROM, UNTIL = 0.35, 0.75  # of the run: before, atoms are still on their way; after, they settle
LOOKS = 25  # in a whole run, were there no such bounds: a run of fewer epochs has none
SPACING = 4  # epochs from one look to the next, at least: those begun anew need some to show what they are
FAINT = 0.6  # of the usual strength
MOST = 0.1  # of all atoms, at a time
APART = 0.5  # cosine that two new atoms may have


class Renewal:
    """Now and then looks at all rows without the faintest atoms, and sets these to what is then missed most.

    An atom that a feature has found is seldom active, and then strongly; one that has found none takes a little part in
    many rows, to explain what is left there. So faint is an atom whose `Statistics.strength` is far below the usual
    one. Neither its energy nor its distance from other atoms tells. A look is an epoch in which codes do without faint
    atoms and no atom moves; then they begin anew as residuals of badly explained rows that differ from each other.

    Parameters
    ----------
    epochs
        Of the run.
    signed
        Whether an atom and its opposite are the same.
    """

    def __init__(self, epochs: int, statistics: Statistics, signed: bool = False):
        self.epochs, self.done, self.statistics, self.signed = epochs, 0, statistics, signed
        self.faint: Tensor | None = None
        self.worst = WorstRows(*statistics.atoms.shape)

    @property
    def looking(self) -> bool:
        return self.faint is not None

    def others(self) -> Tensor:
        """All atoms, those that are left out as rows of zeros."""
        return self.statistics.atoms.index_fill(0, self.faint, 0)

    def add(self, residual: Tensor) -> None:
        self.worst.add(residual, residual.norm(dim=1))

    def end_epoch(self) -> None:
        """Begin atoms anew if this was a look, and find those that are faint if the next epoch is one."""
        if self.looking:
            begun = self.worst.apart(APART, len(self.faint), self.signed)
            self.statistics.set_atoms(self.faint[: len(begun)], begun.to(self.statistics.atoms))
            self.worst.forget()
        self.done += 1
        self.faint = self.faintest() if self.is_due() else None

    def is_due(self) -> bool:
        between = FROM * self.epochs <= self.done and self.done + 1 <= UNTIL * self.epochs
        return self.epochs >= LOOKS and between and self.done % max(SPACING, self.epochs // LOOKS) == 0

    def faintest(self) -> Tensor | None:
        """Numbers of the faint atoms, the faintest first; None if there are none."""
        strength = self.statistics.strength()
        order = strength.argsort()[: int(MOST * len(strength))]
        faint = order[strength[order] < FAINT * self.statistics.usual_strength()]
        return faint if len(faint) else None

    def state(self) -> dict[str, Any]:
        faint = torch.zeros(0).long() if self.faint is None else self.faint
        return {"worst": self.worst.state(), "faint": faint, "epochs_done": self.done}

    def restore(self, state: dict[str, Any]) -> None:
        self.worst.restore(state["worst"])
        self.done = state["epochs_done"]
        self.faint = state["faint"].to(self.statistics.atoms.device) if len(state["faint"]) else None
