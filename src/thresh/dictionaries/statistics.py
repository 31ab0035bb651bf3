"""What sparse codes say about atoms, remembered in two matrices, and how atoms follow from it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from thresh.dictionaries.learner import unit_rows

BLOCK = 64  # atoms whose first corrections are one matrix product
TENSORS = ("atoms", "bias", "A", "B", "z", "x", "fourth")


@dataclass(frozen=True)
class Mending:
    """When an atom is replaced: energy of its codes below `weak` of the median, or cosine with a stronger one."""

    until: float  # share of the run
    weak: float
    duplicate: float
    signed: bool = False  # whether an atom and its opposite are the same

    def chosen(self, atoms: Tensor, energy: Tensor) -> Tensor:
        """Numbers of the atoms to replace; energy (atoms,) is the mean square of their codes."""
        cosine = atoms @ atoms.T
        close = (cosine.abs() if self.signed else cosine) > self.duplicate
        stronger = energy.unsqueeze(0) > energy.unsqueeze(1)
        redundant = (close & stronger).any(dim=1)
        return ((energy < self.weak * energy.median()) | redundant).nonzero().squeeze(1)


def strict_then_mild(duplicate: float, signed: bool) -> tuple[Mending, Mending]:
    """Rules for the first 30 % of a run and up to 55 %: real features can be close to each other, or rare."""
    return Mending(0.3, 0.2, duplicate, signed), Mending(0.55, 1e-3, max(duplicate, 0.95), signed)


def usual_coherence(atoms: Tensor) -> float:
    """Cosine with the nearest neighbour that 90 % of the atoms stay below."""
    cosine = (atoms @ atoms.T).fill_diagonal_(-1)
    return float(cosine.amax(dim=1).quantile(0.9)) if len(atoms) > 1 else 1.0


class Statistics:
    """Atoms and bias, and what the codes so far say about them: A (atoms, atoms), B (atoms, units), and means.

    A, B, z, x and fourth are running means of z'z, z'x, codes, rows and fourth powers of codes. Atoms of unit norm are
    moved to lower tr(D'AD)/2 - tr(D'(B - z'b)), which is the mean of 0.5 |x - b - z D|^2 up to a constant (Mairal et
    al. 2009, eq. 10, where b is 0), one atom after the other: the best unit vector d_j is along B_j - z_j b -
    sum_{l != j} A_jl d_l. The best bias is what codes leave of the mean, x - z D. No row needs to be kept.

    Parameters
    ----------
    bias : (units,), optional
        Where the bias begins; None for a model without one.
    nonnegative
        Whether entries of atoms are held at or above 0: the best such unit vector is along the positive part
        (hierarchical alternating least squares, Cichocki & Phan 2009).
    """

    def __init__(
        self, atoms: Tensor, generator: torch.Generator, *, bias: Tensor | None = None, nonnegative: bool = False
    ):
        self.atoms, self.generator, self.nonnegative = atoms, generator, nonnegative
        self.has_bias = bias is not None
        self.bias = atoms.new_zeros(atoms.shape[1]) if bias is None else bias.clone()
        self.A = atoms.new_zeros(len(atoms), len(atoms))
        self.B = torch.zeros_like(atoms)
        self.z, self.x = atoms.new_zeros(len(atoms)), torch.zeros_like(self.bias)
        self.fourth = atoms.new_zeros(len(atoms))

    def remember(self, codes: Tensor, x: Tensor, window: float) -> None:
        """Take in one batch, and forget with a memory of `window` batches."""
        kept = 1 - 1 / window
        self.A = kept * self.A + (1 - kept) * (codes.T @ codes) / len(x)
        self.B = kept * self.B + (1 - kept) * (codes.T @ x) / len(x)
        self.z = kept * self.z + (1 - kept) * codes.mean(dim=0)
        self.x = kept * self.x + (1 - kept) * x.mean(dim=0)
        self.fourth = kept * self.fourth + (1 - kept) * codes.square().square().mean(dim=0)

    def strength(self) -> Tensor:
        """Root mean square of each atom's codes, where rows count by the squares of these; 0 for unused ones, (atoms,).

        So it says how strong an atom is where it matters, however seldom that is.
        """
        energy = self.A.diagonal()
        return torch.where(energy > 0, self.fourth / energy.clamp(min=torch.finfo(energy.dtype).tiny), 0.0).sqrt()

    def usual_strength(self) -> Tensor:
        """Median of the atoms that are in use; 0 if none is."""
        strength = self.strength()
        return strength.where(strength > 0, torch.nan).nanmedian().nan_to_num()

    def state(self) -> dict[str, Tensor]:
        tensors = {name: getattr(self, name) for name in TENSORS} | {"generator": self.generator.get_state()}
        return {name: tensor.clone() for name, tensor in tensors.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        for name in TENSORS:
            setattr(self, name, state[name].to(self.atoms.device))
        self.generator.set_state(state["generator"])

    def update(self) -> None:
        """One round of block-coordinate descent: the atoms that are in use, in random order, and the bias."""
        energy = self.A.diagonal()
        order = torch.randperm(len(energy), generator=self.generator)
        used = (energy > 1e-6 * energy.max()).cpu()
        for block in order[used[order]].split(BLOCK):
            self.update_block(block.to(self.atoms.device))
        if self.has_bias:
            self.bias = self.x - self.z @ self.atoms

    def update_block(self, block: Tensor) -> None:
        """Some atoms, one after the other; what each changes for those after it is a rank-one correction."""
        A = self.A[block]
        left = self.B[block] - self.z[block].unsqueeze(1) * self.bias - A @ self.atoms
        within = A[:, block]
        for place, j in enumerate(block.tolist()):
            new = self.unit(self.atoms[j] + left[place] / within[place, place])
            left[place + 1 :].addr_(within[place + 1 :, place], new - self.atoms[j], alpha=-1)
            self.atoms[j] = new

    def unit(self, atom: Tensor) -> Tensor:
        """The nearest vector of unit norm that an atom may be."""
        if self.nonnegative:
            # Where nothing is positive, that is the one of the largest entry.
            largest = torch.nn.functional.one_hot(atom.argmax(), len(atom)).to(atom)
            atom = torch.where(atom.amax() > 0, atom.clamp(min=0), largest)
        return atom / atom.norm().clamp(min=torch.finfo(atom.dtype).tiny)

    def replace_atoms(self, residual: Tensor, rule: Mending) -> Tensor:
        """Set weak atoms, and the weaker of two that are close, to the residuals of the worst explained rows.

        Returns the numbers of these atoms.
        """
        length = residual.norm(dim=1)
        replaced = rule.chosen(self.atoms, self.A.diagonal())[: int((length > 0).sum())]
        worst = length.topk(len(replaced)).indices
        self.set_atoms(replaced, unit_rows(residual[worst]))
        return replaced

    def set_atoms(self, numbers: Tensor, atoms: Tensor) -> None:
        """Begin some atoms anew: what was said about them is forgotten."""
        self.atoms[numbers] = atoms
        self.A[numbers] = 0
        self.A[:, numbers] = 0
        for about in (self.B, self.z, self.fourth):
            about[numbers] = 0
