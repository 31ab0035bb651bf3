"""Inner products of the atoms that each row has chosen."""

from torch import Tensor
from torch.nn.functional import embedding_bag

ALWAYS = 4096  # atoms, whose products are formed for however few rows
LIMIT = 1 << 26  # entries of the Gram matrix of all atoms: 256 MB in float32


class Gram:
    """D D' of a dictionary, or where that is large, or rows are few, the products that are asked for."""

    def __init__(self, atoms: Tensor, rows: int):
        self.atoms = atoms
        # It costs as much as one product of the atoms with as many rows as there are atoms. Where that is little, it
        # is formed for a few rows too: they are then rounded as they are among many.
        pays = len(atoms) <= ALWAYS or rows >= len(atoms)
        pays = pays and len(atoms) ** 2 <= LIMIT
        self.all = (atoms @ atoms.T).view(-1) if pays else None

    def less(self, correlations: Tensor, index: Tensor, weights: Tensor) -> Tensor:
        """Correlations (rows, atoms) with all atoms, less those of a weighted sum of the atoms (rows, size)."""
        if self.all is None:
            return correlations - self.combined(index, weights) @ self.atoms.T
        lines = self.all.view(len(self.atoms), -1)
        return correlations - embedding_bag(index, lines, per_sample_weights=weights, mode="sum")

    def combined(self, index: Tensor, weights: Tensor) -> Tensor:
        """(rows, units): weighted sums of the atoms (rows, size)."""
        return embedding_bag(index, self.atoms, per_sample_weights=weights, mode="sum")

    def among(self, index: Tensor) -> Tensor:
        """(rows, size, size) for the atoms (rows, size) of each row."""
        rows, size = index.shape
        if self.all is None:
            chosen = self.atoms[index]
            return chosen @ chosen.transpose(1, 2)
        index = index.int()  # half the traffic of long ones
        places = (index * len(self.atoms)).unsqueeze(2) + index.unsqueeze(1)
        return self.all.index_select(0, places.view(-1)).view(rows, size, size)

    def with_one(self, index: Tensor, atom: Tensor) -> Tensor:
        """(rows, size) for the atoms (rows, size) of each row and one more (rows,)."""
        if self.all is None:
            return (self.atoms[index] @ self.atoms[atom].unsqueeze(2)).squeeze(2)
        return self.all.take(index * len(self.atoms) + atom.unsqueeze(1))
