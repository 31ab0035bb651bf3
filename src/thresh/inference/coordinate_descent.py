"""Exact lasso codes by coordinate descent on the few atoms that matter for each row."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.inference.arrays import on_tensors
from thresh.inference.lasso import Lasso
from thresh.inference.rounds import beginning, until_optimal
from thresh.inference.small_lasso import SmallLasso
from thresh.parameters import POSITIVE, TRUE_OR_FALSE, checked, integer

SWEEPS = 5  # over a working set, before its signs are taken as known
# Atoms that join at once: so many, and half as many again as are active.
JOIN, JOIN_SHARE = 32, 0.5
# Numbers held at once for the Gram matrices of working sets: 64 MB in float32.
GRAM_LIMIT = 1 << 24
# Up to so many atoms their whole Gram matrix is held, and those of working sets are read from it.
WHOLE_GRAM = 4096


@checked(penalty=POSITIVE, nonnegative=TRUE_OR_FALSE, tolerance=POSITIVE, max_steps=integer(1))
def coordinate_descent(
    x,
    atoms,
    penalty: float,
    nonnegative: bool = True,
    tolerance: float = 1e-6,
    max_steps: int = 1000,
    warm=None,
) -> np.ndarray | Tensor:
    """Codes z that minimise 0.5 |x - z D|^2 + penalty |z|_1 for each row, by default with z >= 0.

    In rounds, each row for itself: its working set are the active atoms and those that correlate most with the
    residual among the ones that break the condition of optimality |r . d_j| <= penalty. On the small Gram matrix of
    that set, cyclic coordinate descent z_j <- shrink(z_j + r . d_j / |d_j|^2, penalty / |d_j|^2) makes a few sweeps;
    then, with active atoms and signs as they stand, the least squares problem that is left is solved exactly. A row is
    done at a duality gap of `tolerance` times its objective, as in `fista`.

    Where codes are sparse (up to some 50 active atoms) a round costs hardly more than the two products with all atoms
    that begin it, and a handful of rounds is enough. With hundreds of active atoms `fista` is faster, and on a GPU,
    where products with all atoms cost little, nearly always.

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
        Rounds; a `UserWarning` says how many rows stopped here, and with which gap.
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
    Friedman, Hastie & Tibshirani 2010, eq. 8 (sweeps); Lee, Battle, Raina & Ng 2006, algorithm 1 (signs taken as
    known); Massias, Gramfort & Salmon 2018 (working sets). Agrees with scikit-learn's `lasso_cd` to 1e-8 in float64.
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
    """`coordinate_descent` on checked tensors."""
    gram = atoms @ atoms.T if len(atoms) <= WHOLE_GRAM else None
    return until_optimal(
        Lasso(x, atoms, penalty, nonnegative),
        beginning(x, atoms, warm, nonnegative),
        partial(round_of, gram=gram, norms=atoms.norm(dim=1)),
        tolerance=tolerance,
        rounds=max_steps,
        solver="coordinate_descent",
        limit=f"max_steps={max_steps}",
    )


def round_of(lasso: Lasso, codes: Tensor, *, gram: Tensor | None, norms: Tensor) -> Tensor:
    """The codes of all rows, improved on their working sets."""
    slope = (lasso.x - codes @ lasso.atoms) @ lasso.atoms.T
    score, widths = working_sets(slope, codes, norms, lasso.penalty, lasso.nonnegative)
    codes = codes.clone()
    for rows in alike(widths):
        width = widths[rows]
        index = score[rows].topk(int(width.max()), dim=1).indices
        inside = torch.arange(index.shape[1], device=index.device) < width.unsqueeze(1)
        small = SmallLasso(
            gram_of(index, gram, lasso.atoms),
            slope[rows].gather(1, index),
            codes[rows].gather(1, index),
            lasso.penalty,
            lasso.nonnegative,
        )
        small.sweep(SWEEPS, inside)
        small.solve_active()
        codes[rows] = codes[rows].scatter(1, index, small.codes)
    return codes


def working_sets(
    slope: Tensor, codes: Tensor, norms: Tensor, penalty: float, nonnegative: bool
) -> tuple[Tensor, Tensor]:
    """A score (rows, atoms) by which atoms come first, and how many of them (rows,) a row's working set has.

    Both depend on the row alone, or codes would depend on the batch.
    """
    active = codes != 0
    steep = slope if nonnegative else slope.abs()
    breaking = (steep > penalty) & ~active
    count = active.sum(dim=1)
    joining = torch.minimum(breaking.sum(dim=1), JOIN + (count * JOIN_SHARE).long())
    # By what a step on the atom alone would gain; an atom of zeros breaks nothing.
    score = torch.where(breaking, (steep - penalty) / norms, -torch.inf).masked_fill_(active, torch.inf)
    return score, (count + joining).clamp(min=1)


def alike(widths: Tensor) -> list[Tensor]:
    """Row numbers in blocks whose widths are within a third of each other, and whose Gram matrices fit in memory."""
    order = widths.argsort(descending=True)
    ordered = widths[order].tolist()
    blocks, begin = [], 0
    while begin < len(ordered):
        widest, end = ordered[begin], begin + 1
        most = begin + max(1, GRAM_LIMIT // widest**2)
        while end < min(len(ordered), most) and 4 * ordered[end] + 32 >= 3 * widest:
            end += 1
        blocks.append(order[begin:end])
        begin = end
    return blocks


def gram_of(index: Tensor, gram: Tensor | None, atoms: Tensor) -> Tensor:
    """(rows, width, width): products of the chosen atoms of each row."""
    if gram is not None:
        return gram[index.unsqueeze(2), index.unsqueeze(1)]
    chosen = atoms[index]
    return chosen @ chosen.transpose(1, 2)
