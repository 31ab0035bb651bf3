"""The ReLU sparse autoencoder with an L1 penalty."""

from typing import ClassVar

from torch import Tensor

from thresh.dictionaries.autoencoders.penalties import lasso, strength
from thresh.dictionaries.autoencoders.sparse_autoencoder import SparseAutoencoder
from thresh.dictionaries.autoencoders.stack import Forward, Stack, centred, forward_of_dense, pre_activations
from thresh.dictionaries.kinds.relu import ReLUDictionary
from thresh.parameters import POSITIVE, checked


class ReLU(SparseAutoencoder):
    """z = relu((x - b_dec) W_enc + b_enc); minimises |x - x_hat|^2 + 2 penalty s |z|_1 over s^2, the mean over rows.

    s is the root mean square distance of rows from their mean, so that a penalty is what it is for the lasso. Bricken
    et al. 2023 hold atoms at unit norm, as here. Conerly et al. 2024 ('Update on how we train SAEs') weigh each code in
    the penalty with the norm of its atom instead, which is the same at unit norm, and let the penalty rise over the
    first 5 % of the run, as here.

    Assumes that concepts are there or not, in any number, and that a linear map can tell them apart. The penalty makes
    all codes too small; choose JumpReLU, Gated or p-annealing where strengths matter, TopK where the number of active
    latents is to be set. Choose ReLU as the baseline that others are compared with, and for sweeps: autoencoders that
    differ in their penalties are trained as one stack.

    A latent that is silent has no gradient, so AuxK is off: dead latents are set to badly explained rows instead.

    Parameters
    ----------
    penalty
        As a multiple of s; default: that of online dictionary learning.
    auxiliary, resample_every
        As for every sparse autoencoder, with other defaults. 500 steps: 4 times in the first half of a run of 4000
        steps, as often as Bricken et al.
    """

    name = "relu"
    varying: ClassVar[tuple[str, ...]] = (*SparseAutoencoder.varying, "penalty")

    @checked(penalty=POSITIVE)
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        penalty: float = 0.05,
        auxiliary: float = 0.0,
        resample_every: int | None = 500,
        **common,
    ):
        super().__init__(units, atoms, auxiliary=auxiliary, resample_every=resample_every, **common)
        self.penalty = penalty

    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        codes = pre_activations(stack, centred(stack, x)).float().relu()
        return forward_of_dense(stack, x, codes, stack.W_dec, strength(stack, done) * self.cost(stack, codes, done))

    def cost(self, stack: Stack, codes: Tensor, done: float) -> Tensor:
        """(n,) what codes cost at a penalty of 1."""
        return lasso(stack, codes)

    def export(self, tensors: dict[str, Tensor]) -> ReLUDictionary:
        return ReLUDictionary(tensors["W_dec"], tensors["W_enc"].T, tensors["b_enc"], tensors["b_dec"])
