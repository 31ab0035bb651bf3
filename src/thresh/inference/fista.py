"""Lasso codes by accelerated proximal gradient steps."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.inference import working_sets
from thresh.inference.arrays import on_tensors
from thresh.inference.lasso import Lasso, State
from thresh.inference.rounds import beginning, until_optimal
from thresh.inference.small_lasso import SmallLasso
from thresh.inference.working_sets import Effort
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, integer

CHECK_EVERY = 10  # steps between two looks at the duality gap: a look costs about one step
LEAST_ATOMS = 256  # a smaller dictionary is not worth working sets
STEPS = 12  # of a round on a working set, more in later ones
ROUNDS = 14
# Shares of the dictionary from which on steps on all atoms are faster: atoms that break the dual constraint after the
# first round, and active ones in any. (256 units, 1024 atoms: even at some 80 active, of which 250 break it then.)
CANDIDATES, ACTIVE = 1 / 4, 1 / 8


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
    atoms, and for rows that no small set serves, they are FISTA's on all atoms: step 1/L, L the
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
        Where to start; zeros otherwise. Negative codes count as 0 where there may be none.

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
    warm = None if warm is None else beginning(x, atoms, warm, nonnegative)
    terms = {"penalty": penalty, "nonnegative": nonnegative}
    if len(atoms) < LEAST_ATOMS or max_steps < STEPS:
        codes = beginning(x, atoms, warm, nonnegative)
        rows = torch.arange(len(x), device=x.device)
    else:
        effort = Effort(
            partial(on_a_set, most=max_steps),
            ROUNDS,
            most=int(ACTIVE * len(atoms)),
            candidates=int(CANDIDATES * len(atoms)),
        )
        codes, gap = working_sets.solve(x, atoms, warm, **terms, tolerance=tolerance, effort=effort)
        rows = (gap > tolerance).nonzero().squeeze(1)
    if len(rows):
        codes[rows] = until_optimal(
            Lasso(x[rows], atoms, **terms),
            codes[rows],
            on_all_atoms,
            tolerance=tolerance,
            rounds=-(-max_steps // CHECK_EVERY),
            asked=len(x),
            solver="fista",
            limit=f"max_steps={max_steps}",
        )
    return codes


def on_a_set(small: SmallLasso, done: int, *, most: int) -> None:
    # What is left after some rounds is badly conditioned, and a step here is cheap beside a product with all atoms.
    steps = min(STEPS << max(0, done - 2), most)
    small.accelerated(steps, restart=steps > STEPS)


def on_all_atoms(lasso: Lasso, state: State) -> State:
    return lasso.advance(state, CHECK_EVERY)
