"""The method of optimal directions: greedy codes of all rows, then least squares for all atoms at once."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.first_atoms import rows_as_atoms
from thresh.dictionaries.kinds import Dictionary
from thresh.dictionaries.kinds.pursuit import PursuitDictionary
from thresh.dictionaries.learner import Learner, Run, Start, Step, unit_rows
from thresh.dictionaries.median import geometric_median
from thresh.dictionaries.scatter import double
from thresh.dictionaries.statistics import Mending
from thresh.dictionaries.worst import WorstRows
from thresh.errors import ConfigError
from thresh.inference import omp
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, integer

RIDGE = 1e-6  # of the mean energy of atoms: keeps least squares solvable where atoms are active together or never
UNUSED = 1e-3  # of the median energy of atoms
TENSORS = ("atoms", "b", "Z_Z", "Z_X", "Z", "X")
MENDED = 0.7  # share of the run in which atoms are replaced; after it they settle


class OptimalDirections(Learner):
    """Minimises the sum of |x - b - z D|^2 over codes z with at most k active atoms, unit-norm atoms and a bias.

    In each epoch, codes of all rows less b by orthogonal matching pursuit under the present atoms, and the sums Z'Z and
    Z'X; at its end D = (Z'Z + eps)^-1 Z'X, with Z and X about their means, the least squares solution for all atoms at
    once, at unit norm, and b what is left of the mean, which begins as the geometric median. In the first
    70 % of the run, atoms that are hardly used and the weaker of two that are close are set to residuals of badly
    explained rows that differ from each other.

    This is the method of optimal directions, not K-SVD. K-SVD goes on to improve each atom together with its codes
    by a singular value decomposition, for which the codes of all rows must stand in memory; the two sums of this method
    have the size of the dictionary, whatever the number of rows.

    Assumes that every row is a sum of about k features. Choose it to compare with published results of MOD and K-SVD.
    `online` with `codes='omp'` minimises the same, batch by batch: it needs fewer passes over many rows, and gets stuck
    less often where two atoms span the plane of two features without being these.

    Parameters
    ----------
    k
        Active atoms of a row, at most.
    nonnegative
        Whether codes are held at or above 0.
    duplicate
        Cosine from which on the weaker of two atoms is replaced.
    bias
        Whether b is learned; else it is 0, as in the paper, which is for rows without a mean of their own.
    epochs
        Updates of the atoms; default: 60.

    References
    ----------
    Engan, Aase & Husøy 1999 (the update); Aharon, Elad & Bruckstein 2006 (K-SVD; replacing atoms).
    """

    name = "mod"

    @checked(k=integer(1), nonnegative=TRUE_OR_FALSE, duplicate=POSITIVE, bias=TRUE_OR_FALSE)
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        k: int = 8,
        nonnegative: bool = True,
        duplicate: float = 0.95,
        bias: bool = True,
        **common,
    ):
        super().__init__(units, atoms, **common)
        if k > atoms:
            raise ConfigError("k", k, f"between 1 and the number of atoms ({atoms})")
        self.k, self.nonnegative, self.duplicate, self.bias = k, nonnegative, duplicate, bias

    def passes(self, rows: int) -> int:
        return self.epochs or 60

    def begin(self, members: Sequence[Learner], start: Start) -> Run:
        return OptimalDirectionsRun(self, start)


class OptimalDirectionsRun(Run):
    """One update of the atoms an epoch."""

    def __init__(self, learner: OptimalDirections, start: Start):
        self.learner = learner
        self.mending = Mending(MENDED, UNUSED, learner.duplicate, signed=not learner.nonnegative)
        self.b = geometric_median(start.sample) if learner.bias else start.sample.new_zeros(learner.units)
        self.atoms = rows_as_atoms(start.less(self.b), learner.atoms, learner.generator())
        self.done = 0.0
        self.worst = WorstRows(learner.atoms, learner.units)
        self.forget()

    def forget(self) -> None:
        self.Z_X = torch.zeros_like(double(self.atoms))
        self.Z_Z = self.Z_X.new_zeros(len(self.atoms), len(self.atoms))
        self.Z, self.X, self.rows = self.Z_X.new_zeros(len(self.Z_X)), self.Z_X.new_zeros(self.Z_X.shape[1]), 0
        self.worst.forget()

    def step(self, x: Tensor, done: float) -> Step:
        x = x - self.b
        codes = omp(x, self.atoms, self.learner.k, self.learner.nonnegative)
        residual = x - codes @ self.atoms
        self.Z_Z += double(codes.T @ codes)
        self.Z_X += double(codes.T @ x)
        self.Z, self.X, self.rows = self.Z + double(codes.sum(0)), self.X + double(x.sum(0)), self.rows + len(x)
        self.worst.add(residual, residual.norm(dim=1))
        self.done = done
        return Step.of(residual.square().sum(dim=1).mean(), residual, codes)

    def end_epoch(self) -> None:
        energy = self.Z_Z.diagonal()
        ridge = RIDGE * energy.mean().clamp(min=torch.finfo(torch.float64).tiny)
        # About their means; without a bias as they are.
        z, x = (each / self.rows * self.learner.bias for each in (self.Z, self.X))
        Z_Z, Z_X = (own - torch.outer(self.Z, mean) for own, mean in ((self.Z_Z, z), (self.Z_X, x)))
        solved = torch.linalg.solve(Z_Z + ridge * torch.eye(len(energy)).to(Z_Z), Z_X)
        self.b = self.b + (x - z @ solved).to(self.b)
        # Least squares gives zeros for an atom that is never active.
        atoms = torch.where((energy > 0).unsqueeze(1), unit_rows(solved), double(self.atoms))
        if self.done < self.mending.until:
            # The median says nothing where most atoms are unused.
            replaced = torch.cat([self.mending.chosen(atoms, energy), (energy == 0).nonzero().squeeze(1)]).unique()
            rows = self.worst.apart(self.mending.duplicate, len(replaced), self.mending.signed)
            atoms[replaced[: len(rows)]] = rows.to(atoms)
        self.atoms = atoms.to(self.atoms)
        self.forget()

    def dictionaries(self) -> list[Dictionary]:
        return [PursuitDictionary(self.atoms, self.learner.k, self.b, nonnegative=self.learner.nonnegative)]

    def state(self, member: int) -> dict[str, Any]:
        kept = {name: getattr(self, name).clone() for name in TENSORS}
        return kept | {"rows": self.rows, "done": self.done, "worst": self.worst.state()}

    def restore(self, member: int, state: dict[str, Any]) -> None:
        for name in TENSORS:
            setattr(self, name, state[name].to(getattr(self, name)))
        self.rows, self.done = state["rows"], state["done"]
        self.worst.restore(state["worst"])
