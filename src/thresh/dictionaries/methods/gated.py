"""The gated sparse autoencoder."""

import torch
from torch import Tensor

from thresh.dictionaries.autoencoders.penalties import lasso, strength
from thresh.dictionaries.autoencoders.sparse import products
from thresh.dictionaries.autoencoders.stack import Forward, Stack, centred, forward_of_dense, unexplained
from thresh.dictionaries.kinds.gated import GatedDictionary
from thresh.dictionaries.learner import Start
from thresh.dictionaries.methods.relu import ReLU


class Gated(ReLU):
    """z = 1[g > 0] relu(exp(r_mag) p + b_mag) with p = (x - b_dec) W_enc, g = p + b_gate.

    Minimises |x - x_hat(z)|^2 + 2 penalty s |relu(g)|_1 + |x - x_hat'(relu(g))|^2 over s^2, the mean over rows, where
    x_hat' is the decoder without gradient (Rajamanoharan et al. 2024a, eq. 6 to 8). The gate decides which latents are
    active and carries the penalty; their strength is not held back by it. s is as in `ReLU`, and so is the rise of
    the penalty.

    Assumes what `ReLU` assumes. Choose it where the strengths of concepts matter and thresholds need not be learned by
    pseudo-gradients (JumpReLU). The reconstruction counts twice against one penalty: for equal sparsity the
    penalty is two to three times that of `ReLU`.

    A latent whose gate is shut has no gradient, so AuxK is off: dead latents are set to badly explained rows instead.

    Parameters
    ----------
    penalty
        As a multiple of s.
    auxiliary, resample_every
        As in `ReLU`.
    """

    name = "gated"

    def __init__(self, units: int, atoms: int, *, penalty: float = 0.15, **common):
        super().__init__(units, atoms, penalty=penalty, **common)

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        # The gate's bias stands as b_enc, where AuxK and resampling look for it.
        first = super().first_parameters(start, middle)
        return first | {name: torch.zeros_like(first["b_enc"]) for name in ("b_mag", "r_mag")}

    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        pre = products(centred(stack, x), stack.W_enc.transpose(1, 2)).float()
        gate = (pre + stack.b_enc.unsqueeze(1)).relu()
        magnitude = (pre * stack.r_mag.exp().unsqueeze(1) + stack.b_mag.unsqueeze(1)).relu()
        codes = torch.where(gate > 0, magnitude, 0.0)
        by_gate = products(gate, stack.W_dec.detach()) + stack.b_dec.detach().unsqueeze(1)
        cost = strength(stack, done) * lasso(stack, gate) + unexplained(x - by_gate, stack.variance)
        return forward_of_dense(stack, x, codes, stack.W_dec, cost)

    def export(self, tensors: dict[str, Tensor]) -> GatedDictionary:
        biases = (tensors[name] for name in ("b_enc", "b_mag", "r_mag", "b_dec"))
        return GatedDictionary(tensors["W_dec"], tensors["W_enc"].T, *biases)

    def place(self, stack: Stack, member: int, chosen: Tensor, rows: Tensor) -> None:
        super().place(stack, member, chosen, rows)
        stack.b_mag.data[member, chosen] = 0
        stack.r_mag.data[member, chosen] = 0
