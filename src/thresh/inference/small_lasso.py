"""Lassos of few atoms, each with a Gram matrix of its own, side by side."""

import torch
from torch import Tensor


class SmallLasso:
    """Codes of rows, each on a small set of atoms.

    Attributes
    ----------
    gram : (rows, width, width)
    slope : (rows, width)
        Products of the residual with the atoms; kept up to date.
    codes : (rows, width)
    """

    def __init__(self, gram: Tensor, slope: Tensor, codes: Tensor, penalty: float, nonnegative: bool):
        self.gram, self.slope, self.codes = gram, slope, codes
        self.penalty, self.nonnegative = penalty, nonnegative

    def sweep(self, sweeps: int, inside: Tensor) -> None:
        """Cyclic coordinate descent over the places that are `inside` (rows, width)."""
        # Rows stand last, so that what is done for one atom is done on contiguous numbers.
        gram = self.gram.permute(1, 2, 0).contiguous()
        slope, codes = self.slope.T.contiguous(), self.codes.T.contiguous()
        energy = gram.diagonal().T
        inverse = torch.where((energy > 0) & inside.T, 1 / energy, 0.0)
        threshold = torch.where(inverse > 0, self.penalty * inverse, torch.inf)
        for _ in range(sweeps):
            for place in range(len(codes)):
                target = torch.addcmul(codes[place], slope[place], inverse[place])
                new = self.shrink(target, threshold[place])
                slope.addcmul_(gram[place], new - codes[place], value=-1)
                codes[place] = new
        self.slope, self.codes = slope.T.contiguous(), codes.T.contiguous()

    def shrink(self, values: Tensor, threshold: Tensor) -> Tensor:
        if self.nonnegative:
            return (values - threshold).clamp_(min=0)
        return values - values.clamp(-threshold, threshold)

    def solve_active(self) -> None:
        """Go to the optimum for the active atoms and signs as they are, or to where a sign would change.

        There, the codes that would change sign become 0: all of them at once or, where that is not as good, the first.
        Neither raises the objective.
        """
        most = int((self.codes != 0).sum(dim=1).max())
        if most == 0:
            return
        # Active atoms first, so that the systems to solve are no larger than they must be.
        places = (self.codes != 0).to(self.codes.dtype).topk(most, dim=1).indices
        codes = self.codes.gather(1, places)
        active = codes != 0
        slope = self.slope.gather(1, places)
        gram = self.gram.gather(1, places.unsqueeze(2).expand(-1, -1, self.gram.shape[2]))
        gram = gram.gather(2, places.unsqueeze(1).expand(-1, most, -1))
        gram = gram * (active.unsqueeze(1) & active.unsqueeze(2))
        move = solved(gram, torch.where(active, slope - self.penalty * codes.sign(), 0.0), active)
        # With equality: a code that a whole step brings to 0 leaves.
        crossing = active & (move * codes < 0) & (move.abs() >= codes.abs())
        reach = torch.where(crossing, -codes / move, torch.inf)
        share = reach.amin(dim=1, keepdim=True).clamp(max=1)
        first = torch.where(reach <= share, 0.0, codes + share * move)
        all_at_once = torch.where(crossing, 0.0, codes + move)
        better = self.rise(gram, slope, codes, all_at_once) < self.rise(gram, slope, codes, first)
        self.move_to(self.codes.scatter(1, places, torch.where(better, all_at_once, first)))

    def rise(self, gram: Tensor, slope: Tensor, old: Tensor, new: Tensor) -> Tensor:
        """(rows, 1) change of the objective."""
        move = new - old
        quadratic = torch.bmm(gram, move.unsqueeze(2)).squeeze(2) / 2
        return ((quadratic - slope) * move + self.penalty * (new.abs() - old.abs())).sum(dim=1, keepdim=True)

    def move_to(self, codes: Tensor) -> None:
        self.slope = self.slope - torch.bmm(self.gram, (codes - self.codes).unsqueeze(2)).squeeze(2)
        self.codes = codes


def solved(gram: Tensor, right: Tensor, active: Tensor) -> Tensor:
    """Solutions (rows, width) of the systems of the active places; 0 at the others.

    A little is added to the diagonal, or equal atoms would have no solution: what it leaves of the right side is a
    matter of rounding, unless atoms are nearly dependent, and then it is small all the same.
    """
    eps = torch.finfo(gram.dtype).eps
    added = torch.where(active, 4 * gram.shape[1] * eps * gram.diagonal(dim1=1, dim2=2), 1.0)
    factor, failed = torch.linalg.cholesky_ex(gram + torch.diag_embed(added))
    found = torch.cholesky_solve(right.unsqueeze(2), factor).squeeze(2)
    return torch.where(active & (failed == 0).unsqueeze(1), found, 0.0)
