"""Sparse codes in training: products and gradients whose cost follows the active codes and not the atoms.

All of them are sums of table rows with weights, torch's `embedding_bag`: on the CPU and on CUDA it neither makes the
codes dense nor adds in an order that changes from run to run.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional

from thresh.devices import on_cpu

# A row as wide as this is looked through in two rounds: first groups of entries, then those of the best groups.
WIDE = 2048


class Support:
    """Which atoms are active in which rows, for n dictionaries at once; entries are sorted by row.

    Parameters
    ----------
    counts : (n * rows,)
        Active atoms of each row, dictionary after dictionary.
    columns : (active,)
        Atom of each entry, counted from the first atom of the first dictionary.
    shape
        (n, rows, atoms).
    """

    def __init__(self, counts: Tensor, columns: Tensor, shape: tuple[int, int, int]):
        self.counts, self.columns, self.shape = counts, columns, shape

    @classmethod
    def of_index(cls, index: Tensor, atoms: int) -> "Support":
        """Of atoms that are named in `index` (n, rows, k): the same number in each row."""
        n, rows, k = index.shape
        first = torch.arange(0, n * atoms, atoms, device=index.device)
        counts = torch.full((n * rows,), k, device=index.device)
        return cls(counts, (index + first.view(n, 1, 1)).flatten(), (n, rows, atoms))

    @classmethod
    def of_mask(cls, mask: Tensor) -> "Support":
        """Of the entries that are true in `mask` (n, rows, atoms)."""
        n, rows, atoms = mask.shape
        row, column = mask.view(n * rows, atoms).nonzero(as_tuple=True)
        return cls(mask.sum(dim=2).flatten(), column + row.div(rows, rounding_mode="floor") * atoms, (n, rows, atoms))

    @cached_property
    def offsets(self) -> Tensor:
        """(n * rows + 1,) where the entries of each row begin."""
        return ends(self.counts)

    @cached_property
    def rows(self) -> Tensor:
        """(active,) row of each entry, counted from the first row of the first dictionary."""
        return torch.repeat_interleave(self.counts, output_size=len(self.columns))

    @cached_property
    def active_of_each(self) -> Tensor:
        """(n,) entries of each dictionary."""
        return self.counts.view(self.shape[0], -1).sum(dim=1)

    @cached_property
    def by_atom(self) -> tuple[Tensor, Tensor, Tensor]:
        """Order of the entries by atom, their rows in that order, and where those of each atom begin."""
        n, rows, atoms = self.shape
        if on_cpu(self.columns):
            # Sparse matrices are turned by counting, which is faster than sorting.
            entries = np.arange(len(self.columns), dtype=np.int32)
            by_row = (entries, self.columns.numpy(), self.offsets.numpy())
            turned = csr_array(by_row, shape=(n * rows, n * atoms)).tocsc()
            return tuple(torch.from_numpy(each) for each in (turned.data, turned.indices, turned.indptr))
        columns, order = self.columns.sort(stable=True)
        return order, self.rows[order], torch.searchsorted(columns, torch.arange(n * atoms + 1, device=columns.device))

    def take(self, dense: Tensor) -> Tensor:
        """(active,) entries of a dense tensor (n, rows, atoms)."""
        n, rows, atoms = self.shape
        inside = self.columns - self.rows.div(rows, rounding_mode="floor") * atoms if n > 1 else self.columns
        return dense.reshape(-1)[self.rows * atoms + inside]

    def used(self, values: Tensor) -> Tensor:
        """(n, atoms) which atoms have a value that is not zero."""
        n, _, atoms = self.shape
        counts = torch.zeros(n * atoms, dtype=torch.int32, device=values.device)
        return counts.index_add_(0, self.columns, (values != 0).int()).view(n, atoms) > 0

    def active(self, values: Tensor) -> Tensor:
        """(n,) how many values of each dictionary are not zero."""
        n, rows, _ = self.shape
        counts = torch.zeros(n, dtype=torch.int64, device=values.device)
        return counts.index_add_(0, self.rows.div(rows, rounding_mode="floor"), (values != 0).long())

    def over_rows(self, weights: Tensor, table: Tensor) -> Tensor:
        """(n * rows, width): for each row, the weighted sum of the table rows (n * atoms, width) of its atoms."""
        return bag(self.columns, self.offsets, weights, table)

    def over_atoms(self, weights: Tensor, table: Tensor) -> Tensor:
        """(n * atoms, width): for each atom, the weighted sum of the rows (n * rows, width) that it is active in."""
        order, rows, offsets = self.by_atom
        return bag(rows, offsets, weights[order], table)

    def sums_of_atoms(self, values: Tensor) -> Tensor:
        """(n, atoms) sums of the values (active,) of each atom."""
        n, rows, atoms = self.shape
        if on_cpu(values):
            return values.new_zeros(n * atoms).index_add_(0, self.columns, values).view(n, atoms)
        # There, index_add_ would add in another order each time.
        return self.over_atoms(values, values.new_ones(n * rows, 1)).view(n, atoms)


def ends(counts: Tensor) -> Tensor:
    return functional.pad(counts.cumsum(0), (1, 0))


def bag(index: Tensor, offsets: Tensor, weights: Tensor, table: Tensor) -> Tensor:
    return functional.embedding_bag(
        index, table, offsets, mode="sum", per_sample_weights=weights, include_last_offset=True
    )


class Reconstruction(Function):
    """Squared errors of n linear autoencoders with sparse codes, and their gradients, in one step.

    loss[i] = |x - z_i D_i - b_i|^2 with z_i = relu((x - b_i) W_i + c_i) where the support says, 0 elsewhere.
    """

    @staticmethod
    def forward(ctx, pre, inputs, W_enc, b_enc, b_dec, atoms, support):
        n, rows, _ = support.shape
        units = atoms.shape[-1]
        codes = pre.relu()
        with torch.enable_grad():
            # The graph of this one product gives the gradient of the codes.
            weights = codes.detach().requires_grad_()
            decoded = support.over_rows(weights, atoms.detach().reshape(-1, units))
        residual = inputs - decoded.detach().view(n, rows, units)
        ctx.support, ctx.decoded, ctx.weights = support, decoded, weights
        ctx.save_for_backward(codes, inputs, residual, W_enc)
        ctx.mark_non_differentiable(residual, codes)
        return squared_norms(residual), residual, codes

    @staticmethod
    def backward(ctx, gradient, _residual, _codes):
        codes, inputs, residual, W_enc = ctx.saved_tensors
        support, (n, rows, atoms) = ctx.support, ctx.support.shape
        flat = residual.view(n * rows, -1)
        # d|r|^2 = -2 r . d(z D + b)
        scale = (-2 * gradient).repeat_interleave(support.active_of_each, output_size=len(codes))
        (of_codes,) = torch.autograd.grad(ctx.decoded, ctx.weights, flat)
        of_pre = torch.where(codes > 0, of_codes * scale, 0.0)
        of_atoms = support.over_atoms(codes * scale, flat).view(n, atoms, -1)
        of_W_enc = support.over_atoms(of_pre, inputs.view(n * rows, -1)).view(n, atoms, -1)
        of_b_enc = support.sums_of_atoms(of_pre)
        of_b_dec = -2 * gradient.unsqueeze(1) * sums_of_rows(residual) - vector_products(of_b_enc, W_enc)
        return None, None, of_W_enc, of_b_enc, of_b_dec, of_atoms, None


class AtomsGradient(Function):
    """Passes decoded rows on, and gives the atoms their gradient."""

    @staticmethod
    def forward(ctx, decoded: Tensor, atoms: Tensor, values: Tensor, support: Support) -> Tensor:
        ctx.save_for_backward(values)
        ctx.support = support
        return decoded.view_as(decoded)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        (values,) = ctx.saved_tensors
        n, rows, atoms = ctx.support.shape
        of_atoms = ctx.support.over_atoms(values, gradient.reshape(n * rows, -1).contiguous())
        return gradient, of_atoms.view(n, atoms, -1), None, None


def decode(values: Tensor, atoms: Tensor, support: Support) -> Tensor:
    """Decoded rows (n, rows, units) of codes whose entries `values` (active,) stand where the support says.

    Parameters
    ----------
    atoms : (n, atoms, units)
    """
    n, rows, _ = support.shape
    units = atoms.shape[-1]
    decoded = support.over_rows(values, atoms.detach().reshape(-1, units)).view(n, rows, units)
    return AtomsGradient.apply(decoded, atoms, values.detach(), support)


class EncoderGradient(Function):
    """Passes chosen pre-activations on, and gives the encoder the gradient that belongs to them alone."""

    @staticmethod
    def forward(ctx, pre: Tensor, centred: Tensor, W_enc: Tensor, b_enc: Tensor, b_dec: Tensor, support: Support):
        ctx.save_for_backward(centred, W_enc)
        ctx.support = support
        return pre.view_as(pre)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        centred, W_enc = ctx.saved_tensors
        n, rows, atoms = ctx.support.shape
        of_weights = ctx.support.over_atoms(gradient, centred.reshape(n * rows, -1)).view(n, atoms, -1)
        of_bias = ctx.support.sums_of_atoms(gradient)
        return None, None, of_weights, of_bias, -vector_products(of_bias, W_enc), None


def largest(pre: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest entries along the last axis and their places, in no order; exact.

    In wide rows the largest entry of each of some groups is found first: the k largest of all stand in those k groups
    whose largest entries are largest.
    """
    atoms = pre.shape[-1]
    groups = 1 << (8 * k - 1).bit_length()
    if atoms < WIDE or atoms % groups or atoms // groups < 2:
        return pre.topk(k, dim=-1, sorted=False)
    size = atoms // groups
    best = pre.unflatten(-1, (size, groups)).amax(dim=-2).topk(k, dim=-1, sorted=False).indices
    members = torch.arange(0, atoms, groups, device=pre.device)
    places = (best.unsqueeze(-2) + members.unsqueeze(-1)).flatten(-2)
    values, chosen = pre.gather(-1, places).topk(k, dim=-1, sorted=False)
    return values, places.gather(-1, chosen)


def products(a: Tensor, b: Tensor) -> Tensor:
    """a[i] @ b[i] for each i; on the CPU one after the other, so that each comes out as it would alone."""
    if not on_cpu(a):
        return torch.bmm(a, b)
    return torch.stack([p @ q for p, q in zip(a.unbind(), b.unbind(), strict=True)])


def chosen(
    inputs: Tensor,
    W_enc: Tensor,
    b_enc: Tensor,
    choose: Callable[[Tensor], tuple[Tensor, Tensor]],
) -> tuple[Tensor, Tensor]:
    """What a choice picks from pre-activations inputs W_enc + b_enc, which are not kept.

    Parameters
    ----------
    inputs : (n, rows, units)
    W_enc : (n, atoms, units)
    b_enc : (n, atoms)
    choose
        From pre-activations (..., atoms) to values and places, of the same shapes for each autoencoder.

    Returns
    -------
    values, places : (n, ...)
    """
    if not on_cpu(inputs):
        return choose(torch.baddbmm(b_enc.unsqueeze(1), inputs, W_enc.transpose(1, 2)))
    # One after the other in one piece of memory, which stays in the cache; and each comes out as it would alone.
    room = inputs.new_empty(inputs.shape[1], W_enc.shape[1])
    found = [choose(torch.addmm(b, x, W.T, out=room)) for x, W, b in zip(inputs, W_enc, b_enc, strict=True)]
    values, places = zip(*found, strict=True)
    return torch.stack(values), torch.stack(places)


def squared_norms(x: Tensor) -> Tensor:
    """(n,) sum of squares of each x[i]."""
    return torch.stack([each.flatten().dot(each.flatten()) for each in x.float().unbind()])


def sums_of_rows(x: Tensor) -> Tensor:
    """(n, width) sums over the rows of each x[i]."""
    return torch.stack([each.sum(dim=0) for each in x.unbind()])


def vector_products(vectors: Tensor, matrices: Tensor) -> Tensor:
    """vectors[i] @ matrices[i] for each i."""
    return torch.stack([vector @ matrix for vector, matrix in zip(vectors, matrices, strict=True)])
