"""Sparse codes of every row, kept from one epoch to the next in a size that is known before."""

import torch
from torch import Tensor

ENTRIES = 32  # of a row: several times as many as rows have active atoms once a dictionary is learned
LARGEST = 2**28  # bytes that are taken without being asked for
ENTRY_BYTES = 8  # an int32 and a float32


class RememberedCodes:
    """The largest codes of each row, at most `entries` of them; those of rows that were not seen are 0.

    Parameters
    ----------
    rows, atoms
        Shape of the codes.
    device
        Where they are kept; rows * entries * 8 bytes.
    """

    def __init__(self, rows: int, atoms: int, device: torch.device, entries: int = ENTRIES):
        self.atoms, self.entries = atoms, min(entries, atoms)
        self.index = torch.zeros(rows, self.entries, dtype=torch.int32, device=device)
        self.values = torch.zeros(rows, self.entries, device=device)

    @staticmethod
    def fits(rows: int, atoms: int) -> bool:
        """Whether it is small enough to be kept unasked."""
        return rows * min(ENTRIES, atoms) * ENTRY_BYTES <= LARGEST

    def keep(self, numbers: Tensor, codes: Tensor) -> None:
        """Take the codes (batch, atoms) of the rows of these numbers in place of those they had."""
        index = codes.abs().topk(self.entries, dim=1, sorted=False).indices
        self.index.index_copy_(0, numbers, index.int())
        self.values.index_copy_(0, numbers, codes.gather(1, index))

    def recall(self, numbers: Tensor) -> Tensor:
        """Codes (batch, atoms) of the rows of these numbers."""
        index, values = (kept.index_select(0, numbers) for kept in (self.index, self.values))
        return values.new_zeros(len(values), self.atoms).scatter_(1, index.long(), values)

    def forget(self, atoms: Tensor) -> None:
        """Set the codes of these atoms to 0 in all rows."""
        gone = torch.zeros(self.atoms, dtype=torch.bool, device=self.values.device)
        gone[atoms] = True
        self.values.masked_fill_(gone[self.index], 0)

    def state(self) -> dict[str, Tensor]:
        return {"index": self.index.clone(), "values": self.values.clone()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.index.copy_(state["index"])
        self.values.copy_(state["values"])
