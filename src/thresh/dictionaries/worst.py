"""The worst explained rows of an epoch: where atoms that are of no use can begin anew."""

import torch
from torch import Tensor

from thresh.dictionaries.learner import unit_rows


class WorstRows:
    """Keeps those of the rows it was shown that had the largest errors, largest first, on the CPU.

    Parameters
    ----------
    count
        How many it keeps.
    """

    def __init__(self, count: int, units: int):
        self.count, self.units = count, units
        self.forget()

    def forget(self) -> None:
        self.rows, self.errors = torch.zeros(0, self.units), torch.zeros(0)

    def add(self, rows: Tensor, errors: Tensor) -> None:
        """Take in rows (rows, units) with their errors (rows,); rows without error are of no use."""
        largest = errors.topk(min(self.count, len(errors)))
        rows, errors = (
            torch.cat([kept, new.cpu()])
            for kept, new in ((self.rows, rows[largest.indices]), (self.errors, largest.values))
        )
        order = errors.argsort(descending=True, stable=True)[: self.count]
        order = order[errors[order] > 0]
        self.rows, self.errors = rows[order], errors[order]

    def apart(self, cosine: float, count: int, signed: bool = False) -> Tensor:
        """At most `count` of the rows at unit norm, none closer to one before it than the cosine.

        With `signed`, a row and its opposite are as close as can be.
        """
        rows = unit_rows(self.rows)
        chosen: list[Tensor] = []
        while len(chosen) < count and len(rows):
            chosen.append(rows[0])
            rows = rows[1:]
            near = rows @ chosen[-1]
            rows = rows[(near.abs() if signed else near) <= cosine]
        return torch.stack(chosen) if chosen else rows[:0]

    def state(self) -> dict[str, Tensor]:
        return {"rows": self.rows.clone(), "errors": self.errors.clone()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.rows, self.errors = state["rows"].clone(), state["errors"].clone()
