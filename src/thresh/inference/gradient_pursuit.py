"""Gradient pursuit: greedy steps that move all chosen weights at once, along the gradient."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.inference.arrays import on_tensors
from thresh.inference.omp import PURSUIT, check_k
from thresh.parameters import checked


@checked(**PURSUIT)
def gradient_pursuit(x, atoms, k: int, nonnegative: bool = False, residual: float | None = None) -> np.ndarray | Tensor:
    """Codes after at most k greedy steps, so with at most k active atoms.

    Each step takes j = argmax |r . d_j| / |d_j| into the support S and goes along the gradient g = r D_S' as far as the
    residual r falls: z_S += a g with a = |g|^2 / |g D_S|^2. Between `matching_pursuit`, which moves the chosen weight
    alone, and `omp`, which solves for all of them: it needs no system of equations, and is nearly as exact as `omp`
    where atoms are nearly orthogonal. The residual never grows.
    With `nonnegative` only positive correlations count, and weights that a step would make negative end at 0, at the
    first of them where the residual would grow otherwise.

    Parameters
    ----------
    x : (rows, units)
    atoms : (atoms, units)
        Need not have unit norm. An atom of zeros is never chosen.
    k
        Most steps, between 1 and the number of atoms. An atom may be chosen again.
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
    Blumensath & Davies 2008, section III, eq. 9-11; with weights that are not negative, on the decoder of a sparse
    autoencoder: Smith 2024, "Inference-time optimisation".
    """
    check_k(k, atoms)
    return on_tensors(partial(pursue, k=int(k), nonnegative=nonnegative, residual=residual or 0.0), x, atoms)


def pursue(x: Tensor, atoms: Tensor, *, k: int, nonnegative: bool, residual: float) -> Tensor:
    """`gradient_pursuit` on checked tensors."""
    tiny, rounding = torch.finfo(x.dtype).tiny, 10 * torch.finfo(x.dtype).eps
    norms = atoms.norm(dim=1).clamp(min=tiny)
    directions, size = atoms / norms.unsqueeze(1), x.norm(dim=1)
    codes, left = x.new_zeros(len(x), len(atoms)), x.clone()
    support = torch.zeros_like(codes, dtype=torch.bool)
    for _ in range(k):
        slope = left @ directions.T
        best, chosen = (slope if nonnegative else slope.abs()).max(dim=1, keepdim=True)
        going = (left.norm(dim=1) > residual * size) & (best.squeeze(1) > rounding * size)
        if not bool(going.any()):
            break
        support.scatter_(1, chosen, support.gather(1, chosen) | going.unsqueeze(1))
        # Where a weight is 0 it can only grow.
        moving = support & ((codes > 0) | (slope > 0)) if nonnegative else support
        gradient = torch.where(moving & going.unsqueeze(1), slope, 0.0)
        change = gradient @ directions
        step = gradient.square().sum(dim=1, keepdim=True) / change.square().sum(dim=1, keepdim=True).clamp(min=tiny)
        codes, left = codes + step * gradient, left - step * change
        rows = (codes < 0).any(dim=1).nonzero().squeeze(1) if nonnegative else chosen[:0, 0]
        if len(rows):
            before, after = codes[rows] - (step * gradient)[rows], codes[rows]
            codes[rows] = clamped(x[rows], directions, before, after)
            left[rows] = x[rows] - codes[rows] @ directions
    return codes / norms


def clamped(x: Tensor, directions: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Steps that made weights negative: with these at 0, or stopped at the first of them where that is better."""
    together = after.clamp(min=0)
    negative = after < 0
    share = torch.where(negative, before / (before - after).clamp(min=torch.finfo(x.dtype).tiny), torch.inf)
    least = share.amin(dim=1, keepdim=True)
    first = torch.where(share <= least, 0.0, before + least * (after - before)).clamp(min=0)
    worse = (x - together @ directions).norm(dim=1) > (x - first @ directions).norm(dim=1)
    return torch.where(worse.unsqueeze(1), first, together)
