"""A dictionary whose codes come from a fixed number of learned shrinkage steps."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.inputs import Transform
from thresh.dictionaries.kinds.dictionary import Dictionary
from thresh.inference.arrays import as_tensor
from thresh.inference.lista import Layers


class LISTADictionary(Dictionary):
    """Codes are z_T of z_{t+1} = relu(z_t + steps_t (x - b - z_t D) W - thresholds_t), from z_0 = 0.

    Attributes
    ----------
    W_enc : (units, atoms) tensor
        W.
    steps, thresholds : (T,) tensors
    """

    architecture = "thresh_lista"

    def __init__(self, atoms, W_enc, steps, thresholds, bias=None):
        super().__init__(atoms, bias)
        self.W_enc, self.steps, self.thresholds = (
            as_tensor(each, device="cpu", dtype=torch.float32) for each in (W_enc, steps, thresholds)
        )

    def codes_of(self, x: Tensor) -> Tensor:
        return Layers(self.W_dec, self.W_enc, self.steps, self.thresholds)(x - self.b_dec.to(x))

    def folded(self, transform: Transform) -> Dictionary:
        if not transform.is_scalar:
            return super().folded(transform)
        bias = torch.from_numpy(transform.shift) + self.b_dec * transform.inverse
        return LISTADictionary(self.W_dec, self.W_enc, self.steps, self.thresholds * transform.inverse, bias)

    def tensors(self) -> dict[str, Tensor]:
        return super().tensors() | {"W_enc": self.W_enc, "steps": self.steps, "thresholds": self.thresholds}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "LISTADictionary":
        return cls(*(tensors[name] for name in ("W_dec", "W_enc", "steps", "thresholds", "b_dec")))
