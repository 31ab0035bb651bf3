"""The JumpReLU sparse autoencoder."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.autograd import Function

from thresh.dictionaries.autoencoders.penalties import mean_sum, strength
from thresh.dictionaries.autoencoders.sparse import sums_of_rows
from thresh.dictionaries.autoencoders.sparse_autoencoder import SparseAutoencoder
from thresh.dictionaries.autoencoders.stack import Forward, Stack, centred, forward_of_dense, pre_activations
from thresh.dictionaries.kinds.jumprelu import JumpReLUDictionary
from thresh.dictionaries.learner import Start
from thresh.parameters import POSITIVE, checked


class JumpReLU(SparseAutoencoder):
    """z = p where p > threshold, 0 elsewhere, with p = (x - b_dec) W_enc + b_enc; each latent learns its threshold.

    Minimises |x - x_hat|^2 over the variance + penalty |z|_0, the mean over rows (Rajamanoharan et al. 2024b, eq. 9).
    Nothing of it is smooth in the thresholds: they learn by pseudo-gradients that look at pre-activations within half a
    bandwidth of the threshold (eq. 11 and 12, see `Jump`). As there, what is learned is the logarithm of a
    threshold, so that it stays positive, and the penalty rises at the start (here over 5 % of the run).

    Assumes that a concept that is there is clearly so: that pre-activations leave a gap for a threshold. Codes are not
    shrunk, and latents that fire at random pay. Choose it for the best reconstruction at a given sparsity, where some
    tries at the penalty are affordable; BatchTopK where the number of active latents is to be set. Atoms hear of the
    penalty through the thresholds alone: from a start at which many latents are active they settle on mixtures.

    Parameters
    ----------
    penalty
        Share of the variance that a latent has to explain, in a row, to be worth its being active.
    bandwidth, first_threshold
        Of the thresholds' pseudo-gradient, and where thresholds begin; as multiples of the standard deviation of a
        unit. The paper has 0.001 of the row norm for both, which is 0.05 in 2304 units. Here the band is wider, because
        batches are 16 times smaller, and thresholds begin at 2, where a latent of no feature is active in about
        2 % of the rows: planted features were found as well or better in every system tried.
    """

    name = "jumprelu"
    varying: ClassVar[tuple[str, ...]] = (*SparseAutoencoder.varying, "penalty")

    @checked(penalty=POSITIVE, bandwidth=POSITIVE, first_threshold=POSITIVE)
    def __init__(
        self,
        units: int,
        atoms: int,
        *,
        penalty: float = 0.03,
        bandwidth: float = 1.0,
        first_threshold: float = 2.0,
        **common,
    ):
        super().__init__(units, atoms, **common)
        self.penalty, self.bandwidth, self.first_threshold = penalty, bandwidth, first_threshold

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        first = super().first_parameters(start, middle)
        threshold = self.first_threshold * self.deviation(max(start.moments.variance, 1e-12))
        return first | {"log_threshold": torch.full_like(first["b_enc"], math.log(threshold))}

    def deviation(self, variance: float) -> float:
        """Of a unit, the root of the mean over units."""
        return math.sqrt(variance / self.units)

    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        pre = pre_activations(stack, centred(stack, x)).float()
        bandwidth = self.bandwidth * self.deviation(stack.variance)
        codes, active = Jump.apply(pre, stack.log_threshold.exp(), bandwidth)
        return forward_of_dense(stack, x, codes, stack.W_dec, strength(stack, done) * mean_sum(active))

    def export(self, tensors: dict[str, Tensor]) -> JumpReLUDictionary:
        threshold = tensors["log_threshold"].exp()
        return JumpReLUDictionary(tensors["W_dec"], tensors["W_enc"].T, tensors["b_enc"], threshold, tensors["b_dec"])

    def place(self, stack: Stack, member: int, chosen: Tensor, rows: Tensor) -> None:
        super().place(stack, member, chosen, rows)
        threshold = self.first_threshold * self.deviation(stack.variance)
        stack.log_threshold.data[member, chosen] = math.log(threshold)


class Jump(Function):
    """Codes p H(p - t) and activity H(p - t) of pre-activations p (n, rows, atoms) with thresholds t (n, atoms).

    Gradients (Rajamanoharan et al. 2024b, eq. 11 and 12; K is the rectangle on [-1/2, 1/2], e the bandwidth):

        d codes / d p = H(p - t)        d codes / d t = -t/e K((p - t) / e)
        d activity / d p = 0            d activity / d t = -1/e K((p - t) / e)
    """

    @staticmethod
    def forward(ctx, pre: Tensor, threshold: Tensor, bandwidth: float) -> tuple[Tensor, Tensor]:
        ctx.save_for_backward(pre, threshold)
        ctx.bandwidth = bandwidth
        active = pre > threshold.unsqueeze(1)
        return torch.where(active, pre, 0.0), active.to(pre.dtype)

    @staticmethod
    def backward(ctx, of_codes: Tensor, of_activity: Tensor):
        pre, threshold = ctx.saved_tensors[0], ctx.saved_tensors[1].unsqueeze(1)
        near = (pre - threshold).abs() < ctx.bandwidth / 2
        at_threshold = torch.where(near, of_codes * threshold + of_activity, 0.0)
        return torch.where(pre > threshold, of_codes, 0.0), sums_of_rows(at_threshold) / -ctx.bandwidth, None
