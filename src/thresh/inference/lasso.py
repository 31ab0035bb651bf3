"""The lasso of many rows on one dictionary: steps towards the optimum, and the distance from it."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from thresh.inference.products import less_product, product


@dataclass
class State:
    """Where FISTA stands, row by row: the codes, the extrapolated point and the momentum t."""

    codes: Tensor
    point: Tensor
    momentum: Tensor

    def keep(self, rows: Tensor) -> "State":
        return State(self.codes[rows], self.point[rows], self.momentum[rows])


def start(codes: Tensor) -> State:
    """At `codes`, without momentum."""
    return State(codes, codes, codes.new_ones(len(codes), 1))


@dataclass
class Lasso:
    """The problem of a batch of rows for one dictionary; what depends on the atoms alone is computed once.

    The penalty is one for all codes, or, for `advance` alone, one for each of them (rows, atoms).
    """

    x: Tensor
    atoms: Tensor
    penalty: float | Tensor
    nonnegative: bool = True
    gram: Tensor | None = None
    largest: float | None = None
    correlations: Tensor | None = None

    def __post_init__(self):
        atoms, units = self.atoms.shape
        if self.largest is None:
            self.largest = largest_eigenvalue(self.atoms)
            # z G costs atoms^2 a row, (z D) D' 2 atoms units.
            self.gram = self.atoms @ self.atoms.T if atoms <= 2 * units else None
        if self.correlations is None:
            self.correlations = product(self.x, self.atoms.T)

    def keep(self, rows: Tensor) -> "Lasso":
        return replace(self, x=self.x[rows], correlations=self.correlations[rows])

    def advance(self, state: State, steps: int) -> State:
        """Take FISTA steps; a row whose step turns against its momentum starts its momentum anew."""
        codes, point, momentum = state.codes, state.point, state.momentum
        size = 1 / self.largest if self.largest > 0 else 0.0
        for _ in range(steps):
            # descent = point - gradient / L
            if self.gram is not None:
                descent = less_product(self.correlations, point, self.gram)
            else:
                descent = less_product(self.correlations, product(point, self.atoms), self.atoms.T)
            new = self.shrink(descent.mul_(size).add_(point), size * self.penalty)
            move = new - codes
            against = ((point - new) * move).sum(dim=1, keepdim=True) > 0
            momentum = torch.where(against, 1.0, momentum)
            following = (1 + (1 + 4 * momentum.square()).sqrt()) / 2
            point = torch.addcmul(new, move, (momentum - 1) / following)
            codes, momentum = new, following
        return State(codes, point, momentum)

    def shrink(self, values: Tensor, threshold: float | Tensor) -> Tensor:
        if self.nonnegative:
            return values.sub_(threshold).clamp_(min=0)
        return values.sign() * (values.abs() - threshold).clamp_(min=0)

    def relative_gap(self, codes: Tensor) -> Tensor:
        """Duality gap of each row divided by its objective, 0 where it is below rounding."""
        residual = less_product(self.x, codes, self.atoms)
        slope = product(residual, self.atoms.T)
        steepest = (slope if self.nonnegative else slope.abs()).amax(dim=1) if slope.shape[1] else residual.sum(1) * 0
        return relative_gap(self.x, residual, codes, slope, steepest, self.penalty)


def relative_gap(x: Tensor, residual: Tensor, codes: Tensor, slope: Tensor, steepest: Tensor, penalty: float) -> Tensor:
    """Duality gap of each row divided by its objective, 0 where it is below rounding.

    With residual r, c = r D' and the dual point s r, s = min(1, penalty / max c), the gap is
    0.5 (1 - s)^2 |r|^2 + sum_j |z_j| (penalty - s c_j sign z_j): a sum of terms that are never
    negative, so that small gaps do not drown in the difference of two large objectives.

    Parameters
    ----------
    x, residual : (rows, units)
    codes, slope : (rows, any)
        z and c where z may differ from zero.
    steepest : (rows,)
        The largest c of all atoms, by absolute value where codes are signed.
    """
    scale = (penalty / steepest.clamp(min=penalty)).unsqueeze(1)
    energy = 0.5 * residual.square().sum(dim=1)
    size = codes.abs().sum(dim=1)
    slack = penalty * codes.abs() - scale * slope * codes
    gap = (1 - scale.squeeze(1)).square() * energy + slack.clamp_(min=0).sum(dim=1)
    rounding = 16 * torch.finfo(codes.dtype).eps * x.norm(dim=1) * size
    objective = energy + penalty * size
    return torch.where(gap <= rounding, 0.0, gap / objective.clamp(min=torch.finfo(codes.dtype).tiny))


def largest_eigenvalue(atoms: Tensor) -> float:
    """Largest eigenvalue of D D', exactly, from the smaller of the two Gram matrices.

    Power iteration would come from below, and a step that is too long makes FISTA diverge.
    """
    small = atoms @ atoms.T if atoms.shape[0] < atoms.shape[1] else atoms.T @ atoms
    return float(torch.linalg.eigvalsh(small)[-1].clamp(min=0)) * (1 + 1e-6) if small.numel() else 0.0
