"""Orthogonal matching pursuit: the k atoms that explain a row best, one after the other."""

from functools import partial

import numpy as np
import torch
from torch import Tensor

from thresh.devices import on_cpu
from thresh.errors import ConfigError
from thresh.inference.arrays import on_tensors
from thresh.inference.blocks import block_rows, over_blocks
from thresh.inference.gram import Gram
from thresh.parameters import TRUE_OR_FALSE, between, checked, integer, optional

# Of the solvers that choose at most k atoms a row.
PURSUIT = {"k": integer(1), "nonnegative": TRUE_OR_FALSE, "residual": optional(between(0, 1))}


@checked(**PURSUIT)
def omp(x, atoms, k: int, nonnegative: bool = False, residual: float | None = None) -> np.ndarray | Tensor:
    """Codes with at most k active atoms, chosen greedily, with exact least squares on the chosen ones.

    Each step takes the atom that correlates best with the residual, j = argmax |r . d_j| / |d_j|, adds a row to
    the inverse Cholesky factor of the chosen atoms' Gram matrix and corrects all weights by it. A row ends early when
    its residual is zero to rounding, or when no atom is left that is independent of the chosen ones.
    With `nonnegative` only positive correlations count and the weights are non-negative least squares: an
    atom whose weight would turn negative leaves (Lawson and Hanson's method, stopped at k atoms).

    Parameters
    ----------
    x : (rows, units)
    atoms : (atoms, units)
        Need not have unit norm. An atom of zeros is never chosen.
    k
        Most atoms, between 1 and the number of atoms.
    residual
        A row ends when |r| is at most so much of |x|; None: at k atoms.

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
    Rubinstein, Zibulevsky & Elad 2008 (batch OMP); Nguyen et al. 2019, section III (non-negative).
    Agrees with scikit-learn's `orthogonal_mp`.
    """
    check_k(k, atoms)
    return on_tensors(partial(pursue, k=int(k), nonnegative=nonnegative, residual=residual or 0.0), x, atoms)


def check_k(k: int, atoms) -> None:
    if k > len(atoms):
        raise ConfigError("k", k, f"at most the number of atoms ({len(atoms)})")


def pursue(x: Tensor, atoms: Tensor, *, k: int, nonnegative: bool, residual: float = 0.0) -> Tensor:
    """`omp` on checked tensors, block of rows by block of rows."""
    codes = x.new_zeros(len(x), len(atoms))
    norms = atoms.norm(dim=1)
    directions = atoms / norms.clamp(min=torch.finfo(x.dtype).tiny).unsqueeze(1)
    gram = Gram(directions, len(x))

    def pursue_block(rows: slice) -> None:
        pursue_rows(Support(x[rows], gram, k), codes[rows], nonnegative, residual)

    over_blocks(pursue_block, len(x), block_rows(x, max(len(atoms), k * k)), x.device)
    if nonnegative:
        codes.clamp_(min=0)  # the last correction of a weight that is all but zero may have gone beyond
    return codes.div_(torch.where(norms > 0, norms, 1.0))


def pursue_rows(support: "Support", codes: Tensor, nonnegative: bool, residual: float) -> None:
    """Fill `codes` (zeros), as multiples of atoms of unit norm; rows that are done leave the batch."""
    k = support.index.shape[1]
    least = 10 * torch.finfo(codes.dtype).eps * support.x.norm(dim=1)
    rows = torch.arange(len(codes), device=codes.device)
    # Without sign constraint k steps suffice; where atoms leave again, a few more may be needed.
    for _ in range(3 * k if nonnegative else k):
        correlation = support.correlation()
        strength = correlation if nonnegative else correlation.abs()
        # Unused places stand for atom 0, which they must not rule out.
        taken = torch.where(support.used(), -1.0, strength.gather(1, support.index))
        best, chosen = strength.scatter_reduce_(1, support.index, taken, "amin").max(dim=1)
        going = (best > least) & (support.count < k)
        if residual > 0:
            going &= support.residual().norm(dim=1) > residual * support.x.norm(dim=1)
        old = support.weights
        going &= support.extend(chosen, correlation, going)
        if nonnegative:
            going &= support.make_nonnegative(old)
        if not bool(going.all()):
            write(codes, rows[~going], support.keep(~going))
            support, rows, least = support.keep(going), rows[going], least[going]
        if len(rows) == 0:
            return
    write(codes, rows, support)


def write(codes: Tensor, rows: Tensor, support: "Support") -> None:
    # Unused places of the support point at atom 0 with weight 0, so they are added, not assigned.
    places = rows.unsqueeze(1) * codes.shape[1] + support.index
    codes.view(-1).scatter_add_(0, places.view(-1), support.refined().reshape(-1))


class Support:
    """The chosen atoms of each row, padded to k places, and the inverse M of the Cholesky factor of their Gram matrix.

    Least squares weights are M' M x D'. A new atom adds a row m to M, the weights change by a multiple of m, and
    nothing is solved again. Unused places hold zeros.
    """

    PARTS = ("x", "start", "index", "count", "inverse", "weights")

    def __init__(self, x: Tensor, gram: Gram, k: int):
        self.x, self.gram = x, gram
        self.start = x @ gram.atoms.T
        rows = len(x)
        self.index = torch.zeros(rows, k, dtype=torch.long, device=x.device)
        self.count = torch.zeros(rows, dtype=torch.long, device=x.device)
        self.inverse = x.new_zeros(rows, k, k)
        self.weights = x.new_zeros(rows, k)

    def keep(self, rows: Tensor) -> "Support":
        kept = object.__new__(Support)
        kept.gram = self.gram
        for name in self.PARTS:
            setattr(kept, name, getattr(self, name)[rows])
        return kept

    def put(self, rows: Tensor, part: "Support") -> None:
        for name in self.PARTS[2:]:
            getattr(self, name)[rows] = getattr(part, name)

    def used(self) -> Tensor:
        return torch.arange(self.index.shape[1], device=self.x.device) < self.count.unsqueeze(1)

    def correlation(self) -> Tensor:
        """Of the residual with every atom."""
        return self.gram.less(self.start, *self.chosen())

    def exact_correlation(self) -> Tensor:
        """From the residual itself, so that its rounding is small where the residual is."""
        return self.residual() @ self.gram.atoms.T

    def residual(self) -> Tensor:
        return self.x - self.gram.combined(*self.chosen())

    def chosen(self) -> tuple[Tensor, Tensor]:
        size = max(1, int(self.count.max())) if on_cpu(self.x) else self.index.shape[1]
        return self.index[:, :size], self.weights[:, :size]

    def solved(self, right: Tensor) -> Tensor:
        """M' M right: the right sides of least squares to their weights."""
        inner = torch.bmm(self.inverse, right.unsqueeze(2))
        return torch.bmm(inner.transpose(1, 2), self.inverse).squeeze(1)

    def refined(self) -> Tensor:
        """The weights, less what updates have gathered of rounding."""
        left = self.exact_correlation().gather(1, self.index)
        return self.weights + self.solved(torch.where(self.used(), left, 0.0))

    def extend(self, atom: Tensor, correlation: Tensor, rows: Tensor) -> Tensor:
        """Add an atom to the given rows; False where it is a combination of the atoms that are there."""
        below = torch.bmm(self.inverse, self.gram.with_one(self.index, atom).unsqueeze(2)).transpose(1, 2)
        new = 1 - below.square().sum(dim=2).squeeze(1)
        rows = rows & (new > 10 * torch.finfo(new.dtype).eps)
        scale = torch.where(rows, new, 1.0).rsqrt().unsqueeze(1)
        place = self.count.clamp(max=self.index.shape[1] - 1).unsqueeze(1)
        line = (torch.bmm(below, self.inverse).squeeze(1) * -scale).scatter_(1, place, scale) * rows.unsqueeze(1)
        self.inverse.scatter_add_(1, place.unsqueeze(2).expand(-1, -1, line.shape[1]), line.unsqueeze(1))
        self.index.scatter_add_(1, place, (atom * rows).unsqueeze(1))
        # The residual is at right angles to the atoms that are there, so that they drop out.
        self.weights = self.weights + line * (scale * correlation.gather(1, atom.unsqueeze(1)))
        self.count = self.count + rows
        return rows

    def make_nonnegative(self, old: Tensor) -> Tensor:
        """Non-negative least squares from the weights of the last step; False where the newest atom had to leave."""
        progress = torch.ones(len(self.x), dtype=torch.bool, device=self.x.device)
        rows = (self.used() & (self.weights <= 0)).any(dim=1).nonzero().squeeze(1)
        if len(rows):
            part = self.keep(rows)
            progress[rows] = part.without_negative(old[rows])
            self.put(rows, part)
        return progress

    def without_negative(self, old: Tensor) -> Tensor:
        """Weights move from the old ones towards the unconstrained ones until the first is zero; that atom leaves.

        The rest is solved again (Lawson & Hanson 1974, chapter 23, the inner loop).
        """
        newest = self.index.gather(1, (self.count - 1).clamp(min=0).unsqueeze(1)).squeeze(1)
        progress = torch.ones(len(self.x), dtype=torch.bool, device=self.x.device)
        while True:
            negative = self.used() & (self.weights <= 0)
            rows = negative.any(dim=1).nonzero().squeeze(1)
            if len(rows) == 0:
                return progress
            reach = torch.where(negative, old / (old - self.weights).clamp(min=torch.finfo(old.dtype).tiny), torch.inf)
            share, first = reach[rows].min(dim=1)
            moved = (old[rows] + share.unsqueeze(1) * (self.weights[rows] - old[rows])).clamp(min=0)
            progress[rows] &= self.index[rows, first] != newest[rows]
            part = self.keep(rows)
            old[rows] = part.remove(first, moved)
            self.put(rows, part)

    def remove(self, place: Tensor, weights: Tensor) -> Tensor:
        """Take one atom out of each row, close the gap, solve anew; returns the given weights in the new order."""
        order = torch.arange(self.index.shape[1], device=self.x.device).repeat(len(self.x), 1)
        order = order + (order >= place.unsqueeze(1))
        order = torch.where(order == self.index.shape[1], place.unsqueeze(1), order)
        self.count = self.count - 1
        used = self.used()
        self.index = torch.where(used, self.index.gather(1, order), 0)
        gram = self.gram.among(self.index) * (used.unsqueeze(1) & used.unsqueeze(2))
        gram.diagonal(dim1=1, dim2=2).add_((~used).to(gram.dtype))
        identity = torch.diag_embed(used.to(gram.dtype))
        self.inverse = torch.linalg.solve_triangular(torch.linalg.cholesky(gram), identity, upper=False)
        right = self.start.gather(1, self.index)
        self.weights = self.solved(torch.where(used, right, 0.0))
        return torch.where(used, weights.gather(1, order), 0.0)
