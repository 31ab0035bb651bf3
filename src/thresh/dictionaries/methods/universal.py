"""The universal sparse autoencoder: one code for several systems."""

from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor

from thresh.dictionaries.autoencoders.sparse import EncoderGradient, Support, chosen, largest
from thresh.dictionaries.autoencoders.stack import Forward, Stack, centred, forward_of_sparse
from thresh.dictionaries.inputs import scaling
from thresh.dictionaries.kinds.topk import TopKDictionary
from thresh.dictionaries.kinds.universal import UniversalDictionary
from thresh.dictionaries.learner import Start
from thresh.dictionaries.methods.topk import TopK
from thresh.errors import ConfigError
from thresh.parameters import checked, each, integer


class Universal(TopK):
    """Codes that one system's encoder makes explain all systems (Thasarathan et al. 2025, eq. 3 to 5).

    Rows hold the units of several systems side by side, for the same stimuli. At each step one system, in turn, is
    encoded: z = topk((x_i - b_i) W_i + c), and all are decoded from it; minimises sum_s |x_s - z D_s - b_s|^2, each
    system scaled to the same variance. In the paper the system is drawn at random and encoders differ in more than
    their weights; here they share the bias c.

    Assumes that the systems hold the same concepts. A concept of one system alone has atoms that are short in
    the others, and costs the code of these; choose separate dictionaries and matching where few are shared. Choose it
    to name what is shared with one number an atom, in place of matching atoms afterwards.

    Parameters
    ----------
    blocks
        Units of each system, in the order of the units.
    """

    name = "universal"
    normalise = "none"
    normalisations = ("none",)
    fixed: ClassVar[tuple[str, ...]] = ("factor",)

    @checked(blocks=each(integer(1)))
    def __init__(self, units: int, atoms: int, *, blocks: Sequence[int], **common):
        super().__init__(units, atoms, **common)
        self.blocks = tuple(blocks)
        if len(self.blocks) < 2 or sum(self.blocks) != units:
            raise ConfigError("blocks", list(blocks), f"units of two systems or more, {units} in all")

    def treatment(self, normalise: str) -> str:
        """Each system has a factor of its own."""
        return normalise

    def first_parameters(self, start: Start, middle: Tensor) -> dict[str, Tensor]:
        deviations = (start.sample - start.sample.mean(dim=0)).square().mean(dim=0).split(self.blocks)
        share = self.units / len(self.blocks)
        tiny = torch.finfo(torch.float32).tiny
        factors = [(share / block.sum().clamp(min=tiny)).sqrt().expand(len(block)) for block in deviations]
        factor = torch.cat(factors)
        first = super().first_parameters(start, middle * factor)
        return first | {"factor": factor}

    def forward(self, stack: Stack, x: Tensor, done: float) -> Forward:
        x = self.rows(stack, x)
        with torch.no_grad():
            inputs = self.seen(centred(stack, x), stack.taken % len(self.blocks))
            values, index = chosen(inputs, stack.W_enc, stack.b_enc, lambda pre: largest(pre, self.k))
            support = Support.of_index(index, self.atoms)
        centre = stack.b_dec.detach()  # What the encoder subtracts is learned by the decoder.
        pre = EncoderGradient.apply(values.flatten().float(), inputs, stack.W_enc, stack.b_enc, centre, support)
        found = forward_of_sparse(stack, x, pre.relu(), support, stack.W_dec)
        return Forward(found.loss * self.shrunk(stack), found.residual, found.active, found.used)

    def shrunk(self, stack: Stack) -> float:
        """Variance of the rows over that of scaled rows, which is the number of units."""
        return stack.variance / self.units

    def squared_errors(self, stack: Stack, residual: Tensor) -> Tensor:
        return super().squared_errors(stack, residual) * self.shrunk(stack)

    def seen(self, inputs: Tensor, system: int) -> Tensor:
        """Inputs (n, rows, units) with zeros for all systems but one."""
        kept = torch.zeros_like(inputs)
        begin = sum(self.blocks[:system])
        own = slice(begin, begin + self.blocks[system])
        kept[..., own] = inputs[..., own]
        return kept

    def rows(self, stack: Stack, x: Tensor) -> Tensor:
        return x * stack.factor[0]

    def export(self, tensors: dict[str, Tensor]) -> UniversalDictionary:
        columns = (tensors[name].split(self.blocks, dim=-1) for name in ("W_dec", "W_enc", "b_dec", "factor"))
        parts, factors = [], []
        for atoms, encoder, bias, factor in zip(*columns, strict=True):
            part = TopKDictionary(atoms, encoder.T, tensors["b_enc"], self.k, bias).with_unit_atoms()
            factors.append(float(factor[0]))
            parts.append(part.folded(scaling(len(factor), factors[-1])))
        return UniversalDictionary(parts, factors)
