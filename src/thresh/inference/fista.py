"""Lasso codes by accelerated proximal gradient steps."""

import warnings
from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.inference import working_sets
from thresh.inference.arrays import on_tensors
from thresh.inference.lasso import Lasso, start
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, integer

CHECK_EVERY = 10  # steps between two looks at the duality gap: a look costs about one step


@checked(penalty=POSITIVE, nonnegative=TRUE_OR_FALSE, tolerance=POSITIVE, max_steps=integer(1))
def fista(
    x,
    atoms,
    penalty: float,
    nonnegative: bool = True,
    tolerance: float = 1e-6,
    max_steps: int = 5000,
    warm=None,
) -> np.ndarray | Tensor:
    """Codes z that minimise 0.5 |x - z D|^2 + penalty |z|_1 for each row, by default with z >= 0.

    A row is done when its duality gap over all atoms is at most `tolerance` times its objective, so that what
    is returned is optimal to a known precision, and rows do not wait for the slowest. In float32 the gap cannot
    be resolved below the rounding of x D'; this bound counts as reached.

    From 256 atoms on, steps are taken on a working set of each row (`thresh.inference.working_sets`). With fewer
    atoms, from a warm start, and for rows that no small set serves, they are FISTA's on all atoms: step 1/L, L the
    largest eigenvalue of D'D, and adaptive restart by the gradient scheme, each row for itself.

    Parameters
    ----------
    x : (rows, units)
        NumPy or torch; its dtype (float32, float64) and device decide those of the computation.
    atoms : (atoms, units)
        Need not have unit norm. An atom of zeros gets code 0.
    penalty
        Positive, in the scale of x. Codes are all zero from max(x D') on.
    nonnegative
        False gives the signed lasso.
    tolerance
        Relative duality gap at which a row is done.
    max_steps
        On all atoms, and in any round on a working set. A `UserWarning` says how many rows stopped here, and with
        which gap.
    warm : (rows, atoms), optional
        Where to start; zeros otherwise.

    Returns
    -------
    (rows, atoms), of the kind and dtype of x

    Raises
    ------
    DictionaryError
        A value of x or of the atoms is not finite (names the row), or widths differ.
    ConfigError
        The penalty or the tolerance is not positive, or max_steps is below 1.

    References
    ----------
    Beck & Teboulle 2009, eq. 4.1-4.3; O'Donoghue & Candes 2015, eq. 13 (restart).
    Agrees with scikit-learn's `lasso_cd` to 1e-8 in float64.
    """
    solve = partial(
        solve_lasso, penalty=float(penalty), nonnegative=nonnegative, tolerance=tolerance, max_steps=max_steps
    )
    return on_tensors(solve, x, atoms, warm=warm)


def solve_lasso(
    x: Tensor,
    atoms: Tensor,
    *,
    penalty: float,
    nonnegative: bool,
    tolerance: float,
    max_steps: int,
    warm: Tensor | None = None,
) -> Tensor:
    """`fista` on checked tensors: working sets first, then all atoms for the rows that are left."""
    codes = x.new_zeros(len(x), len(atoms)) if warm is None else warm * (atoms != 0).any(dim=1)
    rows = torch.arange(len(x), device=x.device)
    terms = {"penalty": penalty, "nonnegative": nonnegative, "tolerance": tolerance, "max_steps": max_steps}
    if warm is None and working_sets.suit(atoms):
        rows = working_sets.solve(x, atoms, codes, **terms)
    if len(rows):
        codes[rows] = solve_on_all_atoms(x[rows], atoms, codes[rows], **terms, asked=len(x))
    return codes


def solve_on_all_atoms(
    x: Tensor,
    atoms: Tensor,
    codes: Tensor,
    *,
    penalty: float,
    nonnegative: bool,
    tolerance: float,
    max_steps: int,
    asked: int,
) -> Tensor:
    """Steps from `codes` in rounds, and after each round the rows that are done leave."""
    rows = torch.arange(len(x), device=x.device)
    lasso = Lasso(x, atoms, penalty, nonnegative)
    state = start(codes)
    gap = lasso.relative_gap(state.codes)
    steps = 0
    while True:
        running = gap > tolerance
        if not bool(running.all()):
            codes[rows[~running]] = state.codes[~running]
            rows, lasso, state, gap = rows[running], lasso.keep(running), state.keep(running), gap[running]
        if len(rows) == 0:
            return codes
        if steps >= max_steps:
            break
        state = lasso.advance(state, CHECK_EVERY)
        steps += CHECK_EVERY
        gap = lasso.relative_gap(state.codes)
    codes[rows] = state.codes
    warnings.warn(
        f"fista: {len(rows)} of {asked} rows stopped at max_steps={max_steps} with a relative duality gap"
        f" of up to {float(gap.max()):.1e} (tolerance {tolerance:.1e}).",
        stacklevel=5,
    )
    return codes
