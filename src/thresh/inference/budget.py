"""A hard budget of active atoms, as the last step of a solver that has none."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.inference.arrays import on_tensors
from thresh.inference.omp import check_k
from thresh.inference.small_lasso import SmallLasso, solved
from thresh.parameters import TRUE_OR_FALSE, checked, integer

# Numbers held at once for the kept atoms of all rows (rows * k * (units + k)).
KEPT_LIMIT = 1 << 24
REFINEMENTS = 3  # of least squares: each solves for what rounding and the added diagonal have left
MOST_ROUNDS = 100  # of non-negative least squares; a few are enough but where atoms nearly coincide


@checked(k=integer(1), nonnegative=TRUE_OR_FALSE)
def keep_largest(x, atoms, codes, k: int, nonnegative: bool = True) -> np.ndarray | Tensor:
    """The k codes of each row that contribute most, |z_j| |d_j|, refitted to the row by least squares; 0 elsewhere.

    A penalty shrinks what it keeps, and leaves the number of active atoms to the row. This last step gives codes
    without shrinkage, and the same budget as a pursuit's: sparser rows stay as sparse as they are.

    Parameters
    ----------
    x : (rows, units)
    atoms : (atoms, units)
        Need not have unit norm.
    codes : (rows, atoms)
        Those of any solver.
    k
        Between 1 and the number of atoms.
    nonnegative
        Refit by non-negative least squares; negative codes count as 0.

    Returns
    -------
    (rows, atoms), of the kind and dtype of x

    Raises
    ------
    DictionaryError
        A value of x or of the atoms is not finite (names the row), or shapes differ.
    ConfigError
        k is no integer from 1 to the number of atoms.

    References
    ----------
    Least squares: `numpy.linalg.lstsq`; non-negative: Lawson & Hanson 1974, chapter 23, to whose optimum it comes by
    coordinate descent and solves on the active atoms.
    """
    check_k(k, atoms)
    return on_tensors(partial(refitted, k=int(k), nonnegative=nonnegative), x, atoms, codes=codes)


def refitted(x: Tensor, atoms: Tensor, *, codes: Tensor, k: int, nonnegative: bool) -> Tensor:
    """`keep_largest` on checked tensors, in blocks of rows that fit in memory."""
    kept = torch.zeros_like(codes)
    norms = atoms.norm(dim=1)
    block = max(1, KEPT_LIMIT // (k * (k + atoms.shape[1])))
    for begin in range(0, len(x), block):
        rows = slice(begin, begin + block)
        weights = (codes[rows].clamp(min=0) if nonnegative else codes[rows]) * norms
        index = weights.abs().topk(k, dim=1).indices
        first = codes[rows].gather(1, index)
        used = weights.gather(1, index) != 0
        chosen = atoms[index] * used.unsqueeze(2)
        refit = nonnegative_least_squares if nonnegative else least_squares
        kept[rows] = kept[rows].scatter(1, index, refit(x[rows], chosen, torch.where(used, first, 0.0), used))
    return kept


def least_squares(x: Tensor, chosen: Tensor, codes: Tensor, used: Tensor) -> Tensor:
    """From codes (rows, k) on chosen atoms (rows, k, units)."""
    gram = chosen @ chosen.transpose(1, 2)
    for _ in range(REFINEMENTS):
        left = x.unsqueeze(1) - codes.unsqueeze(1) @ chosen
        codes = codes + solved(gram, (left @ chosen.transpose(1, 2)).squeeze(1), used)
    return codes


def nonnegative_least_squares(x: Tensor, chosen: Tensor, codes: Tensor, used: Tensor) -> Tensor:
    """The lasso without a penalty; from codes that are not negative."""
    left = x - torch.bmm(codes.unsqueeze(1), chosen).squeeze(1)
    slope = torch.bmm(chosen, left.unsqueeze(2)).squeeze(2)
    problem = SmallLasso(chosen @ chosen.transpose(1, 2), slope, codes, 0.0, nonnegative=True)
    rounding = 100 * torch.finfo(x.dtype).eps * x.norm(dim=1, keepdim=True) * chosen.norm(dim=2)
    for _ in range(MOST_ROUNDS):
        problem.sweep(1)
        problem.solve_active()
        off = torch.where(problem.codes > 0, problem.slope.abs(), problem.slope)
        if not bool((off > rounding).any()):
            break
    return problem.codes
