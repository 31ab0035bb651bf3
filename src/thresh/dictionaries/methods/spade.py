"""The sparsemax distance encoder."""

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.autograd import Function

from thresh.dictionaries.autoencoders.sparse import EncoderGradient, Support, decode, products
from thresh.dictionaries.autoencoders.sparse_autoencoder import SparseAutoencoder
from thresh.dictionaries.autoencoders.stack import Forward, Stack, centred, unexplained
from thresh.dictionaries.kinds.dictionary import unit_atoms
from thresh.dictionaries.kinds.spade import SpaDEDictionary, nearness
from thresh.dictionaries.learner import Start
from thresh.dictionaries.simplex import on_simplex
from thresh.parameters import NOT_NEGATIVE, POSITIVE, checked


class SpaDE(SparseAutoencoder):
    """z = sparsemax(-lambda |x - w_j|^2) over learned prototypes w_j, x_hat = z A (Hindupur et al. 2025, section 5).

    Minimises |x - x_hat|^2 + locality * sum_j z_j |x - a_j|^2, over the variance. lambda > 0 is learned, as in the
    paper; here as exp(.), there as softplus(.). Codes are shares that sum to one: active are the prototypes that are
    about as near as the nearest one, many or few from row to row. Since shares sum to one, a bias would be part of the
    atoms: b_dec stays at the geometric median, and only says from where prototypes and atoms are looked at. The
    exported codes are shares times the lengths of the atoms.

    Prototypes and atoms begin at rows of the data (in the paper at Gaussian numbers), so that none begins far away from
    all rows. Dead ones learn to explain rows by themselves, weighted by `auxiliary`.

    Assumes that concepts are regions, such as clusters, also where no hyperplane cuts them off: one that lies beyond
    another in the same direction, or between others. It does not assume that concepts add up; where they do
    (superposition), prototypes would have to cover their combinations: choose another method there.

    Parameters
    ----------
    sharpness
        lambda at the start, over the variance of the rows. The default is that of the authors' code, 1 / (2 units) for
        rows of unit variance in each unit.
    locality
        Weight of the penalty on atoms far from the rows they explain; the default is that of the authors' code. With
        a larger one fewer atoms are active.

    References
    ----------
    Hindupur et al. 2025, 'Projecting assumptions: the duality between sparse autoencoders and concept geometry';
    Martins & Astudillo 2016 (sparsemax); Tasissa et al. 2023 (the penalty).
    """

    name = "spade"
    varying: ClassVar[tuple[str, ...]] = (*SparseAutoencoder.varying, "sharpness", "locality")
    fixed: ClassVar[tuple[str, ...]] = ("b_dec",)

    @checked(sharpness=POSITIVE, locality=NOT_NEGATIVE)
    def __init__(self, units: int, atoms: int, *, sharpness: float = 0.5, locality: float = 0.1, **common):
        super().__init__(units, atoms, **common)
        self.sharpness, self.locality = sharpness, locality

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        drawn = torch.randperm(max(len(start.sample), self.atoms), generator=self.generator())[: self.atoms]
        rows = start.sample[(drawn % len(start.sample)).to(middle.device)] - middle
        sharpness = self.sharpness / max(start.moments.variance, 1e-12)
        return {
            "W_enc": rows,
            "W_dec": rows.clone(),
            "b_dec": middle.clone(),
            "log_sharpness": middle.new_tensor(math.log(sharpness)),
        }

    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        # A distance is the difference of two large numbers: never in bfloat16.
        with torch.autocast(x.device.type, enabled=False):
            inputs = centred(stack, x)
            shares, support = shares_of(stack, inputs)
            decoded = decode(shares, stack.W_dec, support)
            residual = inputs - decoded
            spread = mean_spread(stack, inputs, decoded, shares, support)
            loss = unexplained(residual, stack.variance) + stack.each("locality") * spread / stack.variance
        codes = shares.detach()
        return Forward(loss, residual, support.active(codes), support.used(codes))

    def revived(self, stack: Stack, x: Tensor, residual: Tensor) -> Tensor:
        """Share of the variance that is left when dead latents explain the rows alone, each row by the nearest ones."""
        found = []
        for member, dead in enumerate(stack.dead.unbind()):
            prototypes, atoms = stack.W_enc[member][dead], stack.W_dec[member][dead]
            if len(prototypes) == 0:
                found.append(x.new_zeros(()))
                continue
            with torch.autocast(x.device.type, enabled=False):
                inputs = x - stack.b_dec[member]
                scores = stack.log_sharpness[member].exp() * nearness(inputs, prototypes)
                best, index = scores.topk(min(self.auxiliary_k, len(prototypes)), dim=1)
                shares = torch.zeros_like(scores).scatter(1, index, on_simplex(best))
                found.append((inputs - shares @ atoms).square().sum(dim=1).mean() / stack.variance)
        return torch.stack(found)

    def place(self, stack: Stack, member: int, chosen: Tensor, rows: Tensor) -> None:
        """Resample latents: prototype and atom become the row."""
        stack.W_enc.data[member, chosen] = rows
        stack.W_dec.data[member, chosen] = rows

    def before_step(self, stack: Stack) -> None:
        """Atoms may have any length."""

    def after_step(self, stack: Stack) -> None:
        """Atoms may have any length."""

    def export(self, tensors: dict[str, Tensor]) -> SpaDEDictionary:
        atoms, lengths = unit_atoms(tensors["W_dec"])
        bias, sharpness = tensors["b_dec"], float(tensors["log_sharpness"].exp())
        return SpaDEDictionary(atoms, tensors["W_enc"] + bias, sharpness, lengths, bias)


def shares_of(stack: Stack, inputs: Tensor) -> tuple[Tensor, Support]:
    """Shares (active,) with their gradient, and where they stand.

    Scores are 2 lambda (x . w_j - |w_j|^2 / 2): -lambda |x - w_j|^2 but for a number that is common to the row.
    """
    offsets = -0.5 * stack.W_enc.square().sum(dim=2)
    with torch.no_grad():
        pre = products(inputs, stack.W_enc.transpose(1, 2)) + offsets.unsqueeze(1)
        scores = 2 * stack.log_sharpness.exp().view(-1, 1, 1) * pre
        support = Support.of_mask(on_simplex(scores) > 0)
    chosen = EncoderGradient.apply(support.take(pre), inputs, stack.W_enc, offsets, stack.b_dec, support)
    of_each = chosen.split(support.active_of_each.tolist())
    scores = torch.cat([2 * each.exp() * part for each, part in zip(stack.log_sharpness, of_each, strict=True)])
    return Shares.apply(scores, support), support


class Shares(Function):
    """Sparsemax of scores (active,) on its support: less the mean of the row, plus one over their number."""

    @staticmethod
    def forward(ctx, scores: Tensor, support: Support) -> Tensor:
        ctx.support = support
        equal = (1 / support.counts).to(scores).repeat_interleave(support.counts, output_size=len(scores))
        return (less_mean(scores, support) + equal).clamp_(min=0)

    @staticmethod
    def backward(ctx, gradient: Tensor):
        return less_mean(gradient.contiguous(), ctx.support), None


def less_mean(values: Tensor, support: Support) -> Tensor:
    """Values (active,) less the mean of those in the same row."""
    n, _, atoms = support.shape
    means = support.over_rows(values, values.new_ones(n * atoms, 1)).squeeze(1) / support.counts
    return values - means.repeat_interleave(support.counts, output_size=len(values))


def mean_spread(stack: Stack, inputs: Tensor, decoded: Tensor, shares: Tensor, support: Support) -> Tensor:
    """(n,) mean over rows of sum_j z_j |x - a_j|^2, which is |x|^2 - 2 x . x_hat + sum_j z_j |a_j|^2 for shares z."""
    squares = decode(shares, stack.W_dec.square().sum(dim=2, keepdim=True), support).squeeze(2)
    spread = squares + (inputs.square() - 2 * inputs * decoded).sum(dim=2)
    return torch.stack([each.mean() for each in spread.unbind()])
