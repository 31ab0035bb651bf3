"""Rounds of steps until each row's duality gap is small."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from thresh.inference.lasso import Lasso

Round = Callable[[Lasso, Tensor], Tensor]


def until_optimal(
    lasso: Lasso, codes: Tensor, improved: Round, *, tolerance: float, rounds: int, solver: str, limit: str
) -> Tensor:
    """Codes (rows, atoms) whose relative duality gap is at most `tolerance`, from feasible ones.

    Parameters
    ----------
    improved
        The codes of a problem's rows after a further round.
    rounds
        The most; a `UserWarning` says how many rows were not done by then, and with which gap.
    solver, limit
        What the warning names.
    """
    total, codes = len(codes), codes.clone()
    rows = torch.arange(total, device=codes.device)
    current = codes
    for done in range(rounds + 1):
        gap = lasso.relative_gap(current)
        running = gap > tolerance
        if not bool(running.all()):
            codes[rows[~running]] = current[~running]
            rows, lasso, current = rows[running], lasso.keep(running), current[running]
        if len(rows) == 0:
            return codes
        if done < rounds:
            current = improved(lasso, current)
    codes[rows] = current
    warnings.warn(
        f"{solver}: {len(rows)} of {total} rows stopped at {limit} with a relative duality gap"
        f" of up to {float(gap.max()):.1e} (tolerance {tolerance:.1e}).",
        stacklevel=5,
    )
    return codes


def beginning(x: Tensor, atoms: Tensor, warm: Tensor | None, nonnegative: bool) -> Tensor:
    """Feasible codes to begin from: those given, or zeros; an atom of zeros has code 0."""
    if warm is None:
        return x.new_zeros(len(x), len(atoms))
    codes = torch.where((atoms == 0).all(dim=1), 0.0, warm)
    return codes.clamp(min=0) if nonnegative else codes
