"""A dictionary that decides which atoms are active apart from how strong they are."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.kinds.linear import LinearDictionary
from thresh.inference.arrays import as_tensor


class GatedDictionary(LinearDictionary):
    """Codes are 1[p + b_gate > 0] relu(exp(r_mag) p + b_mag), p = (x - b_dec) W_enc (Rajamanoharan et al. 2024, eq. 6).

    Attributes
    ----------
    b_gate, b_mag, r_mag : (atoms,) tensors
    """

    architecture = "gated"

    def __init__(self, atoms, W_enc, b_gate, b_mag, r_mag, bias=None):
        super().__init__(atoms, W_enc, torch.zeros(len(b_gate)), bias)
        self.b_gate, self.b_mag, self.r_mag = (
            as_tensor(each, device="cpu", dtype=torch.float32) for each in (b_gate, b_mag, r_mag)
        )

    def activate(self, pre: Tensor) -> Tensor:
        magnitude = (pre * self.r_mag.to(pre).exp() + self.b_mag.to(pre)).relu()
        return torch.where(pre + self.b_gate.to(pre) > 0, magnitude, 0.0)

    def moved(self, atoms: Tensor, W_enc: Tensor, bias: Tensor, lengths: Tensor) -> "GatedDictionary":
        return GatedDictionary(atoms, W_enc * lengths, self.b_gate * lengths, self.b_mag * lengths, self.r_mag, bias)

    def tensors(self) -> dict[str, Tensor]:
        tensors = super().tensors() | {"b_gate": self.b_gate, "b_mag": self.b_mag, "r_mag": self.r_mag}
        return {name: tensor for name, tensor in tensors.items() if name != "b_enc"}

    @classmethod
    def biases_less_centring(cls, tensors: dict[str, Tensor], offset: Tensor) -> dict[str, Tensor]:
        magnitude = tensors["b_mag"] + offset * tensors["r_mag"].exp()
        return {"b_gate": tensors["b_gate"] + offset, "b_mag": magnitude}

    @classmethod
    def read(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "GatedDictionary":
        return cls(*(tensors[name] for name in ("W_dec", "W_enc", "b_gate", "b_mag", "r_mag", "b_dec")))
