"""Working sets of atoms, row by row, in batches of equal width."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

WIDTHS = 16  # sets have multiples of so many places, wide ones of four times as many
SETS_LIMIT = 1 << 22  # entries of the Gram matrices of a block's working sets
PARTS = ("rows", "x", "index", "codes", "slope")


@dataclass
class Sets:
    """Working sets of rows, padded to equal length by an atom of zeros; what differs from round to round."""

    rows: Tensor  # numbers among all rows
    x: Tensor
    index: Tensor
    codes: Tensor
    slope: Tensor  # r D' at the atoms of the set
    rounds: int

    def pieces(self) -> list["Sets"]:
        """Of so few rows that their Gram matrices fit in memory."""
        most = max(1, SETS_LIMIT // self.index.shape[1] ** 2)
        return [self.pick(slice(begin, begin + most)) for begin in range(0, len(self.rows), most)]

    def pick(self, rows: "Tensor | slice") -> "Sets":
        return Sets(*(getattr(self, name)[rows] for name in PARTS), self.rounds)

    def of_active(self, nothing: int) -> list["Sets"]:
        """The active atoms alone, in parts of equal width."""
        parts = []
        for width, rows in by_width(self.codes != 0):
            part = self.pick(rows)
            place = part.codes.abs().topk(width, dim=1).indices
            index, codes, slope = (each.gather(1, place) for each in (part.index, part.codes, part.slope))
            parts.append(Sets(part.rows, part.x, torch.where(codes != 0, index, nothing), codes, slope, self.rounds))
        return parts

    def with_more(self, index: Tensor, slope: Tensor, joining: Tensor) -> list["Sets"]:
        """With atoms (rows, more) of which the first are `joining`, in parts of equal width."""
        parts = []
        for width, rows in by_width(joining):
            part = self.pick(rows)
            part.index = torch.cat([part.index, index[rows, :width]], dim=1)
            part.slope = torch.cat([part.slope, slope[rows, :width]], dim=1)
            part.codes = pad(part.codes, (0, width))
            parts.append(part)
        return parts


def by_width(used: Tensor) -> list[tuple[int, Tensor]]:
    """Widths, and the rows whose used places fit into it.

    Sums of another length are rounded otherwise: the width that a row is computed with has to be its own.
    """
    count = used.sum(dim=1).clamp_(min=1)
    step = torch.where(count <= 4 * WIDTHS, WIDTHS, 4 * WIDTHS)
    widths = ((count + step - 1) // step * step).clamp_(max=used.shape[1])
    return [(width, (widths == width).nonzero().squeeze(1)) for width in widths.unique().tolist()]


def merged(parts: list[Sets]) -> list[Sets]:
    """Parts of equal width in one."""
    alike = {}
    for part in parts:
        alike.setdefault(part.index.shape[1], []).append(part)
    return [
        Sets(*(torch.cat([getattr(part, name) for part in same]) for name in PARTS), same[0].rounds)
        for same in alike.values()
    ]
