"""The matching pursuit sparse autoencoder."""

import torch
from torch import Tensor
from torch.autograd import Function

from thresh.dictionaries.autoencoders.sparse import Support, bag, products
from thresh.dictionaries.autoencoders.sparse_autoencoder import SparseAutoencoder
from thresh.dictionaries.autoencoders.stack import Forward, Stack, centred, unexplained
from thresh.dictionaries.kinds.matching_pursuit import MatchingPursuitDictionary
from thresh.dictionaries.learner import Start, unit_rows
from thresh.parameters import checked, integer


class MatchingPursuit(SparseAutoencoder):
    """MP-SAE: the encoder is k steps of matching pursuit on the decoder itself (Costa et al. 2025).

    From r = x - b_dec, k times: j = argmax r . d_j, a = relu(r . d_j), z_j += a, r -= a d_j; atoms have unit norm. Adam
    lowers the squared norm of the last residual over the variance; the gradient goes back through all residuals.

    Each choice sees what those before it left over, as no linear encoder does: more steps never explain less, also
    more than in training, and an atom may resemble others as long as these are not needed in the same row.

    Assumes that the concepts of one row are nearly orthogonal, while there may be many more concepts than units. Choose
    it over TopK where k is small and superposition dense; prefer TopK where codes must cost one product a row. Like
    every greedy choice it is misled by close concepts that are active together, and it does not by itself take a
    parent apart from a child that seldom occurs without it.

    Parameters
    ----------
    k
        Steps, so the largest number of active atoms; each costs as much as all of a linear encoder. Rather more than
        the concepts of a row: weights are not corrected later, but by choosing an atom again.

    References
    ----------
    Costa et al. 2025, 'From flat to hierarchical: extracting sparse representations with matching pursuit'; Mallat &
    Zhang 1993, eq. 10-12. Codes as in SAELens 6 (`matching_pursuit`).
    """

    name = "mp"

    @checked(k=integer(1))
    def __init__(self, units: int, atoms: int, *, k: int = 8, **common):
        super().__init__(units, atoms, **common)
        self.k = k

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        first = super().first_parameters(start, middle)
        return {name: first[name] for name in ("W_dec", "b_dec")}

    def latents(self, stack: Stack) -> tuple[Tensor, Tensor, Tensor]:
        return stack.W_dec, stack.W_dec.new_zeros(stack.W_dec.shape[:2]), stack.W_dec

    def place(self, stack: Stack, member: int, chosen: Tensor, rows: Tensor) -> None:
        stack.W_dec.data[member, chosen] = unit_rows(rows)

    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        residual, index, amounts = Pursuit.apply(centred(stack, x), stack.W_dec, self.k)
        codes = first_of_each(index, amounts)
        support = Support.of_index(index, self.atoms)
        return Forward(
            unexplained(residual, stack.variance), residual, (codes != 0).sum(dim=(1, 2)), support.used(codes.flatten())
        )

    def export(self, tensors: dict[str, Tensor]) -> MatchingPursuitDictionary:
        return MatchingPursuitDictionary(tensors["W_dec"], self.k, tensors["b_dec"])


def first_of_each(index: Tensor, amounts: Tensor) -> Tensor:
    """Amounts (n, rows, k) where an atom is chosen for the first time, zero where it is chosen again."""
    again = index.unsqueeze(3) == index.unsqueeze(2)
    return amounts.masked_fill(again.tril(-1).any(dim=3), 0.0)


class Pursuit(Function):
    """Residual, atoms and amounts of matching pursuit; keeps k numbers a row instead of what each step saw.

    A step r' = r - a d with a = r . d has dL/dr = g - c d and dL/dd = -a g - c r, where g = dL/dr' and c = g . d; where
    a was cut at 0, c is 0. Residuals of earlier steps come back by r = r' + a d.
    """

    @staticmethod
    def forward(ctx, inputs: Tensor, atoms: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
        """Of inputs (n, rows, units), atoms (n, atoms, units): residual like inputs; index, amounts (n, rows, k)."""
        residual, index, amounts = inputs.clone(), [], []
        for _ in range(k):
            chosen = products(residual, atoms.transpose(1, 2)).argmax(dim=2)
            directions = rows_of(atoms, chosen)
            amount = (residual * directions).sum(dim=2).relu_()
            residual.addcmul_(amount.unsqueeze(2), directions, value=-1)
            index.append(chosen)
            amounts.append(amount)
        index, amounts = torch.stack(index, dim=2), torch.stack(amounts, dim=2)
        ctx.save_for_backward(residual, atoms, index, amounts)
        ctx.mark_non_differentiable(index, amounts)
        return residual, index, amounts

    @staticmethod
    def backward(ctx, gradient: Tensor, *_):
        after, atoms, index, amounts = ctx.saved_tensors
        n, rows, k = index.shape
        residual, gradient = after.clone(), gradient.clone()
        of_choices = after.new_empty(n, rows, k, after.shape[2])
        for step in reversed(range(k)):
            directions = rows_of(atoms, index[:, :, step])
            amount = amounts[:, :, step].unsqueeze(2)
            residual.addcmul_(amount, directions)
            along = (gradient * directions).sum(dim=2, keepdim=True) * (amount > 0)
            of_choices[:, :, step] = -(amount * gradient + along * residual)
            gradient.addcmul_(along, directions, value=-1)
        support = Support.of_index(index, atoms.shape[1])
        order, _, offsets = support.by_atom
        of_atoms = bag(order, offsets, torch.ones_like(order, dtype=after.dtype), of_choices.view(n * rows * k, -1))
        return gradient, of_atoms.view(atoms.shape), None


def rows_of(table: Tensor, index: Tensor) -> Tensor:
    """(n, rows, units) of a table (n, atoms, units), by index (n, rows)."""
    return torch.stack([each[chosen] for each, chosen in zip(table.unbind(), index.unbind(), strict=True)])
