"""Orthogonal matching pursuit: the k atoms that explain a row best, one after the other."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.errors import ConfigError
from thresh.inference.arrays import on_tensors
from thresh.parameters import TRUE_OR_FALSE, checked, integer

# Numbers held at once for the chosen atoms of all rows (rows * k * units): 256 MB in float32.
CHOSEN_LIMIT = 1 << 26
# Of the solvers that choose k atoms a row.
PURSUIT = {"k": integer(1), "nonnegative": TRUE_OR_FALSE}


@checked(**PURSUIT)
def omp(x, atoms, k: int, nonnegative: bool = False) -> np.ndarray | Tensor:
    """Codes with at most k active atoms, chosen greedily, with exact least squares on the chosen ones.

    Each step takes the atom that correlates best with the residual, j = argmax |r . d_j| / |d_j|, extends the
    Cholesky factor of the chosen atoms' Gram matrix and solves for all weights anew. A row ends early when
    its residual is zero to rounding, or when no atom is left that is independent of the chosen ones.
    With `nonnegative` only positive correlations count and the weights are non-negative least squares: an
    atom whose weight would turn negative leaves (Lawson and Hanson's method, stopped at k atoms).

    Parameters
    ----------
    x : (rows, units)
    atoms : (atoms, units)
        Need not have unit norm. An atom of zeros is never chosen.
    k
        Between 1 and the number of atoms.

    Returns
    -------
    (rows, atoms), of the kind and dtype of x

    Raises
    ------
    DictionaryError
        A value of x or of the atoms is not finite (names the row), or widths differ.
    ConfigError
        k is no integer from 1 to the number of atoms.

    References
    ----------
    Rubinstein, Zibulevsky & Elad 2008 (batch OMP); Nguyen et al. 2019, section III (non-negative).
    Agrees with scikit-learn's `orthogonal_mp`.
    """
    check_k(k, atoms)
    return on_tensors(partial(pursue, k=int(k), nonnegative=nonnegative), x, atoms)


def check_k(k: int, atoms) -> None:
    if k > len(atoms):
        raise ConfigError("k", k, f"at most the number of atoms ({len(atoms)})")


def pursue(x: Tensor, atoms: Tensor, *, k: int, nonnegative: bool) -> Tensor:
    """`omp` on checked tensors, in blocks of rows that fit in memory."""
    codes = x.new_zeros(len(x), len(atoms))
    block = max(1, CHOSEN_LIMIT // (k * atoms.shape[1]))
    for begin in range(0, len(x), block):
        pursue_block(x[begin : begin + block], atoms, codes[begin : begin + block], k, nonnegative)
    return codes


def pursue_block(x: Tensor, atoms: Tensor, codes: Tensor, k: int, nonnegative: bool) -> None:
    """Fill `codes`; rows that are done leave the batch."""
    rounding = 10 * torch.finfo(x.dtype).eps
    norms = atoms.norm(dim=1)
    directions = atoms / norms.clamp(min=torch.finfo(x.dtype).tiny).unsqueeze(1)
    support = Support(x, directions, k)
    rows = torch.arange(len(x), device=x.device)
    # Without sign constraint k steps suffice; where atoms leave again, a few more may be needed.
    for _ in range(3 * k if nonnegative else k):
        correlation = support.residual() @ directions.T
        strength = correlation if nonnegative else correlation.abs()
        strength = strength.scatter(
            1, support.index, torch.where(support.used(), -1.0, strength.gather(1, support.index))
        )
        best, chosen = strength.max(dim=1)
        going = (best > rounding * support.x.norm(dim=1)) & (support.count < k)
        going &= support.extend(chosen, going)
        if nonnegative:
            going &= support.make_nonnegative()
        else:
            support.solve()
        if not bool(going.all()):
            write(codes, rows[~going], support.keep(~going), norms)
            support, rows = support.keep(going), rows[going]
        if len(rows) == 0:
            return
    write(codes, rows, support, norms)


def write(codes: Tensor, rows: Tensor, support: "Support", norms: Tensor) -> None:
    # Unused places of the support point at atom 0 with weight 0, so they are added, not assigned.
    weights = torch.where(support.used(), support.weights / norms[support.index], 0.0)
    codes[rows] = codes.new_zeros(len(rows), codes.shape[1]).scatter_add_(1, support.index, weights)


class Support:
    """The chosen atoms of each row, padded to k places, with the Cholesky factor of their Gram matrix.

    Unused places hold a row of the identity in the factor and zeros elsewhere, so that one batched
    triangular solve serves rows with different numbers of atoms.
    """

    def __init__(self, x: Tensor, directions: Tensor, k: int):
        self.x, self.directions = x, directions
        rows, units = x.shape
        self.index = torch.zeros(rows, k, dtype=torch.long, device=x.device)
        self.count = torch.zeros(rows, dtype=torch.long, device=x.device)
        self.chosen = x.new_zeros(rows, k, units)
        self.factor = torch.eye(k, dtype=x.dtype, device=x.device).repeat(rows, 1, 1)
        self.weights = x.new_zeros(rows, k)

    def keep(self, rows: Tensor) -> "Support":
        kept = object.__new__(Support)
        kept.directions = self.directions
        for name in ("x", "index", "count", "chosen", "factor", "weights"):
            setattr(kept, name, getattr(self, name)[rows])
        return kept

    def used(self) -> Tensor:
        return torch.arange(self.index.shape[1], device=self.x.device) < self.count.unsqueeze(1)

    def residual(self) -> Tensor:
        return self.x - torch.bmm(self.weights.unsqueeze(1), self.chosen).squeeze(1)

    def solve(self) -> None:
        right = torch.bmm(self.chosen, self.x.unsqueeze(2))
        self.weights = torch.cholesky_solve(right, self.factor).squeeze(2)

    def extend(self, atom: Tensor, rows: Tensor) -> Tensor:
        """Add an atom to the given rows; False where it is a combination of the atoms that are there."""
        direction = self.directions[atom]
        overlap = torch.bmm(self.chosen, direction.unsqueeze(2))
        below = torch.linalg.solve_triangular(self.factor, overlap, upper=False).squeeze(2)
        new = 1 - below.square().sum(dim=1)
        rows = rows & (new > 10 * torch.finfo(new.dtype).eps)
        where, place = rows.nonzero().squeeze(1), self.count[rows]
        self.factor[where, place] = below[rows]
        self.factor[where, place, place] = new[rows].sqrt()
        self.index[where, place] = atom[rows]
        self.chosen[where, place] = direction[rows]
        self.count[rows] += 1
        return rows

    def make_nonnegative(self) -> Tensor:
        """Non-negative least squares from the weights of the last step; False where the newest atom had to leave.

        Weights move from the old ones towards the unconstrained ones until the first is zero; that atom
        leaves, and the rest is solved again (Lawson & Hanson 1974, chapter 23, the inner loop).
        """
        newest = self.index.gather(1, (self.count - 1).clamp(min=0).unsqueeze(1))
        old, progress = self.weights, torch.ones(len(self.x), dtype=torch.bool, device=self.x.device)
        while True:
            self.solve()
            used = self.used()
            negative = used & (self.weights <= 0)
            rows = negative.any(dim=1).nonzero().squeeze(1)
            if len(rows) == 0:
                return progress
            reach = torch.where(negative, old / (old - self.weights).clamp(min=torch.finfo(old.dtype).tiny), torch.inf)
            share, first = reach[rows].min(dim=1)
            moved = (old[rows] + share.unsqueeze(1) * (self.weights[rows] - old[rows])).clamp(min=0)
            progress[rows] &= self.index[rows, first] != newest[rows, 0]
            old = old.clone()
            old[rows] = moved
            old = self.remove(rows, first, old)

    def remove(self, rows: Tensor, place: Tensor, weights: Tensor) -> Tensor:
        """Take one atom out of each of the rows, close the gap, factor anew; returns the weights in the new order."""
        order = torch.arange(self.index.shape[1], device=self.x.device).repeat(len(rows), 1)
        order = order + (order >= place.unsqueeze(1))
        order = torch.where(order == self.index.shape[1], place.unsqueeze(1), order)
        self.count[rows] -= 1
        used = self.used()[rows]
        self.index[rows] = torch.where(used, self.index[rows].gather(1, order), 0)
        chosen = self.chosen[rows].gather(1, order.unsqueeze(2).expand(-1, -1, self.x.shape[1]))
        self.chosen[rows] = chosen * used.unsqueeze(2)
        gram = torch.bmm(self.chosen[rows], self.chosen[rows].transpose(1, 2)) + torch.diag_embed(
            (~used).to(self.x.dtype)
        )
        self.factor[rows] = torch.linalg.cholesky(gram)
        weights[rows] = torch.where(used, weights[rows].gather(1, order), 0.0)
        return weights
