"""Sparse coding with an unrolled encoder that is learned together with the dictionary."""

import math
from typing import ClassVar

from torch import Tensor

from thresh.dictionaries.autoencoders.penalties import lasso
from thresh.dictionaries.autoencoders.sparse import products
from thresh.dictionaries.autoencoders.sparse_autoencoder import SparseAutoencoder
from thresh.dictionaries.autoencoders.stack import Forward, Stack, centred, forward_of_dense
from thresh.dictionaries.kinds.lista import LISTADictionary
from thresh.dictionaries.learner import Start, unit_rows
from thresh.inference.lasso import largest_eigenvalue
from thresh.parameters import POSITIVE, checked, integer


class LISTA(SparseAutoencoder):
    """Minimises 0.5 |x - b_dec - z D|^2 + penalty |z|_1 where z are codes after a few learned shrinkage steps.

    z_{t+1} = relu(z_t + s_t (x - b_dec - z_t D) W' - theta_t), from z_0 = 0: the steps of ISTA with learned weights
    (Gregor & LeCun 2010), in the coupled form that convergence asks for (Chen et al. 2018, theorem 1), with one W for
    all steps and a step size and threshold for each (Liu et al. 2019, 'tied LISTA'). W begins as D, s_t as 1 / L and
    theta_t as penalty / L, L the largest eigenvalue of D D': before training these are the steps of ISTA on D.
    Gradients go through all steps, to W, s, theta and D alike, so that D is learned for codes that are nearly those of
    the lasso. With W tied to D instead, codes ended three to five times as far from the lasso's optimum; weights for
    each step or thresholds for each atom would cost more and were not needed.

    Assumes what `online` assumes: few concepts a row, with codes that are not negative. Choose it where atoms should be
    as exact as those of sparse coding, and codes cheap: 2 `layers` products a row instead of a solver.

    Parameters
    ----------
    penalty
        As a multiple of the rows' root mean square distance from their mean.
    layers
        Steps. Each costs two products with a matrix of the dictionary's size, in training three times that. On planted
        features the objective was within 1 % of the lasso's optimum with 4, within 0.5 % with 8.

    References
    ----------
    Gregor & LeCun 2010, eq. 4; Chen et al. 2018; Liu, Chen, Wang & Yin 2019; trained on the lasso itself as in Ablin et
    al. 2019, and with the dictionary as in Malezieux, Moreau & Kowalski 2022.
    """

    name = "lista"
    varying: ClassVar[tuple[str, ...]] = (*SparseAutoencoder.varying, "penalty")

    @checked(penalty=POSITIVE, layers=integer(1))
    def __init__(self, units: int, atoms: int, *, penalty: float = 0.05, layers: int = 4, **common):
        super().__init__(units, atoms, **common)
        self.penalty, self.layers = penalty, layers

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        first = super().first_parameters(start, middle)
        log_size = -math.log(largest_eigenvalue(first["W_dec"]))
        log_penalty = math.log(self.penalty * math.sqrt(max(start.moments.variance, 1e-12)))
        return {name: first[name] for name in ("W_enc", "W_dec", "b_dec")} | {
            "log_steps": middle.new_full((self.layers,), log_size),
            "log_thresholds": middle.new_full((self.layers,), log_size + log_penalty),
        }

    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        inputs, encoder = centred(stack, x), stack.W_enc.transpose(1, 2)
        left, codes = inputs, 0.0
        for layer in range(self.layers):
            if layer > 0:
                left = inputs - products(codes, stack.W_dec)
            step, threshold = (each[:, layer].exp().view(-1, 1, 1) for each in (stack.log_steps, stack.log_thresholds))
            codes = (codes + step * products(left, encoder).float() - threshold).relu()
        return forward_of_dense(stack, x, codes, stack.W_dec, stack.each("penalty") * lasso(stack, codes))

    def latents(self, stack: Stack) -> tuple[Tensor, Tensor, Tensor]:
        return stack.W_enc, stack.W_enc.new_zeros(stack.W_enc.shape[:2]), stack.W_dec

    def place(self, stack: Stack, member: int, chosen: Tensor, rows: Tensor) -> None:
        stack.W_dec.data[member, chosen] = stack.W_enc.data[member, chosen] = unit_rows(rows)

    def export(self, tensors: dict[str, Tensor]) -> LISTADictionary:
        steps, thresholds = (tensors[name].exp() for name in ("log_steps", "log_thresholds"))
        return LISTADictionary(tensors["W_dec"], tensors["W_enc"].T, steps, thresholds, tensors["b_dec"])
