"""Lassos of few atoms, each with a Gram matrix of its own, side by side."""

import torch
from torch import Tensor


class SmallLasso:
    """Codes of rows, each on a small set of atoms.

    Attributes
    ----------
    gram : (rows, width, width)
        Zeros in the lines of a place that stands for no atom; its code stays 0.
    slope : (rows, width)
        Products of the residual with the atoms; kept up to date.
    codes : (rows, width)
    """

    def __init__(self, gram: Tensor, slope: Tensor, codes: Tensor, penalty: float, nonnegative: bool):
        self.gram, self.slope, self.codes = gram, slope, codes
        self.penalty, self.nonnegative = penalty, nonnegative

    def accelerated(self, steps: int, restart: bool = True) -> None:
        """FISTA steps, each code with a step size of its own.

        The row sums of |G| on the diagonal majorise G, as 1/L does for all codes alike. In few steps momentum does no
        harm, and looking for it can be left out.
        """
        bound = self.gram.abs().sum(dim=1)
        size = torch.where(bound > 0, bound, 1.0).reciprocal_()
        threshold = size * self.penalty
        shift = size * (self.slope + self.image(self.codes))
        if self.nonnegative:
            shift -= threshold
        start = codes = point = self.codes
        momentum = 1.0
        for _ in range(steps):
            new = torch.addcmul(point, self.image(point), size, value=-1).add_(shift)
            if self.nonnegative:
                new.clamp_(min=0)
            else:
                new -= new.clamp(min=-threshold, max=threshold)
            move = new - codes
            if restart:
                against = ((point - new) * move * bound).sum(dim=1, keepdim=True) > 0
                momentum = torch.where(against, 1.0, momentum)
            following = (1 + (1 + 4 * momentum**2) ** 0.5) / 2
            point = new + move * ((momentum - 1) / following)
            codes, momentum = new, following
        self.slope = self.slope - self.image(codes - start)
        self.codes = codes

    def sweep(self, sweeps: int) -> None:
        """Cyclic coordinate descent."""
        # Rows stand last, so that what is done for one atom is done on contiguous numbers.
        gram = self.gram.permute(1, 2, 0).contiguous()
        slope, codes = self.slope.T.contiguous(), self.codes.T.contiguous()
        energy = gram.diagonal().T
        inverse = torch.where(energy > 0, 1 / energy, 0.0)
        threshold = torch.where(energy > 0, self.penalty * inverse, torch.inf)
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

    def image(self, codes: Tensor) -> Tensor:
        """z G."""
        return torch.bmm(codes.unsqueeze(1), self.gram).squeeze(1)

    def solve_active(self) -> None:
        """Go to the optimum for the active atoms and signs as they are, or to where a sign would change.

        There, the codes that would change sign become 0: all of them at once or, where that is not as good, the first.
        Neither raises the objective.
        """
        codes = self.codes
        active = codes != 0
        wanted = torch.where(active, self.slope - self.penalty * codes.sign(), 0.0)
        move = solved(self.gram * (active.unsqueeze(1) & active.unsqueeze(2)), wanted, active)
        # With equality: a code that a whole step brings to 0 leaves.
        crossing = active & (move * codes < 0) & (move.abs() >= codes.abs())
        reach = torch.where(crossing, -codes / move, torch.inf)
        share = reach.amin(dim=1, keepdim=True).clamp(max=1)
        first = torch.where(reach <= share, 0.0, codes + share * move)
        together = torch.where(crossing, 0.0, codes + move)
        of_first, of_together = self.image(first - codes), self.image(together - codes)
        better = self.rise(of_together, together) < self.rise(of_first, first)
        self.codes = torch.where(better, together, first)
        self.slope = self.slope - torch.where(better, of_together, of_first)

    def rise(self, image: Tensor, codes: Tensor) -> Tensor:
        """(rows, 1) change of the objective from the present codes to others; `image` is that of their difference."""
        move = codes - self.codes
        change = (image / 2 - self.slope) * move + self.penalty * (codes.abs() - self.codes.abs())
        return change.sum(dim=1, keepdim=True)


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
