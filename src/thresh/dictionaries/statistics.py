"""What sparse codes say about atoms, remembered in two matrices, and how atoms follow from it."""

from dataclasses import dataclass

import torch
from torch import Tensor

from thresh.dictionaries.learner import unit_rows


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
    """Atoms, and what the codes so far say about them: A (atoms, atoms) and B (atoms, units).

    A and B are running means of z'z and z'x. Atoms of unit norm are moved to lower tr(D'AD)/2 - tr(D'B), which is the
    mean of 0.5 |x - z D|^2 up to a constant (Mairal et al. 2009, eq. 10), one atom after the other: the best unit
    vector d_j is along B_j - sum_{l != j} A_jl d_l. No row needs to be kept.

    Parameters
    ----------
    nonnegative
        Whether entries of atoms are held at or above 0: the best such unit vector is along the positive part
        (hierarchical alternating least squares, Cichocki & Phan 2009).
    """

    def __init__(self, atoms: Tensor, generator: torch.Generator, *, nonnegative: bool = False):
        self.atoms, self.generator, self.nonnegative = atoms, generator, nonnegative
        self.A = atoms.new_zeros(len(atoms), len(atoms))
        self.B = torch.zeros_like(atoms)

    def remember(self, codes: Tensor, x: Tensor, window: float) -> None:
        """Take in one batch, and forget with a memory of `window` batches."""
        kept = 1 - 1 / window
        self.A = kept * self.A + (1 - kept) * (codes.T @ codes) / len(x)
        self.B = kept * self.B + (1 - kept) * (codes.T @ x) / len(x)

    def state(self) -> dict[str, Tensor]:
        tensors = {"atoms": self.atoms, "A": self.A, "B": self.B, "generator": self.generator.get_state()}
        return {name: tensor.clone() for name, tensor in tensors.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.atoms, self.A, self.B = (state[name].to(self.atoms.device) for name in ("atoms", "A", "B"))
        self.generator.set_state(state["generator"])

    def update_atoms(self) -> None:
        """One round of block-coordinate descent over the atoms that are in use, in random order."""
        energy = self.A.diagonal()
        order = torch.randperm(len(energy), generator=self.generator)
        used = (energy > 1e-6 * energy.max()).cpu()
        for j in order[used[order]].tolist():
            step = (self.B[j] - self.A[j] @ self.atoms) / energy[j]
            moved = self.atoms[j] + step
            if self.nonnegative:
                # Where nothing is positive, the nearest unit vector is that of the largest entry.
                largest = torch.nn.functional.one_hot(moved.argmax(), len(moved)).to(moved)
                moved = torch.where(moved.amax() > 0, moved.clamp(min=0), largest)
            self.atoms[j] = moved / moved.norm().clamp(min=1e-12)

    def replace_atoms(self, residual: Tensor, rule: Mending) -> Tensor:
        """Set weak atoms, and the weaker of two that are close, to the residuals of the worst explained rows.

        Returns the numbers of these atoms.
        """
        length = residual.norm(dim=1)
        replaced = rule.chosen(self.atoms, self.A.diagonal())[: int((length > 0).sum())]
        worst = length.topk(len(replaced)).indices
        self.atoms[replaced] = unit_rows(residual[worst])
        self.A[replaced] = 0
        self.A[:, replaced] = 0
        self.B[replaced] = 0
        return replaced
