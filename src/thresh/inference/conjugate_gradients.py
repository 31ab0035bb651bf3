"""Many positive definite systems at once, by conjugate gradients."""

from collections.abc import Callable

import torch
from torch import Tensor

MOST_STEPS = 500


def solve_systems(
    product: Callable[[Tensor], Tensor], right: Tensor, start: Tensor, *, diagonal: Tensor, tolerance: float
) -> Tensor:
    """Solutions of A u = right for each (row, system), from `start`.

    Parameters
    ----------
    product
        A times vectors (rows, systems, width).
    right, start : (rows, systems, width)
    diagonal : broadcasts with them
        Of A, which preconditions.
    tolerance
        A system is done when its residual is at most so much of its right side; it then stays as it is, so that it does
        not depend on those beside it.

    References
    ----------
    Hestenes & Stiefel 1952; Golub & Van Loan 2013, algorithm 11.5.1.
    """
    tiny = torch.finfo(right.dtype).tiny
    found, left = start, right - product(start)
    goal = tolerance * right.norm(dim=2, keepdim=True)
    eased = left / diagonal
    direction, energy = eased, (left * eased).sum(dim=2, keepdim=True)
    for _ in range(MOST_STEPS):
        going = left.norm(dim=2, keepdim=True) > goal
        if not bool(going.any()):
            break
        image = product(direction)
        step = torch.where(going, energy / (direction * image).sum(dim=2, keepdim=True).clamp(min=tiny), 0.0)
        found, left = found + step * direction, left - step * image
        eased = left / diagonal
        following = (left * eased).sum(dim=2, keepdim=True)
        direction = eased + following / energy.clamp(min=tiny) * direction
        energy = following
    return found
