"""The lasso of each row on the few atoms that matter to it, checked against all atoms."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from thresh.devices import on_cpu
from thresh.inference.blocks import block_rows, over_blocks
from thresh.inference.gram import Gram
from thresh.inference.lasso import relative_gap

LEAST_ATOMS = 256  # a smaller dictionary is not worth the choice
GROUPS = 128  # of atoms, whose best are the candidates: about what a sort of 128 numbers costs beside a product
FIRST = 24  # atoms of a row to begin with
STEPS = 12  # FISTA steps of a round, more in later ones
ROUNDS = 14
SETS_LIMIT = 1 << 22  # entries of the Gram matrices of a block's working sets


def suit(atoms: Tensor) -> bool:
    """Whether working sets can be much smaller than the dictionary."""
    return len(atoms) >= LEAST_ATOMS


def solve(
    x: Tensor, atoms: Tensor, codes: Tensor, *, penalty: float, nonnegative: bool, tolerance: float, max_steps: int
) -> Tensor:
    """Fill `codes` (zeros) with the lasso's; returns the rows whose relative duality gap is still above the tolerance.

    The first set is a guess from the correlations. A round of a row takes FISTA steps on its working set, where few
    and little correlated atoms make the problem well conditioned, and a Newton step on the atoms that are active
    then. One product with all atoms gives the exact duality gap of the full problem and the atoms to add. Rows with
    more active atoms than a quarter of the dictionary, or after too many rounds, are left with their codes so far.

    References
    ----------
    Massias, Gramfort & Salmon 2018 (celer: working sets of the lasso); Lee et al. 2006, algorithm 1 (the Newton step
    on the active atoms, as far as no sign changes).
    """
    if max_steps < STEPS:
        return torch.arange(len(x), device=x.device)
    problem = Problem(x, atoms, penalty, nonnegative, max_steps)
    left = torch.ones(len(x), dtype=torch.bool, device=x.device)

    def solve_block(rows: slice) -> None:
        waiting = [problem.begin(x[rows], torch.arange(rows.start, rows.stop, device=x.device))]
        while waiting:
            sets = waiting.pop()
            if len(sets.rows) > 1 and sets.index.shape[1] ** 2 * len(sets.rows) > SETS_LIMIT:
                waiting += sets.halves()
            elif len(sets.rows):
                waiting.append(problem.advance(sets, codes, left, tolerance))

    over_blocks(solve_block, len(x), block_rows(x, problem.width), x.device)
    return left.nonzero().squeeze(1)


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


class Problem:
    """What the rows have in common."""

    def __init__(self, x: Tensor, atoms: Tensor, penalty: float, nonnegative: bool, max_steps: int):
        self.group = len(atoms) // GROUPS
        self.groups = len(atoms) // self.group + 1
        self.width = self.group * self.groups
        self.nothing = self.width - 1
        self.most = len(atoms) // 4
        self.atoms = pad(atoms, (0, 0, 0, self.width - len(atoms)))
        self.penalty, self.nonnegative, self.max_steps = penalty, nonnegative, max_steps
        self.gram = Gram(self.atoms, len(x))

    def begin(self, x: Tensor, rows: Tensor) -> Sets:
        """The atoms that are active among those of the largest correlations, and those that are then missed most."""
        slope = x @ self.atoms.T
        index = self.strongest(self.strength(slope), min(FIRST, self.groups))
        start = slope.gather(1, index)
        z = self.descend(self.gram.among(index), start, torch.zeros_like(start))
        index, z, _ = self.support(index, z, start)
        # Less exact than from the residual, and faster; atoms are only chosen by it, and the next round corrects it.
        slope = self.gram.less(slope, index, z)
        strength = self.strength(slope)
        return self.extend(Sets(rows, x, index, z, slope.gather(1, index), 1), slope, strength)

    def strength(self, slope: Tensor) -> Tensor:
        return slope if self.nonnegative else slope.abs()

    def strongest(self, strength: Tensor, count: int) -> Tensor:
        """The `count` strongest atoms of each row: they are in the groups that have the strongest."""
        members = strength.view(len(strength), self.group, self.groups)
        best = members.amax(dim=1).topk(count, dim=1, sorted=False).indices
        candidates = members.gather(2, best.unsqueeze(1).expand(-1, self.group, -1)).flatten(1)
        place = candidates.topk(count, dim=1, sorted=False).indices
        return place.div(count, rounding_mode="floor") * self.groups + best.gather(1, place % count)

    def advance(self, sets: Sets, codes: Tensor, left: Tensor, tolerance: float) -> Sets:
        """One round: rows that are done write their codes and leave, the others get atoms."""
        gram = self.gram.among(sets.index)
        target = sets.slope + torch.bmm(sets.codes.unsqueeze(1), gram).squeeze(1)
        # What is left after some rounds is badly conditioned, and a step here is cheap beside a product with all atoms.
        z = self.descend(gram, target, sets.codes, min(STEPS << max(0, sets.rounds - 3), self.max_steps))
        index, z, target = self.support(sets.index, z, target)
        z = self.newton(self.gram.among(index), target, z)
        residual = sets.x - self.gram.combined(index, z)
        slope = residual @ self.atoms.T
        strength = self.strength(slope)
        at = slope.gather(1, index)
        gap = relative_gap(sets.x, residual, z, at, strength.amax(dim=1), self.penalty)
        sets = Sets(sets.rows, sets.x, index, z, at, sets.rounds + 1)
        running = gap > tolerance
        left[sets.rows] = running
        running &= ((z != 0).sum(dim=1) <= self.most) & (sets.rounds < ROUNDS)
        rows = running.nonzero().squeeze(1)
        if len(rows) < len(sets.rows):
            ended = sets.pick((~running).nonzero().squeeze(1))
            write(codes, ended.rows, ended.index, ended.codes)
            sets, slope = sets.pick(rows), slope[rows]
            strength = slope if self.nonnegative else strength[rows]
        return self.extend(sets, slope, strength) if len(rows) else sets

    def descend(self, gram: Tensor, target: Tensor, codes: Tensor, steps: int = STEPS) -> Tensor:
        """FISTA steps for 0.5 z G z' - z target' + penalty |z|, each code with a step of its own.

        The row sums of |G| on the diagonal majorise G, as 1/L does for all codes alike.
        """
        bound = gram.abs().sum(dim=1)
        size = torch.where(bound > 0, bound, 1.0).reciprocal_()
        threshold = size * self.penalty
        shift = size * target
        if self.nonnegative:
            shift -= threshold
        point, momentum = codes, 1.0
        for _ in range(steps):
            new = torch.bmm(point.unsqueeze(1), gram).squeeze(1)
            new = torch.addcmul(point, new, size, value=-1).add_(shift)
            if self.nonnegative:
                new.clamp_(min=0)
            else:
                new -= new.clamp(min=-threshold, max=threshold)
            move = new - codes
            if steps > STEPS:  # in fewer, momentum does no harm
                against = ((point - new) * move * bound).sum(dim=1, keepdim=True) > 0
                momentum = torch.where(against, 1.0, momentum)
            following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            point = new + move * ((momentum - 1) / following)
            codes, momentum = new, following
        return codes

    def support(self, index: Tensor, codes: Tensor, target: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The active atoms alone; other places become the atom of zeros, so that a row's numbers are its own."""
        if on_cpu(codes):
            most = max(1, int((codes != 0).sum(dim=1).max()))
            place = codes.abs().topk(most, dim=1, sorted=False).indices
            index, codes, target = (part.gather(1, place) for part in (index, codes, target))
        active = codes != 0
        return torch.where(active, index, self.nothing), codes, torch.where(active, target, 0.0)

    def newton(self, gram: Tensor, target: Tensor, codes: Tensor) -> Tensor:
        """To the optimum on the active atoms, as far as the first code that would change its sign, which ends at 0."""
        active = codes != 0
        diagonal = gram.diagonal(dim1=1, dim2=2)
        descent = target - self.penalty * codes.sign() - torch.bmm(codes.unsqueeze(1), gram).squeeze(1)
        # Dependent atoms make G singular. Damping shortens the step by little and leaves the optimum where it is.
        damping = torch.finfo(codes.dtype).eps ** 0.75 * diagonal.amax(dim=1, keepdim=True)
        diagonal += torch.where(active, damping, 1.0)
        factor, failed = torch.linalg.cholesky_ex(gram)
        goal = codes + torch.cholesky_solve((descent * active).unsqueeze(2), factor).squeeze(2)
        crossing = goal * codes < 0
        reach = torch.where(crossing, codes / (codes - goal), 1.0).amin(dim=1, keepdim=True)
        moved = torch.lerp(codes, goal, reach)
        moved = torch.where((moved * codes < 0) | (crossing & (moved.abs() < 1e-6 * codes.abs())), 0.0, moved)
        good = (failed == 0).unsqueeze(1) & torch.isfinite(moved).all(dim=1, keepdim=True)
        return torch.where(good, moved, codes)

    def extend(self, sets: Sets, slope: Tensor, strength: Tensor) -> Sets:
        """Add the atoms that break the dual constraint most: few at first, when most would turn out not to matter."""
        taken = torch.where(sets.codes != 0, -torch.inf, strength.gather(1, sets.index))
        best = self.strongest(strength.scatter(1, sets.index, taken), min(8 << (sets.rounds - 1) // 3, self.groups))
        sets.index = torch.cat([sets.index, best], dim=1)
        sets.slope = torch.cat([sets.slope, slope.gather(1, best)], dim=1)
        sets.codes = torch.cat([sets.codes, sets.codes.new_zeros(best.shape)], dim=1)
        return sets


def write(codes: Tensor, rows: Tensor, index: Tensor, values: Tensor) -> None:
    """Into rows of zeros."""
    # Unused places are those of the atom of zeros, beyond the width of codes, with weight 0: added, not assigned.
    atoms = codes.shape[1]
    places = rows.unsqueeze(1) * atoms + index.clamp(max=atoms - 1)
    codes.view(-1).scatter_add_(0, places.view(-1), values.reshape(-1))
