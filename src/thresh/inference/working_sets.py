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
from thresh.inference.small_lasso import SmallLasso

GROUPS = 128  # of atoms, whose best are the candidates: about what a sort of 128 numbers costs beside a product
FIRST = 24  # atoms of a row to begin with
FIRST_LOOK = 1  # round after which the atoms that break the dual constraint tell how many will be active
WIDTHS = 16  # sets have multiples of so many places
SETS_LIMIT = 1 << 22  # entries of the Gram matrices of a block's working sets


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
    x: Tensor, atoms: Tensor, warm: Tensor | None, *, penalty: float, nonnegative: bool, tolerance: float, effort: Effort
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
            sets = waiting.pop()
            if len(sets.rows) > 1 and sets.index.shape[1] ** 2 * len(sets.rows) > SETS_LIMIT:
                waiting += sets.halves()
            else:
                waiting += problem.advance(sets)

    over_blocks(solve_block, len(x), block_rows(x, problem.width), x.device)
    return problem.codes, problem.gap


@dataclass
class Sets:
    """Working sets of rows, padded to equal length by an atom of zeros; what differs from round to round."""

    rows: Tensor  # numbers among all rows
    x: Tensor
    index: Tensor
    codes: Tensor
    slope: Tensor  # r D' at the atoms of the set
    rounds: int

    def halves(self) -> list["Sets"]:
        middle = len(self.rows) // 2
        return [self.pick(slice(middle)), self.pick(slice(middle, None))]

    def pick(self, rows: "Tensor | slice") -> "Sets":
        parts = (part[rows] for part in (self.rows, self.x, self.index, self.codes, self.slope))
        return Sets(*parts, self.rounds)

    def of_active(self, nothing: int) -> list["Sets"]:
        """The active atoms alone, in parts of equal width.

        Sums of another length are rounded otherwise: the width that a row is computed with has to be its own.
        """
        places = ((self.codes != 0).sum(dim=1).sub_(1).clamp_(min=0) // WIDTHS + 1).mul_(WIDTHS)
        places.clamp_(max=self.index.shape[1])
        return [self.pick(places == width).strongest(width, nothing) for width in places.unique().tolist()]

    def strongest(self, width: int, nothing: int) -> "Sets":
        place = self.codes.abs().topk(width, dim=1).indices
        index, codes, slope = (part.gather(1, place) for part in (self.index, self.codes, self.slope))
        return Sets(self.rows, self.x, torch.where(codes != 0, index, nothing), codes, slope, self.rounds)


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
        small = self.small(index, start, torch.zeros_like(start))
        self.effort.improve(small, 0)
        # Less exact than from the residual, and faster; atoms are only chosen by it, and the next round corrects it.
        slope = self.gram.less(slope, index, small.codes)
        strength = self.strength(slope)
        index = torch.where(small.codes != 0, index, self.nothing)
        return [self.extend(Sets(rows, x, index, small.codes, slope.gather(1, index), 0), slope, strength)]

    def begin_from(self, x: Tensor, rows: Tensor, codes: Tensor) -> list[Sets]:
        """From codes that are given."""
        count = max(1, int((codes != 0).sum(dim=1).max()))
        values, index = codes.abs().topk(count, dim=1)
        return self.look(Sets(rows, x, index, codes.gather(1, index), values, 0))

    def strength(self, slope: Tensor) -> Tensor:
        return slope if self.nonnegative else slope.abs()

    def strongest(self, strength: Tensor, count: int) -> Tensor:
        """The `count` strongest atoms of each row: they are in the groups that have the strongest."""
        members = strength.view(len(strength), self.group, self.groups)
        best = members.amax(dim=1).topk(count, dim=1, sorted=False).indices
        candidates = members.gather(2, best.unsqueeze(1).expand(-1, self.group, -1)).flatten(1)
        place = candidates.topk(count, dim=1, sorted=False).indices
        return place.div(count, rounding_mode="floor") * self.groups + best.gather(1, place % count)

    def small(self, index: Tensor, slope: Tensor, codes: Tensor) -> SmallLasso:
        return SmallLasso(self.gram.among(index), slope, codes, self.penalty, self.nonnegative)

    def advance(self, sets: Sets) -> list[Sets]:
        """One round."""
        small = self.small(sets.index, sets.slope, sets.codes)
        self.effort.improve(small, sets.rounds)
        small.solve_active()
        sets.codes = small.codes
        sets.rounds += 1
        return self.look(sets)

    def look(self, sets: Sets) -> list[Sets]:
        """Rows that are done leave with their codes, the others get atoms."""
        parts = (self.look_at(part) for part in sets.of_active(self.nothing))
        return [part for part in parts if part is not None]

    def look_at(self, sets: Sets) -> Sets | None:
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
        return self.extend(sets, slope, strength) if len(rows) else None

    def extend(self, sets: Sets, slope: Tensor, strength: Tensor) -> Sets:
        """Add the atoms that break the dual constraint most: few at first, when most would turn out not to matter."""
        taken = torch.where(sets.codes != 0, -torch.inf, strength.gather(1, sets.index))
        count = min(max(8 << sets.rounds // 3, sets.index.shape[1] // 2), self.groups)
        best = self.strongest(strength.scatter(1, sets.index, taken), count)
        sets.index = torch.cat([sets.index, best], dim=1)
        sets.slope = torch.cat([sets.slope, slope.gather(1, best)], dim=1)
        sets.codes = torch.cat([sets.codes, sets.codes.new_zeros(best.shape)], dim=1)
        return sets

    def write(self, sets: Sets) -> None:
        # Unused places are those of the atom of zeros, beyond the width of codes, with weight 0: added, not assigned.
        atoms = self.codes.shape[1]
        places = sets.rows.unsqueeze(1) * atoms + sets.index.clamp(max=atoms - 1)
        self.codes.view(-1).scatter_add_(0, places.view(-1), sets.codes.reshape(-1))
