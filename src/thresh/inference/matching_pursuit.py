"""Matching pursuit: greedy steps, each along the atom that explains most of what is left."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.inference.arrays import on_tensors
from thresh.inference.omp import PURSUIT, check_k
from thresh.parameters import checked


@checked(**PURSUIT)
def matching_pursuit(x, atoms, k: int, nonnegative: bool = False, residual: float | None = None) -> np.ndarray | Tensor:
    """Codes after at most k greedy steps, so with at most k active atoms.

    Each step takes j = argmax |r . d_j| / |d_j|, adds a = r . d_j / |d_j|^2 to z_j and subtracts a d_j from
    the residual r. Weights already given stay, unless their atom is chosen again: cheaper than `omp`, less exact.
    With `nonnegative` only positive correlations count, and a row ends when none is left (as in MP-SAE).

    Parameters
    ----------
    x : (rows, units)
    atoms : (atoms, units)
        Need not have unit norm. An atom of zeros is never chosen.
    k
        Most steps, between 1 and the number of atoms.
    residual
        A row ends when |r| is at most so much of |x|; None: after k steps.

    Returns
    -------
    (rows, atoms), of the kind and dtype of x

    Raises
    ------
    DictionaryError
        A value of x or of the atoms is not finite (names the row), or widths differ.
    ConfigError
        k is no integer from 1 to the number of atoms, or `residual` is not between 0 and 1.

    References
    ----------
    Mallat & Zhang 1993, eq. 10-12.
    """
    check_k(k, atoms)
    return on_tensors(partial(pursue, k=int(k), nonnegative=nonnegative, residual=residual or 0.0), x, atoms)


def pursue(x: Tensor, atoms: Tensor, *, k: int, nonnegative: bool, residual: float) -> Tensor:
    """`matching_pursuit` on checked tensors."""
    norms = atoms.norm(dim=1).clamp(min=torch.finfo(x.dtype).tiny)
    directions, size = atoms / norms.unsqueeze(1), x.norm(dim=1, keepdim=True)
    codes, left = x.new_zeros(len(x), len(atoms)), x.clone()
    for _ in range(k):
        going = left.norm(dim=1, keepdim=True) > residual * size
        if not bool(going.any()):
            break
        correlation = left @ directions.T
        chosen = (correlation if nonnegative else correlation.abs()).argmax(dim=1, keepdim=True)
        amount = correlation.gather(1, chosen)
        if nonnegative:
            amount = amount.clamp(min=0)
        amount = torch.where(going, amount, 0.0)
        left -= amount * directions[chosen.squeeze(1)]
        codes.scatter_add_(1, chosen, amount / norms[chosen])
    return codes
