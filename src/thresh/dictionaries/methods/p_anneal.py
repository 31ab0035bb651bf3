"""The ReLU sparse autoencoder whose penalty moves from L1 towards L0."""

from typing import ClassVar

import torch
from torch import Tensor

from thresh.dictionaries.autoencoders.penalties import lasso, mean_sum
from thresh.dictionaries.autoencoders.stack import Stack
from thresh.dictionaries.learner import Start
from thresh.dictionaries.methods.relu import ReLU
from thresh.dictionaries.training.ranks import summed
from thresh.parameters import between, checked

ANNEALED = (0.2, 0.8)  # shares of the run between which p falls; after it latents settle
SMALL = 1e-3  # added to codes, so that the pull of the penalty on the smallest is finite


class PAnneal(ReLU):
    """ReLU codes with the penalty c_p sum_j (z_j / s)^p, whose p falls linearly from 1 (Karvonen et al. 2024).

    At p = 1 it is the penalty of `ReLU`. A smaller p asks less for how strong a code is and more for whether it is
    there, which frees strong codes from shrinkage; but the penalty is concave, and is best entered from p = 1. Whenever
    p changes, c_p changes so that the codes of the present batch cost what they cost before. (In the paper p changes in
    a few steps, and the cost is that of a queue of batches. Here p changes with every batch: what one batch gets wrong
    is a small part of the whole, and there is no queue to keep.)

    Assumes what `ReLU` assumes. Choose it over `ReLU` where the strengths of concepts matter. At high penalties latents
    die while p falls, more than with `ReLU`.

    Parameters
    ----------
    final_p
        Default: 0.2 (Karvonen et al. 2024).
    """

    name = "p_anneal"
    fixed: ClassVar[tuple[str, ...]] = ("p", "coefficient")

    @checked(final_p=between(0.05, 1))
    def __init__(self, units: int, atoms: int, *, final_p: float = 0.2, **common):
        super().__init__(units, atoms, **common)
        self.final_p = final_p

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        one = torch.ones((), device=self.device)
        return super().first_parameters(start, middle) | {"p": one, "coefficient": one.clone()}

    def p_at(self, done: float) -> float:
        begin, end = ANNEALED
        return 1 - (1 - self.final_p) * min(1.0, max(0.0, (done - begin) / (end - begin)))

    def cost(self, stack: Stack, codes: Tensor, done: float) -> Tensor:
        p = self.p_at(done)
        if p == 1:
            return lasso(stack, codes)
        scaled = codes / stack.variance**0.5
        with torch.no_grad():
            before = powers(scaled, stack.p)
            stack.p.fill_(p)
            before, after = summed(torch.stack([before, powers(scaled, stack.p)]))
            stack.coefficient.mul_(torch.where(after > 0, before / after, 1.0))
        return 2 * stack.coefficient * powers(scaled, stack.p)


def powers(codes: Tensor, p: Tensor) -> Tensor:
    """(n,) sum over the codes (n, rows, atoms) of a row of z^p, which is 0 at 0; mean over rows."""
    p = p.view(-1, 1, 1)
    return mean_sum((codes + SMALL) ** p - SMALL**p)
