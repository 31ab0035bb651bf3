"""The BatchTopK sparse autoencoder."""

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from thresh.devices import on_cpu
from thresh.dictionaries.autoencoders.sparse import Support, chosen
from thresh.dictionaries.autoencoders.stack import Forward, Stack, centred, forward_of_rectified
from thresh.dictionaries.kinds.jumprelu import JumpReLUDictionary
from thresh.dictionaries.learner import Start
from thresh.dictionaries.methods.topk import TopK
from thresh.dictionaries.training.ranks import gathered, rank_and_size

FORGOTTEN = 0.01  # of the running threshold, at each step
UNKNOWN = -1.0  # a threshold before the first batch


class BatchTopK(TopK):
    """Keeps the k * rows largest latents of a batch, however they are spread over its rows (Bussmann et al. 2024).

    A row alone has no batch: the dictionary keeps what exceeds a threshold, the mean over batches of the smallest
    latent that was kept, as in the paper; here a running mean over about 100 batches. It is part of the state, and the
    dictionary is saved as a JumpReLU dictionary. Several processes choose from the whole batch.

    Assumes that rows hold k concepts on average, some more and some fewer; a row with strong concepts gets more of
    them. Choose `TopK` where each row has the same number, or where rows differ in norm and not in what they hold.

    Parameters
    ----------
    k
        Latents of a row that stay active, on average; between 1 and the number of atoms.
    """

    name = "batchtopk"
    fixed: ClassVar[tuple[str, ...]] = ("threshold",)

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        threshold = torch.full((), UNKNOWN, device=self.device)
        return super().first_parameters(start, middle) | {"threshold": threshold}

    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        rows, (rank, size) = len(x), rank_and_size()
        count = self.k * rows * size
        # One part may have all the largest.
        own = min(count, rows * self.atoms)
        with torch.no_grad():
            inputs = centred(stack, x)
            values, places = chosen(inputs, stack.W_enc, stack.b_enc, lambda pre: largest_of_batch(pre, own))
            values = values.float()
            everywhere = gathered(values.unsqueeze(0))
            kept = largest_of_parts(everywhere, count)
            follow(stack.threshold, everywhere, kept)
            found = (values, *entries_of(places, rows, self.atoms))
            # Where all are kept nobody waits for the device to count them.
            values, row, columns = (each.flatten() if size == 1 else each[kept[rank]] for each in found)
            shape = (len(places), rows, self.atoms)
            support = Support(counted(row, shape[0] * rows), columns, shape)
        return self.explain(stack, x, inputs, values, support)

    def explain(self, stack: Stack, x: Tensor, inputs: Tensor, pre: Tensor, support: Support) -> Forward:
        """Loss and residual where the pre-activations (active,) were chosen."""
        return forward_of_rectified(stack, inputs, pre, support, stack.W_dec)

    def export(self, tensors: dict[str, Tensor]) -> JumpReLUDictionary:
        threshold = tensors["threshold"].expand(self.atoms)
        return JumpReLUDictionary(tensors["W_dec"], tensors["W_enc"].T, tensors["b_enc"], threshold, tensors["b_dec"])


def largest_of_batch(pre: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The `count` largest entries of pre-activations (..., rows, atoms), and their places in the batch, in order."""
    flat = pre.flatten(-2)
    if on_cpu(flat):
        # NumPy only parts the entries and does not order them: several times as fast as topk.
        first = flat.shape[-1] - count
        places = torch.from_numpy(np.argpartition(flat.numpy(), first)[..., first:])
    else:
        places = flat.topk(count, sorted=False).indices
    places = places.sort().values
    return flat.gather(-1, places), places


def largest_of_parts(values: Tensor, count: int) -> Tensor:
    """Which of values (parts, n, candidates) are the `count` largest of each of n; boolean, of the same shape.

    Of values that equal the smallest one kept, the first are kept: those of the first parts, in the order of places.
    """
    parts, n, candidates = values.shape
    if candidates * parts == count:
        return torch.ones_like(values, dtype=torch.bool)
    of_each = values.transpose(0, 1).reshape(n, -1)
    smallest = largest_of_batch(of_each.unsqueeze(1), count)[0].amin(dim=1, keepdim=True)
    above, equal = of_each > smallest, of_each == smallest
    room = count - above.sum(dim=1, keepdim=True)
    kept = above | (equal & (equal.cumsum(dim=1) <= room))
    return kept.view(n, parts, candidates).transpose(0, 1)


def entries_of(places: Tensor, rows: int, atoms: int) -> tuple[Tensor, Tensor]:
    """Rows and columns, as a `Support` counts them, of places (n, candidates) in the batches of n dictionaries."""
    dictionary = torch.arange(len(places), device=places.device).unsqueeze(1)
    return dictionary * rows + places.div(atoms, rounding_mode="floor"), dictionary * atoms + places % atoms


def counted(numbers: Tensor, size: int) -> Tensor:
    """(size,) how often each number stands there; unlike `bincount`, it does not wait for the device."""
    return numbers.new_zeros(size).index_add_(0, numbers, torch.ones_like(numbers))


def follow(threshold: Tensor, values: Tensor, kept: Tensor) -> None:
    """Move running thresholds (n,) towards the smallest positive of the values (parts, n, candidates) that are kept."""
    smallest = torch.where(kept & (values > 0), values, math.inf).amin(dim=(0, 2))
    # Where nothing is positive there is nothing to keep out.
    smallest = torch.where(smallest.isinf(), 0.0, smallest)
    threshold.copy_(torch.where(threshold == UNKNOWN, smallest, threshold.lerp(smallest, FORGOTTEN)))
