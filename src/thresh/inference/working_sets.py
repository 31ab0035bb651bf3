"""The lasso of each row on the few atoms that matter to it, checked against all atoms."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from thresh.inference.blocks import block_rows, over_blocks
from thresh.inference.gram import Gram
from thresh.inference.lasso import relative_gap
from thresh.inference.products import product
from thresh.inference.sets import Sets, merged
from thresh.inference.small_lasso import SmallLasso

GROUPS = 128  # of atoms, whose best are the candidates: about what a sort of 128 numbers costs beside a product
FIRST = 24  # atoms of a row to begin with
FIRST_LOOK = 1  # round after which the atoms that break the dual constraint tell how many will be active


@dataclass(frozen=True)
class Effort:
    """How far rows are followed on their working sets.

    Attributes
    ----------
    improve
        Moves a `SmallLasso` towards its optimum, in the round of the given number.
    rounds
        Of a row, at most.
    most
        A row leaves that has more active atoms, or
    candidates
        more atoms that break the dual constraint, after its first round.
    """

    improve: Callable[[SmallLasso, int], None]
    rounds: int
    most: int
    candidates: int


def solve(
    x: Tensor,
    atoms: Tensor,
    warm: Tensor | None,
    *,
    penalty: float,
    nonnegative: bool,
    tolerance: float,
    effort: Effort,
) -> tuple[Tensor, Tensor]:
    """The lasso's codes (rows, atoms) from feasible ones or none, and their relative duality gaps (rows,).

    The first set is a guess from the correlations. In a round of a row its codes move on its working set, where few
    and little correlated atoms make the problem well conditioned, and an exact solve follows on the atoms that are
    active then. One product with all atoms gives the duality gap of the full problem and the atoms to add. Rows that
    are too much effort are left with their codes so far and the gap.

    References
    ----------
    Massias, Gramfort & Salmon 2018 (celer: working sets of the lasso); Lee et al. 2006, algorithm 1 (the solve on the
    active atoms, as far as signs stay).
    """
    problem = Problem(x, atoms, penalty, nonnegative, tolerance, effort)

    def solve_block(rows: slice) -> None:
        numbers = torch.arange(rows.start, rows.stop, device=x.device)
        waiting = problem.begin(x[rows], numbers) if warm is None else problem.begin_from(x[rows], numbers, warm[rows])
        while waiting:
            waiting = merged([part for sets in waiting for piece in sets.pieces() for part in problem.advance(piece)])

    over_blocks(solve_block, len(x), block_rows(x, problem.width), x.device)
    return problem.codes, problem.gap


class Problem:
    """What the rows have in common, and what is found for them."""

    def __init__(self, x: Tensor, atoms: Tensor, penalty: float, nonnegative: bool, tolerance: float, effort: Effort):
        self.group = max(1, len(atoms) // GROUPS)
        self.groups = len(atoms) // self.group + 1
        self.width = self.group * self.groups
        self.nothing = self.width - 1
        self.atoms = pad(atoms, (0, 0, 0, self.width - len(atoms)))
        self.penalty, self.nonnegative, self.tolerance, self.effort = penalty, nonnegative, tolerance, effort
        self.gram = Gram(self.atoms, len(x))
        self.codes = x.new_zeros(len(x), len(atoms))
        self.gap = x.new_full((len(x),), torch.inf)

    def begin(self, x: Tensor, rows: Tensor) -> list[Sets]:
        """The atoms that are active among those of the largest correlations, and those that are then missed most."""
        slope = product(x, self.atoms.T)
        index = self.strongest(self.strength(slope), min(FIRST, self.groups))
        start = slope.gather(1, index)
        sets = Sets(rows, x, index, torch.zeros_like(start), start, -1)
        self.improve(sets)
        index = torch.where(sets.codes != 0, index, self.nothing)
        # Less exact than from the residual, and faster; atoms are only chosen by it, and the next round corrects it.
        slope = self.gram.less(slope, index, sets.codes)
        sets.index, sets.slope = index, slope.gather(1, index)
        return self.extend(sets, slope, self.strength(slope))

    def begin_from(self, x: Tensor, rows: Tensor, codes: Tensor) -> list[Sets]:
        """From codes that are given."""
        count = max(1, int((codes != 0).sum(dim=1).max()))
        index = codes.abs().topk(count, dim=1).indices
        known = codes.gather(1, index)
        sets = Sets(rows, x, index, known, torch.zeros_like(known), 0)
        return [part for own in sets.of_active(self.nothing) for part in self.look(own)]

    def advance(self, sets: Sets) -> list[Sets]:
        """One round: rows that are done leave with their codes, the others get atoms."""
        self.improve(sets)
        parts = []
        for part in sets.of_active(self.nothing):
            small = self.small(part)
            small.solve_active()
            part.codes, part.index = small.codes, torch.where(small.codes != 0, part.index, self.nothing)
            parts += self.look(part)
        return parts

    def improve(self, sets: Sets) -> None:
        small = self.small(sets)
        self.effort.improve(small, sets.rounds)
        sets.codes, sets.slope, sets.rounds = small.codes, small.slope, sets.rounds + 1

    def small(self, sets: Sets) -> SmallLasso:
        return SmallLasso(self.gram.among(sets.index), sets.slope, sets.codes, self.penalty, self.nonnegative)

    def look(self, sets: Sets) -> list[Sets]:
        """The rows that are not done, with the atoms they miss."""
        residual = sets.x - self.gram.combined(sets.index, sets.codes)
        slope = product(residual, self.atoms.T)
        strength = self.strength(slope)
        sets.slope = slope.gather(1, sets.index)
        gap = relative_gap(sets.x, residual, sets.codes, sets.slope, strength.amax(dim=1), self.penalty)
        self.gap[sets.rows] = gap
        running = (gap > self.tolerance) & (sets.rounds < self.effort.rounds)
        running &= (sets.codes != 0).sum(dim=1) <= self.effort.most
        if sets.rounds == FIRST_LOOK:
            running &= (strength > self.penalty).sum(dim=1) <= self.effort.candidates
        rows = running.nonzero().squeeze(1)
        if len(rows) < len(sets.rows):
            self.write(sets.pick((~running).nonzero().squeeze(1)))
            sets, slope = sets.pick(rows), slope[rows]
            strength = slope if self.nonnegative else strength[rows]
        return self.extend(sets, slope, strength) if len(rows) else []

    def extend(self, sets: Sets, slope: Tensor, strength: Tensor) -> list[Sets]:
        """Add the atoms that break the dual constraint most: few at first, when most would turn out not to matter."""
        taken = torch.where(sets.codes != 0, -torch.inf, strength.gather(1, sets.index))
        count = min(max(8 << sets.rounds // 3, sets.index.shape[1] // 2), self.groups)
        strength = strength.scatter(1, sets.index, taken)
        best = self.strongest(strength, count)
        joining = strength.gather(1, best) > self.penalty
        best = torch.where(joining, best, self.nothing)
        return sets.with_more(best, slope.gather(1, best), joining)

    def strength(self, slope: Tensor) -> Tensor:
        return slope if self.nonnegative else slope.abs()

    def strongest(self, strength: Tensor, count: int) -> Tensor:
        """The `count` strongest atoms of each row, in this order: they are in the groups that have the strongest."""
        members = strength.view(len(strength), self.group, self.groups)
        best = members.amax(dim=1).topk(count, dim=1, sorted=False).indices
        candidates = members.gather(2, best.unsqueeze(1).expand(-1, self.group, -1)).flatten(1)
        place = candidates.topk(count, dim=1).indices
        return place.div(count, rounding_mode="floor") * self.groups + best.gather(1, place % count)

    def write(self, sets: Sets) -> None:
        # Unused places are those of the atom of zeros, beyond the width of codes, with weight 0: added, not assigned.
        atoms = self.codes.shape[1]
        if atoms == 0:
            return
        places = sets.rows.unsqueeze(1) * atoms + sets.index.clamp(max=atoms - 1)
        self.codes.view(-1).scatter_add_(0, places.view(-1), sets.codes.reshape(-1))
