"""Rounds of steps until each row's duality gap is small."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from thresh.inference.lasso import Lasso, State, start

Round = Callable[[Lasso, State], State]


def until_optimal(
    lasso: Lasso, codes: Tensor, improved: Round, *, tolerance: float, rounds: int, solver: str, limit: str, asked: int
) -> Tensor:
    """Codes (rows, atoms) whose relative duality gap is at most `tolerance`, from feasible ones.

    Parameters
    ----------
    improved
        Where a problem's rows stand after a further round.
    rounds
        The most; a `UserWarning` says how many rows were not done by then, and with which gap.
    solver, limit, asked
        What the warning names; of how many rows these are the rest.
    """
    codes = codes.clone()
    rows = torch.arange(len(codes), device=codes.device)
    state = start(codes)
    for done in range(rounds + 1):
        gap = lasso.relative_gap(state.codes)
        running = gap > tolerance
        if not bool(running.all()):
            codes[rows[~running]] = state.codes[~running]
            rows, lasso, state, gap = rows[running], lasso.keep(running), state.keep(running), gap[running]
        if len(rows) == 0:
            return codes
        if done < rounds:
            state = improved(lasso, state)
    codes[rows] = state.codes
    warn_of_rest(gap, tolerance, solver=solver, limit=limit, asked=asked)
    return codes


def warn_of_rest(gap: Tensor, tolerance: float, *, solver: str, limit: str, asked: int) -> None:
    """Say how many rows are not done; `gap` is theirs."""
    warnings.warn(
        f"{solver}: {len(gap)} of {asked} rows stopped at {limit} with a relative duality gap"
        f" of up to {float(gap.max()):.1e} (tolerance {tolerance:.1e}).",
        stacklevel=6,
    )


def beginning(x: Tensor, atoms: Tensor, warm: Tensor | None, nonnegative: bool) -> Tensor:
    """Feasible codes to begin from: those given, or zeros; an atom of zeros has code 0."""
    if warm is None:
        return x.new_zeros(len(x), len(atoms))
    codes = torch.where((atoms == 0).all(dim=1), 0.0, warm)
    return codes.clamp(min=0) if nonnegative else codes
