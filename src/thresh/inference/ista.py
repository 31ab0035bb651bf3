"""Lasso codes by plain proximal gradient steps."""

from functools import partial

import numpy as np
from torch import Tensor

from thresh.inference.arrays import on_tensors
from thresh.inference.lasso import Lasso, State, start
from thresh.inference.rounds import beginning, until_optimal
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, integer

CHECK_EVERY = 20  # steps between two looks at the duality gap


@checked(penalty=POSITIVE, nonnegative=TRUE_OR_FALSE, tolerance=POSITIVE, max_steps=integer(1))
def ista(
    x,
    atoms,
    penalty: float,
    nonnegative: bool = True,
    tolerance: float = 1e-6,
    max_steps: int = 100_000,
    warm=None,
) -> np.ndarray | Tensor:
    """Codes z that minimise 0.5 |x - z D|^2 + penalty |z|_1 for each row, by default with z >= 0.

    z <- shrink(z + (x - z D) D' / L, penalty / L), L the largest eigenvalue of D'D: `fista` without momentum, for
    comparison. The objective never rises from step to step, and the optimum is as that of `fista`, but steps are many
    times more.

    Parameters
    ----------
    x : (rows, units)
    atoms : (atoms, units)
        Need not have unit norm. An atom of zeros gets code 0.
    penalty
        Positive, in the scale of x.
    nonnegative
        False gives the signed lasso.
    tolerance
        Relative duality gap at which a row is done.
    max_steps
        A `UserWarning` says how many rows stopped here, and with which gap.
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
        A parameter has a value that cannot be used.

    References
    ----------
    Daubechies, Defrise & De Mol 2004; Beck & Teboulle 2009, eq. 1.4.
    """
    solve = partial(
        descend, penalty=float(penalty), nonnegative=nonnegative, tolerance=tolerance, max_steps=int(max_steps)
    )
    return on_tensors(solve, x, atoms, warm=warm)


def descend(
    x: Tensor,
    atoms: Tensor,
    *,
    penalty: float,
    nonnegative: bool,
    tolerance: float,
    max_steps: int,
    warm: Tensor | None = None,
) -> Tensor:
    """`ista` on checked tensors."""
    return until_optimal(
        Lasso(x, atoms, penalty, nonnegative),
        beginning(x, atoms, warm, nonnegative),
        steps,
        tolerance=tolerance,
        rounds=-(-max_steps // CHECK_EVERY),
        solver="ista",
        limit=f"max_steps={max_steps}",
        asked=len(x),
    )


def steps(lasso: Lasso, state: State) -> State:
    for _ in range(CHECK_EVERY):
        # The first step from a new start has no momentum.
        state = start(lasso.advance(state, 1).codes)
    return state
