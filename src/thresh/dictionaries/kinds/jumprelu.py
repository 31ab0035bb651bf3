"""A dictionary whose codes are what exceeds a threshold of each atom."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.kinds.linear import LinearDictionary
from thresh.inference.arrays import as_tensor


class JumpReLUDictionary(LinearDictionary):
    """Codes are p where p > threshold and 0 elsewhere, p = (x - b_dec) W_enc + b_enc, rectified.

    Attributes
    ----------
    threshold : (atoms,) tensor
    """

    architecture = "jumprelu"

    def __init__(self, atoms, W_enc, b_enc, threshold, bias=None):
        super().__init__(atoms, W_enc, b_enc, bias)
        self.threshold = as_tensor(threshold, device="cpu", dtype=torch.float32)

    def activate(self, pre: Tensor) -> Tensor:
        return torch.where(pre > self.threshold.to(pre), pre, 0.0).relu()

    def moved(self, atoms: Tensor, W_enc: Tensor, bias: Tensor, lengths: Tensor) -> "JumpReLUDictionary":
        return JumpReLUDictionary(atoms, W_enc * lengths, self.b_enc * lengths, self.threshold * lengths, bias)

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {"threshold": self.threshold}

    @classmethod
    def read(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "JumpReLUDictionary":
        return cls(tensors["W_dec"], tensors["W_enc"], tensors["b_enc"], tensors["threshold"], tensors["b_dec"])
