"""A dictionary whose codes say how near a row is to each prototype."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.inputs import Transform
from thresh.dictionaries.kinds.dictionary import Dictionary
from thresh.dictionaries.simplex import on_simplex
from thresh.inference.arrays import as_tensor


class SpaDEDictionary(Dictionary):
    """Codes are -sharpness |x - w_j|^2 over the prototypes w_j, projected onto the simplex, times `lengths`.

    Before the lengths they are shares: not negative, with sum 1, and zero for prototypes much farther than the nearest.

    Attributes
    ----------
    prototypes : (atoms, units) tensor
        w_j, in raw activations.
    sharpness : float
        lambda of the source; the larger, the fewer prototypes share a row.
    lengths : (atoms,) tensor
        What one share of an atom adds to a row, as a multiple of the atom.
    """

    architecture = "thresh_spade"

    def __init__(self, atoms, prototypes, sharpness: float, lengths, bias=None):
        super().__init__(atoms, bias)
        self.sharpness = float(sharpness)
        self.prototypes, self.lengths = (
            as_tensor(each, device="cpu", dtype=torch.float32) for each in (prototypes, lengths)
        )

    def codes_of(self, x: Tensor) -> Tensor:
        bias = self.b_dec.to(x)
        return on_simplex(self.sharpness * nearness(x - bias, self.prototypes.to(x) - bias)) * self.lengths.to(x)

    def folded(self, transform: Transform) -> Dictionary:
        if not transform.is_scalar:
            return super().folded(transform)
        shift, inverse = torch.from_numpy(transform.shift), transform.inverse
        prototypes, bias = (shift + each.double() * inverse for each in (self.prototypes, self.b_dec))
        return SpaDEDictionary(self.W_dec, prototypes, self.sharpness / inverse**2, self.lengths * inverse, bias)

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {"prototypes": self.prototypes, "lengths": self.lengths}

    def settings(self) -> dict[str, Any]:
        return {"sharpness": self.sharpness}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "SpaDEDictionary":
        prototypes, lengths = tensors["prototypes"], tensors["lengths"]
        return cls(tensors["W_dec"], prototypes, config["sharpness"], lengths, tensors["b_dec"])


def nearness(x: Tensor, prototypes: Tensor) -> Tensor:
    """|x|^2 - |x - w_j|^2 (rows, prototypes), from the expanded square; what is common to a row changes no share."""
    return 2 * (x @ prototypes.T) - prototypes.square().sum(dim=1)
