"""A dictionary without an encoder: its codes are those of the lasso, solved exactly."""

from typing import Any

import torch
from torch import Tensor

from thresh.dictionaries.inputs import Transform
from thresh.dictionaries.kinds.dictionary import Dictionary
from thresh.inference.fista import fista


class LassoDictionary(Dictionary):
    """Codes are the minimisers of 0.5 |x - b - z D|^2 + penalty |z|_1.

    Attributes
    ----------
    penalty : float
        In the scale of raw activations.
    nonnegative : bool
        Whether codes are held at or above 0.
    """

    architecture = "thresh_lasso"

    def __init__(self, atoms, penalty: float, bias=None, *, nonnegative: bool = True):
        super().__init__(atoms, bias)
        self.penalty, self.nonnegative = float(penalty), bool(nonnegative)

    def codes_of(self, x: Tensor) -> Tensor:
        return fista(x - self.b_dec.to(x), self.W_dec.to(x), self.penalty, nonnegative=self.nonnegative)

    def folded(self, transform: Transform) -> Dictionary:
        if not transform.is_scalar:
            return super().folded(transform)
        bias = torch.from_numpy(transform.shift) + self.b_dec * transform.inverse
        return LassoDictionary(self.W_dec, self.penalty * transform.inverse, bias, nonnegative=self.nonnegative)

    def settings(self) -> dict[str, Any]:
        return {"penalty": self.penalty, "nonnegative": self.nonnegative}

    @classmethod
    def from_file(cls, config: dict[str, Any], tensors: dict[str, Tensor]) -> "LassoDictionary":
        nonnegative = config.get("nonnegative", True)
        return cls(tensors["W_dec"], config["penalty"], tensors["b_dec"], nonnegative=nonnegative)
